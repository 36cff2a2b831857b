//! Everything that takes part: upstreams, names, the watched directory and the gateway.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_load::{Addresses, Echo, Gateway, Launch, Upstream};
use nuncio_tests::names::NameServer;
use nuncio_tests::tls::Authority;
use tempfile::TempDir;

use crate::churn::certify;
use crate::documents::{Services, standing};
use crate::garbage::Garbage;

/// Everything, running.
pub(crate) struct Scene {
    pub(crate) gateway: Gateway,
    pub(crate) authority: Arc<Authority>,
    pub(crate) services: Services,
    /// Where upstreams die.
    pub(crate) mortal: Vec<SocketAddr>,
    pub(crate) config: PathBuf,
    _directory: TempDir,
    _upstreams: (Upstream, Echo, Garbage),
    _names: Option<NameServer>,
}

/// The name with two endpoints, of which one dies.
const PAIR: &str = "pair.test";

const STAYS: Ipv4Addr = Ipv4Addr::LOCALHOST;
const DIES: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);
const DIES_ALONE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 3);

impl Scene {
    pub(crate) async fn begin(binary: &Path, threads: usize) -> anyhow::Result<Self> {
        let names = NameServer::of_this_machine().await;
        let steady = Upstream::at((STAYS, 0).into()).await?;
        let port = steady.port;
        let (called, garbage) = (Echo::start().await?, Garbage::start().await?);
        let mut mortal = vec![SocketAddr::from((DIES_ALONE, port))];
        let mut good = format!("{STAYS}:{port}");
        if let Some(names) = &names {
            names.set(PAIR, &[IpAddr::V4(STAYS), IpAddr::V4(DIES)]);
            mortal.push((DIES, port).into());
            good = format!("{PAIR}:{port}");
        }
        let services = Services {
            good,
            steady: format!("{STAYS}:{port}"),
            calls: format!("{STAYS}:{}", called.port),
            dying: format!("{DIES_ALONE}:{port}"),
            garbage: format!("{STAYS}:{}", garbage.port),
            refusing: format!("{STAYS}:{}", nobodys()?),
        };
        let authority = Arc::new(Authority::new("soak"));
        let directory = tempfile::tempdir()?;
        let config = directory.path().join("config");
        fs::create_dir(&config)?;
        fs::write(config.join("standing.yaml"), standing(&services))?;
        certify(&config, &authority)?;
        let log = directory.path().join("log");
        let launch = Launch::of(binary, Addresses::free()?, log).with(|command| {
            command.arg("--config-dir").arg(&config);
            command.args(["--threads", &threads.to_string()]);
        });
        Ok(Self {
            gateway: launch.start().await?,
            authority,
            services,
            mortal,
            config,
            _directory: directory,
            _upstreams: (steady, called, garbage),
            _names: names,
        })
    }

    /// Whether one of the good route's endpoints dies.
    pub(crate) fn has_mortal_good(&self) -> bool {
        self.services.good.starts_with(PAIR)
    }
}

/// A port that nobody has.
fn nobodys() -> std::io::Result<u16> {
    Ok(TcpListener::bind((STAYS, 0))?.local_addr()?.port())
}
