//! Requests and streams that changes are not about: none may notice.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nuncio_load::{Client, Times};
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval};

use crate::arguments::Arguments;
use crate::report::{Figure, Report, Target};
use crate::scene::Scene;
use crate::services::Service;
use crate::streams::Streams;

/// What bystanders saw.
#[derive(Debug, Default)]
struct Seen {
    times: Vec<Duration>,
    /// Answers with another status than 200.
    failed: usize,
    /// Answers of another upstream.
    wrong: usize,
    /// Connections that ended.
    reset: usize,
}

/// Connections of bystanders, each with a Service of its own.
const CONNECTIONS: u32 = 25;

/// How many changes are made within a second.
const CHANGES_PER_SECOND: u32 = 500;

pub(crate) async fn measure(
    arguments: &Arguments,
    scene: &mut Scene,
    report: &mut Report,
) -> anyhow::Result<()> {
    let mut streams = Streams::open(scene).await?;
    let over = Arc::new(AtomicBool::new(false));
    let mut bystanders = JoinSet::new();
    let pace = Duration::from_secs(1) * CONNECTIONS / arguments.requests.max(1);
    let bystander = |nth: u32| scene.services.end.saturating_sub(1 + nth as usize);
    for service in (0..CONNECTIONS)
        .map(bystander)
        .map(|number| scene.current(number))
    {
        let client = Client::connect(scene.gateway.http).await?;
        bystanders.spawn(stand_by(client, service, (pace, Arc::clone(&over))));
    }
    let mut ticks = interval(Duration::from_secs(1) / CHANGES_PER_SECOND);
    let changed = scene.services.len() - CONNECTIONS as usize;
    let mut dead = 0;
    for nth in 0..arguments.bystander_changes {
        ticks.tick().await;
        let number = scene.services.start + nth.wrapping_mul(7_919) % changed;
        scene.change(number);
        if nth.is_multiple_of(100) {
            dead += usize::from(streams.are_alive().await.is_err());
        }
    }
    dead += usize::from(streams.are_alive().await.is_err());
    over.store(true, Ordering::Relaxed);
    let mut all = Seen::default();
    while let Some(seen) = bystanders.join_next().await {
        all.add(seen?);
    }
    all.tell(arguments, dead, report);
    Ok(())
}

async fn stand_by(
    mut client: Client,
    service: Service,
    (pace, over): (Duration, Arc<AtomicBool>),
) -> Seen {
    let (path, right) = (service.path(), service.address().to_string());
    let mut seen = Seen::default();
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    while !over.load(Ordering::Relaxed) {
        let due = ticks.tick().await;
        match client.get(&path).await {
            Ok(answer) => {
                seen.times.push(due.elapsed());
                seen.failed += usize::from(answer.status != 200);
                seen.wrong += usize::from(answer.status == 200 && answer.body != right);
            }
            Err(_) => {
                seen.reset += 1;
                break;
            }
        }
    }
    seen
}

impl Seen {
    fn add(&mut self, other: Self) {
        self.times.extend(other.times);
        self.failed += other.failed;
        self.wrong += other.wrong;
        self.reset += other.reset;
    }

    fn tell(self, arguments: &Arguments, dead: usize, report: &mut Report) {
        let made = self.times.len();
        let what = format!("requests beside {} changes", arguments.bystander_changes);
        report.add(what, Figure::Count(made), Target::None);
        let mut times = Times::of(&self.times);
        let late = Figure::Time(times.percentile(99.0));
        report.add("answered after, from when due: p99", late, Target::None);
        for (what, count) in [
            ("failed", self.failed),
            ("wrong answers", self.wrong),
            ("connections reset", self.reset),
            ("WebSocket or gRPC exchanges lost", dead),
        ] {
            report.add(what, Figure::Count(count), Target::Nothing);
        }
    }
}
