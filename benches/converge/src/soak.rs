//! Long churn: Services are changed, deleted and made again, and memory does not grow.

use std::time::{Duration, Instant};

use tokio::time::interval;

use crate::arguments::Arguments;
use crate::report::{Figure, Report, Target};
use crate::scene::Scene;

/// Changes per second: ten times what is called churn elsewhere.
const RATE: u32 = 1_000;

pub(crate) async fn measure(
    arguments: &Arguments,
    scene: &mut Scene,
    report: &mut Report,
) -> anyhow::Result<()> {
    let process = scene.gateway.process;
    let whole = Duration::from_secs(arguments.soak);
    let mut ticks = interval(Duration::from_secs(1) / RATE);
    let (mut samples, mut next) = (Vec::new(), Instant::now());
    let started = Instant::now();
    for nth in 0_usize.. {
        ticks.tick().await;
        if started.elapsed() >= whole {
            report.add("changes while soaking", Figure::Count(nth), Target::None);
            break;
        }
        let number = scene.services.start + nth.wrapping_mul(7_919) % scene.services.len();
        // Deleted for as long as it takes to come round, and then made again.
        match nth.is_multiple_of(10) {
            true => scene.delete(number),
            false => drop(scene.change(number)),
        }
        if Instant::now() >= next {
            samples.push(process.resident()?);
            next += Duration::from_secs(1);
        }
    }
    let quarter = samples.len() / 4;
    let mean = |part: &[u64]| part.iter().sum::<u64>() / (part.len() as u64).max(1);
    let (_, settled) = samples.split_at(quarter);
    let (second, _) = settled.split_at(quarter.min(settled.len()));
    let (_, last) = samples.split_at(samples.len() - quarter);
    let (second, last) = (mean(second), mean(last));
    let grown = last.saturating_sub(second) * 100 / second.max(1);
    report.add(
        "RSS in the second quarter",
        Figure::Bytes(second),
        Target::None,
    );
    report.add("RSS in the last quarter", Figure::Bytes(last), Target::None);
    let most = Target::Most(Figure::Percent(5));
    report.add("more than that by", Figure::Percent(grown), most);
    Ok(())
}
