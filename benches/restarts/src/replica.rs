//! One replica of the gateway: a process that ends and comes back at the same address.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use nuncio_load::{Addresses, Gateway, Launch};
use nuncio_tests::control::manifest;
use tempfile::TempDir;

/// A replica, running or not. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Replica {
    pub(crate) at: Addresses,
    binary: PathBuf,
    profile: String,
    directory: TempDir,
    gateway: Option<Gateway>,
}

/// How long it accepts connections after it was asked to end.
const DRAIN_DELAY: &str = "1s";

/// How long what is in flight may take then; longer than any stream.
const DRAIN_LIMIT: &str = "5s";

impl Replica {
    /// One that serves what `annotation` says, not running yet.
    pub(crate) fn new(binary: &Path, annotation: &str, profile: &str) -> anyhow::Result<Self> {
        let directory = tempfile::tempdir()?;
        fs::create_dir(directory.path().join("config"))?;
        let text = manifest("bench", annotation);
        fs::write(directory.path().join("config/bench.yaml"), text)?;
        Ok(Self {
            at: Addresses::free()?,
            binary: binary.to_owned(),
            profile: profile.to_owned(),
            directory,
            gateway: None,
        })
    }

    /// Starts it; returns once it is ready.
    pub(crate) async fn start(&mut self) -> anyhow::Result<()> {
        let directory = self.directory.path();
        let launch = Launch::of(&self.binary, self.at, directory.join("log")).with(|command| {
            command
                .arg("--config-dir")
                .arg(directory.join("config"))
                .args(["--profile", &self.profile, "--threads", "1"])
                .args(["--drain-delay", DRAIN_DELAY, "--drain-limit", DRAIN_LIMIT]);
        });
        self.gateway = Some(launch.start().await?);
        Ok(())
    }

    /// Asks it to end, and starts it anew once it has; how long it took to end.
    pub(crate) async fn restart(&mut self) -> anyhow::Result<Duration> {
        let gateway = self.gateway.take().context("it was never started")?;
        let took = gateway.drain().await?;
        self.start().await?;
        Ok(took)
    }
}
