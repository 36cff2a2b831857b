//! Many gateways on one API server: what each costs it, and how soon the last one knows of a change.
//!
//! Deliberately absent: their data paths; the control path alone speaks to the API server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use nuncio_config::Identity;
use nuncio_controller::{KubernetesOptions, OnInvalid, Options, Publish, Source, client_for};
use nuncio_load::{Process, Times};
use nuncio_routing::{Credential, ServicePort, Snapshot};
use nuncio_telemetry::{BuildInfo, Telemetry};
use nuncio_tests::kube_api::{FakeApi, Resource};
use nuncio_tls::Material;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::scene::put;
use crate::services::Service;

/// One gateway's control path.
struct Replica {
    published: watch::Receiver<u64>,
    _stop: watch::Sender<bool>,
}

/// Tells how many snapshots were published.
struct Publication(watch::Sender<u64>);

/// Services that they follow.
const SERVICES: usize = 1_000;

/// Where the Services lead; nobody goes there.
const PORT: u16 = 9;

/// Prints what was measured; nothing of it has to be 0.
pub(crate) async fn measure(arguments: &Arguments) -> anyhow::Result<usize> {
    println!("\ngateways on one API server, {SERVICES} annotated Services");
    println!(
        "| gateways | connections each | list bytes each | all ready after | watch bytes per change each | last knows of a change: p50 | p99 | CPU per change each | RSS each |"
    );
    println!("|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
    for count in &arguments.replicas {
        one_number(*count, arguments.changes.min(200)).await?;
    }
    Ok(0)
}

async fn one_number(count: usize, changes: usize) -> anyhow::Result<()> {
    let api = FakeApi::start().await;
    for number in 0..SERVICES {
        put(&api, Service::first(number), PORT);
    }
    let process = Process(std::process::id());
    let resident = process.resident()?;
    let started = Instant::now();
    let mut replicas = Vec::with_capacity(count);
    for _ in 0..count {
        replicas.push(Replica::start(api.addr())?);
    }
    for replica in &mut replicas {
        replica
            .published
            .wait_for(|published| *published > 0)
            .await?;
    }
    let ready = started.elapsed();
    sleep(Duration::from_secs(1)).await;
    let (listed, connections) = (api.sent(Resource::Services), connections_to(api.addr())?);
    let resident = process.resident()?.saturating_sub(resident);
    let cpu = process.cpu()?;
    let mut times = Vec::with_capacity(changes);
    for nth in 0..changes {
        times.push(one_change(&api, &mut replicas, nth).await?);
    }
    let cpu = process.cpu()?.saturating_sub(cpu);
    let watched = api.sent(Resource::Services) - listed;
    let all = u64::try_from(count)?;
    let changed = u64::try_from(changes)?.max(1) * all;
    let mut times = Times::of(&times);
    println!(
        "| {count} | {:.1} | {} | {:.2} s | {} | {:.2?} | {:.2?} | {:.2?} | {:.1} MiB |",
        connections as f64 / all as f64,
        listed / all,
        ready.as_secs_f64(),
        watched / changed,
        times.percentile(50.0),
        times.percentile(99.0),
        cpu / u32::try_from(changed)?,
        resident as f64 / all as f64 / f64::from(1 << 20),
    );
    Ok(())
}

/// From the event until the last of them has published.
async fn one_change(
    api: &FakeApi,
    replicas: &mut [Replica],
    nth: usize,
) -> anyhow::Result<Duration> {
    sleep(Duration::from_millis(5)).await;
    let number = nth % SERVICES;
    let version = 1 + nth / SERVICES;
    for replica in replicas.iter_mut() {
        replica.published.mark_unchanged();
    }
    let started = Instant::now();
    put(api, Service { number, version }, PORT);
    for replica in replicas {
        replica.published.changed().await?;
    }
    Ok(started.elapsed())
}

impl Replica {
    fn start(api: SocketAddr) -> anyhow::Result<Self> {
        let (publication, published) = watch::channel(0);
        let (stop, stopping) = watch::channel(false);
        let config = kube::Config::new(format!("http://{api}").parse()?);
        let options = Options {
            source: Source::Kubernetes {
                client: client_for(config).context("no client")?,
                single_namespace: None,
                options: KubernetesOptions::default(),
            },
            identity: Identity::default(),
            on_invalid: OnInvalid::default(),
            state_dir: None,
            write_back: None,
        };
        let telemetry = Telemetry::new(BuildInfo::default());
        let publish = Arc::new(Publication(publication));
        // Ends with the sender of `stopping`.
        tokio::spawn(nuncio_controller::run(
            options, publish, telemetry, stopping,
        ));
        Ok(Self {
            published,
            _stop: stop,
        })
    }
}

impl Publish for Publication {
    fn publish(&self, _snapshot: Arc<Snapshot>) {
        self.0.send_modify(|published| *published += 1);
    }

    fn endpoints(&self, _of: &ServicePort, _addresses: Option<&[SocketAddr]>) {}

    fn credential(&self, _of: &Credential, _material: Option<Material>) {}
}

/// Established connections to an address of this host, as its end sees them.
fn connections_to(address: SocketAddr) -> anyhow::Result<usize> {
    let local = format!(":{:04X} ", address.port());
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let is_ours = |line: &&str| {
        let fields: Vec<_> = line.split_whitespace().collect();
        let end = fields.get(1).map(|end| format!("{end} "));
        end.is_some_and(|end| end.ends_with(&local)) && fields.get(3) == Some(&"01")
    };
    Ok(table.lines().filter(is_ours).count())
}
