//! The gateway, as a process of its own that follows an API server.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use nuncio_load::{Addresses, Gateway, Launch, Process};
use tempfile::TempDir;

/// A running gateway. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Nuncio {
    pub(crate) http: SocketAddr,
    pub(crate) process: Process,
    gateway: Gateway,
    _directory: TempDir,
}

impl Nuncio {
    /// Starts `binary` on the API server at `api`; says how long it took to be ready.
    pub(crate) async fn start(
        binary: &Path,
        api: SocketAddr,
        threads: usize,
    ) -> anyhow::Result<(Self, Duration)> {
        let directory = tempfile::tempdir()?;
        let kubeconfig = directory.path().join("kubeconfig");
        std::fs::write(&kubeconfig, kubeconfig_of(api))?;
        let log = directory.path().join("log");
        let launch = Launch::of(binary, Addresses::free()?, log).with(|command| {
            command.args(["--threads", &threads.to_string()]);
            command.env("KUBECONFIG", kubeconfig);
        });
        let gateway = launch.start().await?;
        let ready_after = gateway.ready_after;
        let nuncio = Self {
            http: gateway.at.http,
            process: gateway.process,
            gateway,
            _directory: directory,
        };
        Ok((nuncio, ready_after))
    }

    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        Ok(self.gateway.stop().await?)
    }
}

fn kubeconfig_of(api: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: bench\n\
         clusters: [{{name: bench, cluster: {{server: 'http://{api}'}}}}]\n\
         contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]\n\
         users: [{{name: bench, user: {{}}}}]\n"
    )
}
