//! The gateway on a core of its own, what it is told, and the upstream.

use std::ffi::OsString;
use std::fs;
use std::io::Result;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nuncio_load::{Addresses, Gateway, Launch, Upstream};
use nuncio_tests::control::manifest;
use nuncio_tests::names::NameServer;
use tempfile::TempDir;

use crate::Arguments;

/// Everything, running.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    /// `None` where the machine lets nobody have one.
    pub(crate) names: Option<NameServer>,
    config: PathBuf,
    /// How often the routes were changed.
    changes: AtomicUsize,
    aside: TempDir,
    _upstream: Upstream,
}

/// The two versions of all the routes.
const VERSIONS: [&str; 2] = ["first", "second"];

/// The file of the names.
const NAMED: &str = "named";

impl Scene {
    pub(crate) async fn begin(arguments: &Arguments) -> anyhow::Result<Self> {
        let names = NameServer::of_this_machine().await;
        if names.is_none() {
            eprintln!("no names are resolved here: none are asked for");
        }
        let upstream = Upstream::start().await?;
        let aside = tempfile::tempdir()?;
        let config = aside.path().join("config");
        fs::create_dir(&config)?;
        write(aside.path(), arguments, upstream.port)?;
        if let Some(names) = &names {
            for nth in 0..arguments.names {
                names.set(&name(nth), &[IpAddr::V4(Ipv4Addr::LOCALHOST)]);
            }
        }
        let quiet = mapping("asked", "/asked/", &service(upstream.port), "");
        fs::write(config.join("asked.yaml"), manifest("asked", &quiet))?;
        put(aside.path(), VERSIONS[0], &config.join("routes.yaml"))?;
        let pinned = ["taskset", "-c", &arguments.core.to_string()].map(OsString::from);
        let log = aside.path().join("log");
        let launch = Launch::under(&pinned, &arguments.nuncio, Addresses::free()?, log);
        let launch = launch.with(|command| {
            command.arg("--config-dir").arg(&config);
            command.args(["--threads", "1"]);
        });
        Ok(Self {
            gateway: launch.start().await?,
            names,
            config,
            changes: AtomicUsize::new(0),
            aside,
            _upstream: upstream,
        })
    }

    /// All routes are others than before.
    pub(crate) fn change(&self) -> Result<()> {
        let nth = self.changes.fetch_add(1, Relaxed);
        let version = VERSIONS.iter().cycle().nth(nth + 1).unwrap_or(&VERSIONS[0]);
        put(self.aside.path(), version, &self.config.join("routes.yaml"))
    }

    /// From now on there are upstreams with names.
    pub(crate) fn name(&self) -> Result<()> {
        put(self.aside.path(), NAMED, &self.config.join("named.yaml"))
    }

    /// No longer.
    pub(crate) fn unname(&self) -> Result<()> {
        fs::remove_file(self.config.join("named.yaml"))
    }

    /// How often names were asked for.
    pub(crate) fn questions(&self, arguments: &Arguments) -> usize {
        let names = self.names.iter();
        let each = |names: &NameServer| {
            (0..arguments.names)
                .map(|nth| names.questions(&name(nth)))
                .sum::<usize>()
        };
        names.map(each).sum()
    }
}

/// Writes all there is to be told, for it to be put in its place later.
fn write(aside: &Path, arguments: &Arguments, port: u16) -> Result<()> {
    for (version, timeout) in VERSIONS.iter().zip([4_000, 5_000]) {
        let routes = (0..arguments.routes).map(|nth| {
            let more = format!("timeout_ms: {timeout}");
            mapping(
                &format!("route-{nth}"),
                &format!("/route-{nth}/"),
                &service(port),
                &more,
            )
        });
        fs::write(
            aside.join(version),
            manifest("routes", &routes.collect::<String>()),
        )?;
    }
    let named = (0..arguments.names).map(|nth| {
        let service = format!("{}:{port}", name(nth));
        let more = "respect_dns_ttl: true";
        mapping(
            &format!("named-{nth}"),
            &format!("/named-{nth}/"),
            &service,
            more,
        )
    });
    fs::write(
        aside.join(NAMED),
        manifest("named", &named.collect::<String>()),
    )
}

/// Puts a file in its place as a whole, with next to no work; it may not be there already.
fn put(aside: &Path, version: &str, place: &Path) -> Result<()> {
    let link = aside.join("link");
    fs::hard_link(aside.join(version), &link)?;
    fs::rename(link, place)
}

fn mapping(name: &str, prefix: &str, service: &str, more: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: {name}\nprefix: {prefix}\n\
         service: {service}\n{more}\n"
    )
}

fn service(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn name(nth: usize) -> String {
    format!("name-{nth}.test")
}
