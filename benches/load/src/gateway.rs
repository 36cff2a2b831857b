//! The gateway, as a process of its own.
//!
//! Invariant: nothing of the environment that is the gateway's reaches it.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::process::Process;

/// Where a gateway listens.
#[derive(Clone, Copy, Debug)]
pub struct Addresses {
    /// For plain HTTP.
    pub http: SocketAddr,
    /// For HTTPS.
    pub https: SocketAddr,
    /// For probes and pages.
    pub admin: SocketAddr,
    /// For the page of metrics alone.
    pub metrics: SocketAddr,
}

/// What is to be started: `nuncio run`, and with what.
#[derive(Debug)]
pub struct Launch {
    command: Command,
    at: Addresses,
    log: PathBuf,
}

/// A running gateway that was ready. Ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    /// Where it listens.
    pub at: Addresses,
    /// What Linux knows of it.
    pub process: Process,
    /// From the start of its process until it was ready.
    pub ready_after: Duration,
    child: Child,
    log: PathBuf,
}

/// How long it may take until it is ready, or until it has ended.
const PATIENCE: Duration = Duration::from_secs(120);

impl Addresses {
    /// Ports of loopback that nobody had a moment ago.
    ///
    /// # Errors
    /// When there are none.
    pub fn free() -> io::Result<Self> {
        let port = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let held = [port()?, port()?, port()?, port()?];
        let [http, https, admin, metrics] = held.each_ref().map(TcpListener::local_addr);
        Ok(Self {
            http: http?,
            https: https?,
            admin: admin?,
            metrics: metrics?,
        })
    }
}

impl Launch {
    /// Of `binary` at these addresses, without statsd and a log of requests; what it says goes to the end
    /// of `log`.
    pub fn of(binary: &Path, at: Addresses, log: PathBuf) -> Self {
        Self::under(&[], binary, at, log)
    }

    /// The same, run by another command.
    pub fn under(by: &[OsString], binary: &Path, at: Addresses, log: PathBuf) -> Self {
        let mut words = by
            .iter()
            .map(OsString::as_os_str)
            .chain([binary.as_os_str()]);
        let mut command = Command::new(words.next().unwrap_or(binary.as_os_str()));
        command.args(words);
        for (name, _) in std::env::vars() {
            let foreign = ["NUNCIO_", "AMBASSADOR_", "STATSD_", "KUBE"];
            if foreign.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        command
            .arg("run")
            .args(["--http", &at.http.to_string()])
            .args(["--https", &at.https.to_string()])
            .args(["--admin", &at.admin.to_string()])
            .args(["--metrics", &at.metrics.to_string()])
            .env("STATSD_ENABLED", "false")
            .env("NUNCIO_ACCESS_LOG", "off")
            .kill_on_drop(true);
        Self { command, at, log }
    }

    /// With more arguments or variables.
    #[must_use]
    pub fn with(mut self, more: impl FnOnce(&mut Command)) -> Self {
        more(&mut self.command);
        self
    }

    /// Starts it; returns once it is ready.
    ///
    /// # Errors
    /// When it does not become so, with what it said.
    pub async fn start(mut self) -> anyhow::Result<Gateway> {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(&self.log)?;
        let started = Instant::now();
        self.command
            .stdout(Stdio::from(log.try_clone()?))
            .stderr(log);
        let child = self.command.spawn().context("cannot start the gateway")?;
        let mut gateway = Gateway {
            at: self.at,
            process: Process(child.id().context("it has ended")?),
            ready_after: Duration::ZERO,
            child,
            log: self.log,
        };
        gateway.until_ready(started).await?;
        gateway.ready_after = started.elapsed();
        Ok(gateway)
    }
}

impl Gateway {
    /// Whether whoever has this admin address says that it is ready.
    pub async fn is_ready(admin: SocketAddr) -> bool {
        let Ok(mut client) = Client::connect(admin).await else {
            return false;
        };
        let answer = client.get("/ambassador/v0/check_ready").await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system does not say.
    pub fn ended(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        self.child.try_wait()
    }

    /// Asks it to end; how long that took.
    ///
    /// # Errors
    /// When it ends badly or not in time, with what it said.
    pub async fn drain(mut self) -> anyhow::Result<Duration> {
        let id = i32::try_from(self.process.0).ok().and_then(Pid::from_raw);
        let asked = Instant::now();
        kill_process(id.context("no process")?, Signal::TERM)?;
        let status = timeout(PATIENCE, self.child.wait()).await??;
        ensure!(status.success(), "it ended with {status}:\n{}", self.said());
        Ok(asked.elapsed())
    }

    /// Ends it at once.
    ///
    /// # Errors
    /// When it cannot be ended.
    pub async fn stop(mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// What it wrote.
    pub fn said(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    async fn until_ready(&mut self, started: Instant) -> anyhow::Result<()> {
        while !Self::is_ready(self.at.admin).await {
            if self.ended()?.is_some() || started.elapsed() > PATIENCE {
                bail!("the gateway is not ready:\n{}", self.said());
            }
            sleep(Duration::from_millis(1)).await;
        }
        Ok(())
    }
}
