//! Single changes: from the event to the first right answer on a connection that is open already.
//!
//! Invariant: in between, every answer is that of the version before; anything else is counted.

use std::time::{Duration, Instant};

use nuncio_load::{Client, Times};
use tokio::time::{interval, sleep};

use crate::arguments::Arguments;
use crate::report::{Figure, Report, Target};
use crate::scene::Scene;

/// What came of some changes.
#[derive(Debug, Default)]
struct Outcome {
    times: Vec<Duration>,
    /// Answers that were neither the old nor the new one.
    wrong: usize,
    /// Changes that did not come into force in time.
    missed: usize,
}

/// After which a change counts as missed.
const PATIENCE: Duration = Duration::from_secs(20);

/// How long nothing happens before a single change: at least this, at most twice.
const QUIET: Duration = Duration::from_millis(4);

pub(crate) async fn measure(
    arguments: &Arguments,
    scene: &mut Scene,
    report: &mut Report,
) -> anyhow::Result<()> {
    let resident = scene.gateway.process.resident()?;
    let most = report.at_middle(Figure::Bytes(64 << 20));
    report.add("RSS after the start", Figure::Bytes(resident), most);
    idle(arguments, scene, report).await?;
    let quiet = single(scene, arguments.changes, None).await?;
    quiet.tell("quiet", Duration::from_millis(10), report);
    let churned = single(scene, arguments.changes, Some(arguments.churn)).await?;
    let what = format!("under {} changes/s", arguments.churn);
    churned.tell(&what, Duration::from_millis(20), report);
    let resident = scene.gateway.process.resident()?;
    report.add("RSS after the changes", Figure::Bytes(resident), most);
    Ok(())
}

/// What nothing costs, and what a change costs that nobody asks for.
async fn idle(arguments: &Arguments, scene: &mut Scene, report: &mut Report) -> anyhow::Result<()> {
    let process = scene.gateway.process;
    sleep(Duration::from_secs(1)).await;
    let before = process.cpu()?;
    sleep(Duration::from_secs(arguments.idle)).await;
    let idle = process.cpu()?.saturating_sub(before);
    let what = format!("CPU, {} s idle", arguments.idle);
    report.add(what, Figure::Time(idle), Target::None);
    let before = process.cpu()?;
    let mut ticks = interval(Duration::from_secs(1) / arguments.churn);
    for nth in 0..arguments.changes {
        ticks.tick().await;
        scene.change(churned(scene, nth));
    }
    sleep(Duration::from_millis(100)).await;
    let changed = process.cpu()?.saturating_sub(before);
    let each = changed / u32::try_from(arguments.changes)?.max(1);
    report.add("CPU per change", Figure::Time(each), Target::None);
    Ok(())
}

/// Services of the first half are changed, those of the second are measured.
fn churned(scene: &Scene, nth: usize) -> usize {
    let half = scene.services.len() / 2;
    scene.services.start + nth.wrapping_mul(7_919) % half.max(1)
}

async fn single(scene: &mut Scene, changes: usize, churn: Option<u32>) -> anyhow::Result<Outcome> {
    let half = scene.services.len() / 2;
    let mut client = Client::connect(scene.gateway.http).await?;
    let mut outcome = Outcome::default();
    let mut others = 0;
    let began = Instant::now();
    for nth in 0..changes {
        let pause = Instant::now() + QUIET + QUIET.mul_f64(fastrand::f64());
        while Instant::now() < pause {
            others += churn_due(scene, churn, (began, others));
            sleep(Duration::from_millis(1)).await;
        }
        let number = scene.services.start + half + nth.wrapping_mul(104_729) % half.max(1);
        let old = scene.current(number).address().to_string();
        let started = Instant::now();
        let service = scene.change(number);
        let (path, new) = (service.path(), service.address().to_string());
        loop {
            let answer = client.get(&path).await?;
            if answer.status == 200 && answer.body == new {
                outcome.times.push(started.elapsed());
                break;
            }
            outcome.wrong += usize::from(answer.status != 200 || answer.body != old);
            if started.elapsed() > PATIENCE {
                outcome.missed += 1;
                break;
            }
            others += churn_due(scene, churn, (began, others));
        }
    }
    Ok(outcome)
}

/// Makes the changes of other Services that are due since `began`, when `made` were.
fn churn_due(scene: &mut Scene, churn: Option<u32>, (began, made): (Instant, usize)) -> usize {
    let Some(rate) = churn else { return 0 };
    let due = began.elapsed().as_millis() * u128::from(rate) / 1_000;
    let due = usize::try_from(due)
        .unwrap_or(usize::MAX)
        .saturating_sub(made);
    for nth in made..made + due {
        scene.change(churned(scene, nth));
    }
    due
}

impl Outcome {
    fn tell(self, what: &str, most: Duration, report: &mut Report) {
        let mut times = Times::of(&self.times);
        let mut time = |percent| Figure::Time(times.percentile(percent));
        let target = report.slow_change(most);
        report.add(
            format!("change live, {what}: p50"),
            time(50.0),
            Target::None,
        );
        report.add(format!("change live, {what}: p99"), time(99.0), target);
        report.add(
            format!("change live, {what}: max"),
            time(100.0),
            Target::None,
        );
        let wrong = Figure::Count(self.wrong + self.missed);
        report.add(format!("wrong or missing, {what}"), wrong, Target::Nothing);
    }
}
