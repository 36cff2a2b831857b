//! What goes on beside the requests of a disturbed window.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use anyhow::ensure;
use clap::ValueEnum;
use nuncio_load::{page, sum};
use tokio::time::interval;

use crate::Arguments;
use crate::scene::Scene;

/// One disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum By {
    /// All routes are changed.
    Changes,
    /// The whole page of metrics is read.
    Scrapes,
    /// Names of upstreams are asked for.
    Names,
}

/// How often.
const CHANGES: Duration = Duration::from_secs(2);
const SCRAPES: Duration = Duration::from_secs(1);

/// How often what happened, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Happened {
    generation: f64,
    questions: usize,
    scrapes: usize,
}

/// Disturbs for as long as it is polled; whole pages that were read are counted.
pub(crate) async fn disturb(
    scene: &Scene,
    arguments: &Arguments,
    scrapes: &Arc<AtomicUsize>,
) -> anyhow::Result<()> {
    let is_wanted = |by| arguments.by.contains(&by);
    let changing = async {
        let mut ticks = interval(CHANGES);
        while is_wanted(By::Changes) {
            ticks.tick().await;
            scene.change()?;
        }
        anyhow::Ok(())
    };
    let scraping = async {
        let mut ticks = interval(SCRAPES);
        while is_wanted(By::Scrapes) {
            ticks.tick().await;
            page(scene.gateway.at.metrics, "/metrics").await?;
            scrapes.fetch_add(1, Relaxed);
        }
        anyhow::Ok(())
    };
    tokio::try_join!(changing, scraping)?;
    // Names alone are asked for by the gateway itself.
    pending().await
}

impl Happened {
    pub(crate) async fn so_far(
        scene: &Scene,
        arguments: &Arguments,
        scrapes: &AtomicUsize,
    ) -> anyhow::Result<Self> {
        let target = "/metrics?filter=^nuncio_config_generation";
        let page = page(scene.gateway.at.metrics, target).await?;
        Ok(Self {
            generation: sum(&page, "nuncio_config_generation"),
            questions: scene.questions(arguments),
            scrapes: scrapes.load(Relaxed),
        })
    }

    /// Fails where a disturbance did not happen since `before`.
    pub(crate) fn is_enough(self, before: Self, arguments: &Arguments) -> anyhow::Result<()> {
        let is_wanted = |by| arguments.by.contains(&by);
        let seconds = arguments.seconds as f64;
        let changes = self.generation - before.generation;
        let wanted = (seconds / CHANGES.as_secs_f64() / 2.0).floor();
        ensure!(
            !is_wanted(By::Changes) || changes >= wanted,
            "{changes} changes were live"
        );
        ensure!(
            !is_wanted(By::Scrapes) || self.scrapes > before.scrapes,
            "no scrape was whole"
        );
        let asked = self.questions - before.questions;
        let names = is_wanted(By::Names) && self.questions > 0;
        ensure!(
            !names || asked >= arguments.names,
            "names were asked for {asked} times"
        );
        Ok(())
    }
}
