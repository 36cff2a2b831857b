//! The gateway, as a process of its own.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::process::{Child, Command};
use tokio::time::sleep;

use crate::client::Client;
use crate::process::Process;

/// A running gateway. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Nuncio {
    pub(crate) http: SocketAddr,
    pub(crate) process: Process,
    admin: SocketAddr,
    child: Child,
    directory: TempDir,
}

/// How long it may take until it is ready.
const PATIENCE: Duration = Duration::from_secs(120);

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
        let log = std::fs::File::create(directory.path().join("log"))?;
        let [http, admin, metrics] = free()?;
        let started = Instant::now();
        let mut command = Command::new(binary);
        for (name, _) in std::env::vars() {
            let foreign = ["NUNCIO_", "AMBASSADOR_", "STATSD_", "KUBE"];
            if foreign.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        let child = command
            .arg("run")
            .args(["--http", &http.to_string(), "--https", "127.0.0.1:0"])
            .args([
                "--admin",
                &admin.to_string(),
                "--metrics",
                &metrics.to_string(),
            ])
            .args(["--threads", &threads.to_string()])
            .env("KUBECONFIG", kubeconfig)
            .env("STATSD_ENABLED", "false")
            .env("NUNCIO_ACCESS_LOG", "off")
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(Stdio::from(log))
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot start {}", binary.display()))?;
        let process = Process(child.id().context("it has ended")?);
        let mut nuncio = Self {
            http,
            process,
            admin,
            child,
            directory,
        };
        nuncio.until_ready(started).await?;
        Ok((nuncio, started.elapsed()))
    }

    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        Ok(self.child.kill().await?)
    }

    async fn until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        while !self.is_ready().await {
            if self.child.try_wait()?.is_some() || started.elapsed() > PATIENCE {
                let log = std::fs::read_to_string(self.directory.path().join("log"))?;
                bail!("the gateway is not ready:\n{log}");
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> bool {
        let Ok(mut client) = Client::connect(self.admin).await else {
            return false;
        };
        let answer = client.get("/ambassador/v0/check_ready").await;
        answer.is_ok_and(|answer| answer.status == 200)
    }
}

/// Ports that nobody had a moment ago.
fn free<const N: usize>() -> anyhow::Result<[SocketAddr; N]> {
    let mut listeners = Vec::with_capacity(N);
    let mut addresses = [SocketAddr::from((Ipv4Addr::LOCALHOST, 0)); N];
    for address in &mut addresses {
        let listener = TcpListener::bind(*address)?;
        *address = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok(addresses)
}

fn kubeconfig_of(api: SocketAddr) -> String {
    format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: bench\n\
         clusters: [{{name: bench, cluster: {{server: 'http://{api}'}}}}]\n\
         contexts: [{{name: bench, context: {{cluster: bench, user: bench}}}}]\n\
         users: [{{name: bench, user: {{}}}}]\n"
    )
}
