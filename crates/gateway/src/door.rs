//! The admin's place in the process: bound early, on a thread of its own.
//!
//! Invariant: no compile and no burst of requests delays a probe.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use anyhow::Context;
use nuncio_admin::{Admin, AdminRoutes};
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::spawn_blocking;
use tracing::{info, warn};

use crate::arguments::PortArguments;

/// Addresses bound for operators.
pub(crate) struct Bound {
    admin: std::net::TcpListener,
    /// The address of probes and diagnostics.
    pub(crate) address: SocketAddr,
    metrics: Option<(std::net::TcpListener, SocketAddr)>,
    /// The address for metrics that could not be had, and why.
    unmetered: Option<(SocketAddr, io::Error)>,
}

/// The open door.
pub(crate) struct Open(JoinHandle<()>);

const DEFAULT_ADMIN: (Ipv4Addr, u16) = (Ipv4Addr::UNSPECIFIED, 8877);
const DEFAULT_METRICS: (Ipv4Addr, u16) = (Ipv4Addr::UNSPECIFIED, 9102);

impl Bound {
    /// Binds what the arguments say. A metrics address that is taken is a warning only: an old
    /// exporter in the same pod may have it.
    pub(crate) fn bind(ports: &PortArguments) -> anyhow::Result<Self> {
        let admin = ports.admin.unwrap_or_else(|| DEFAULT_ADMIN.into());
        let metrics = ports.metrics.unwrap_or_else(|| DEFAULT_METRICS.into());
        let (admin, address) = open(admin).with_context(|| format!("cannot listen on {admin}"))?;
        let (metrics, unmetered) = match open(metrics) {
            Ok(bound) => (Some(bound), None),
            Err(error) => (None, Some((metrics, error))),
        };
        Ok(Self {
            admin,
            address,
            metrics,
            unmetered,
        })
    }

    /// Says which addresses were taken, and which was not to be had.
    pub(crate) fn announce(&self) {
        info!(address = %self.address, "listening for admin");
        if let Some((_, address)) = &self.metrics {
            info!(%address, "listening for metrics");
        }
        if let Some((address, error)) = &self.unmetered {
            warn!(%address, %error, "no metrics there; they are on the admin port");
        }
    }

    /// Serves until `shutdown` turns true.
    pub(crate) fn start(
        self,
        admin: Arc<Admin>,
        shutdown: watch::Receiver<bool>,
    ) -> anyhow::Result<Open> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let serve = async move {
            let door = TcpListener::from_std(self.admin)?;
            let full = Arc::clone(&admin).serve(door, AdminRoutes::Full, shutdown.clone());
            match self.metrics {
                Some((metrics, _)) => {
                    let metrics = TcpListener::from_std(metrics)?;
                    let only = admin.serve(metrics, AdminRoutes::MetricsOnly, shutdown);
                    tokio::join!(full, only);
                }
                None => full.await,
            }
            io::Result::Ok(())
        };
        let run = move || {
            if let Err(error) = runtime.block_on(serve) {
                warn!(%error, "the admin port is not served");
            }
        };
        Ok(Open(
            thread::Builder::new().name("admin".into()).spawn(run)?,
        ))
    }
}

impl Open {
    /// Waits until answers under way are finished.
    pub(crate) async fn close(self) {
        // A panic there has been reported.
        drop(spawn_blocking(|| self.0.join()).await);
    }
}

fn open(address: SocketAddr) -> io::Result<(std::net::TcpListener, SocketAddr)> {
    // The standard library sets SO_REUSEADDR on Unix.
    let socket = std::net::TcpListener::bind(address)?;
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    Ok((socket, address))
}
