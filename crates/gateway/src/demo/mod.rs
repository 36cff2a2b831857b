//! `nuncio demo`: the whole gateway on loopback, with an upstream and a manifest of its own.

mod httpbin;
mod manifest;

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::ambassador_files::AmbassadorFiles;
use crate::arguments::{
    AccessLogSwitch, AnnotationTrust, ChosenTimeouts, DemoArguments, FollowingArguments,
    IdentityArguments, InvalidFate, LastGoodArguments, LifeArguments, LimitArguments, LogFormat,
    PortArguments, Profile, RunArguments, SeriesArguments, StatisticsArguments, WriteBackArguments,
};
use crate::logging;
use crate::run::{Gateway, control_runtime};

const HTTP_PORT: u16 = 8080;
const HTTPS_PORT: u16 = 8443;
const ADMIN_PORT: u16 = 8877;
const METRICS_PORT: u16 = 9102;

/// Runs until interrupted. The manifest lives in a directory that goes with the process.
pub(crate) fn run(arguments: DemoArguments) -> anyhow::Result<()> {
    logging::start(&arguments.log, LogFormat::Text)?;
    let directory = tempfile::Builder::new()
        .prefix("nuncio-demo-")
        .tempdir()
        .context("cannot make a directory for the manifest")?;
    let control = control_runtime()?;
    let (stop, stopping) = watch::channel(false);
    let upstream = start_upstream(&control, stopping)?;
    let manifest = manifest::write(directory.path(), upstream)?;
    let gateway = Gateway::bind(&control, run_arguments(arguments, directory.path()))?;
    let guide = guide(&gateway, &manifest);
    let outcome = control.block_on(gateway.run(move || say(&guide)));
    // The gateway has stopped: nobody asks the upstream any more.
    drop(stop);
    outcome
}

fn start_upstream(
    control: &Runtime,
    stopping: watch::Receiver<bool>,
) -> anyhow::Result<SocketAddr> {
    let listener = control
        .block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))
        .context("cannot listen for the demo's upstream")?;
    let address = listener.local_addr()?;
    control.spawn(httpbin::serve(listener, stopping));
    Ok(address)
}

fn run_arguments(arguments: DemoArguments, directory: &Path) -> RunArguments {
    let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let PortArguments {
        http,
        https,
        bind_address,
        admin,
        metrics,
        threads,
        http_said_by,
    } = arguments.ports;
    let or = |written: Vec<_>, port| match &*written {
        [] => vec![loopback(port)],
        _ => written,
    };
    RunArguments {
        config_dir: vec![directory.to_owned()],
        files: AmbassadorFiles {
            ambassador_config_base_dir: directory.to_owned(),
            ambassador_config_dir: None,
        },
        ports: PortArguments {
            http: or(http, HTTP_PORT),
            https: or(https, HTTPS_PORT),
            bind_address,
            admin: admin.or(Some(loopback(ADMIN_PORT))),
            metrics: metrics.or(Some(loopback(METRICS_PORT))),
            threads,
            http_said_by,
        },
        limits: LimitArguments::default(),
        identity: IdentityArguments {
            ambassador_id: "default".into(),
            ambassador_namespace: "default".into(),
            single_namespace: false,
            certs_single_namespace: None,
            any_label: false,
            profile: Profile::Compatible,
            timeouts: ChosenTimeouts::default(),
            annotations: AnnotationTrust::Compatible,
        },
        write_back: WriteBackArguments::none(),
        following: FollowingArguments::default(),
        series: SeriesArguments::default(),
        last_good: LastGoodArguments {
            on_invalid: InvalidFate::Keep,
            state_dir: None,
        },
        life: LifeArguments {
            // There is no load balancer that has to take notice.
            drain_delay: Duration::ZERO,
            drain_limit: Duration::from_secs(5),
            // Its output is a guide to read.
            access_log: AccessLogSwitch::Off,
            log: arguments.log,
            log_format: LogFormat::Text,
        },
        statistics: StatisticsArguments::default(),
    }
}

fn guide(gateway: &Gateway, manifest: &Path) -> String {
    let http = gateway
        .data
        .address()
        .map(|address| address.to_string())
        .unwrap_or_default();
    let admin = gateway.door.address;
    let manifest = manifest.display();
    format!(
        "
The gateway is running. Try:

  curl http://{http}/httpbin/get
  curl http://{http}/httpbin/anything/you/like
  curl http://{http}/httpbin/status/418

Its configuration is the Service in this file; edit it and see the change at once:

  {manifest}

  sed -i 's|prefix: /httpbin/|prefix: /bin/|' {manifest}
  curl http://{http}/bin/get

What it counts and what it runs:

  curl http://{admin}/metrics
  curl 'http://{admin}/ambassador/v0/diag/?json=true'

Ctrl-C ends it.

"
    )
}

fn say(text: &str) {
    let mut out = io::stdout().lock();
    // The gateway is of use without an audience.
    drop(out.write_all(text.as_bytes()).and_then(|()| out.flush()));
}
