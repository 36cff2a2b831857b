//! Objects that come, change and go several times a second, some of them wrong; and a certificate that is
//! another every second.
//!
//! Invariant: nothing of it is about the good half's routes, so none of it may be seen there.

use std::fs;
use std::io::{Error, Result};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::ensure;
use fastrand::Rng;
use nuncio_load::Client;
use nuncio_tests::control::manifest;
use nuncio_tests::tls::Authority;
use tokio::sync::watch;
use tokio::time::{interval, sleep};

use crate::documents::{NAME, SECRET, mapping, module, wrong};
use crate::tally::{Event, Tally};

/// The directory that is changed.
#[derive(Clone, Debug)]
pub(crate) struct Churn {
    pub(crate) directory: PathBuf,
    /// Where new Mappings lead.
    pub(crate) service: String,
    pub(crate) tally: Arc<Tally>,
    pub(crate) stopped: watch::Receiver<bool>,
}

/// Files that are changed.
const FILES: usize = 20;

/// How soon a change has to be live in the end.
const LIVE: Duration = Duration::from_secs(5);

impl Churn {
    /// So many changes a second.
    pub(crate) async fn change(self, rate: u32, mut rng: Rng) -> Result<()> {
        let mut ticks = interval(Duration::from_secs(1) / rate.max(1));
        for nth in 0_usize.. {
            if *self.stopped.borrow() {
                break;
            }
            ticks.tick().await;
            self.one(nth, &mut rng)?;
            self.tally.happened(Event::Change);
        }
        Ok(())
    }

    fn one(&self, nth: usize, rng: &mut Rng) -> Result<()> {
        let place = rng.usize(..FILES);
        let file = self.directory.join(format!("churn-{place}.yaml"));
        let name = format!("churn-{place}-0");
        match rng.u8(..10) {
            0 => {
                let text = module(60_000 + nth % 2);
                replace(&self.directory.join("module.yaml"), &text)
            }
            1 | 2 if file.exists() => fs::remove_file(file),
            // Written in place, so that it is seen half written, too.
            3 | 4 => fs::write(file, wrong(&name, &self.service, nth)),
            _ => replace(&file, &self.mappings(place, rng)),
        }
    }

    fn mappings(&self, place: usize, rng: &mut Rng) -> String {
        let mappings = (0..rng.usize(1..6)).map(|nth| {
            let (name, timeout) = (format!("churn-{place}-{nth}"), rng.u32(1_000..5_000));
            mapping(&name, &self.service, &format!("timeout_ms: {timeout}"))
        });
        manifest(&format!("churn-{place}"), &mappings.collect::<String>())
    }

    /// Another certificate every second.
    pub(crate) async fn rotate(self, authority: Arc<Authority>) -> Result<()> {
        let mut ticks = interval(Duration::from_secs(1));
        while !*self.stopped.borrow() {
            ticks.tick().await;
            certify(&self.directory, &authority)?;
            self.tally.happened(Event::Rotation);
        }
        Ok(())
    }

    /// Makes one last change, and waits until it is live.
    pub(crate) async fn is_followed(&self, gateway: SocketAddr) -> anyhow::Result<()> {
        let text = manifest("last", &mapping("last", &self.service, ""));
        replace(&self.directory.join("last.yaml"), &text)?;
        let changed = Instant::now();
        let mut client = Client::connect(gateway).await?;
        while client.get("/last/").await?.status != 200 {
            ensure!(
                changed.elapsed() < LIVE,
                "a change was not live after {LIVE:?}"
            );
            sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }
}

/// Writes a new certificate.
pub(crate) fn certify(directory: &Path, authority: &Authority) -> Result<()> {
    let text = authority.issue(&[NAME]).manifest(SECRET);
    replace(&directory.join("secret.yaml"), &text)
}

/// Puts a file in the place of another, as a whole.
pub(crate) fn replace(file: &Path, text: &str) -> Result<()> {
    let name = file.file_name().ok_or_else(|| Error::other("no file"))?;
    // A name that begins with a dot is nobody's.
    let aside = file.with_file_name(format!(".{}", name.to_string_lossy()));
    fs::write(&aside, text)?;
    fs::rename(aside, file)
}
