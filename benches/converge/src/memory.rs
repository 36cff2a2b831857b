//! What is left after most Services are deleted, beside a gateway that never knew them.

use std::time::{Duration, Instant};

use anyhow::ensure;
use nuncio_load::{Client, Upstream};
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::report::{Figure, Report, Target};
use crate::scene::Scene;

pub(crate) async fn measure(
    arguments: &Arguments,
    scene: Scene,
    report: &mut Report,
) -> anyhow::Result<()> {
    let process = scene.gateway.process;
    report.add(
        "RSS, the most so far",
        Figure::Bytes(process.most_resident()?),
        Target::None,
    );
    let kept = scene.services.start..scene.services.start + scene.services.len() / 10;
    let deleted = kept.end..scene.services.end;
    let started = Instant::now();
    for number in deleted.clone() {
        scene.delete(number);
    }
    until_gone(&scene, deleted.end - 1).await?;
    report.add(
        "90 % deleted: all gone after",
        Figure::Time(started.elapsed()),
        Target::None,
    );
    let settled = Duration::from_secs(arguments.settle);
    sleep(settled).await;
    let left = process.resident()?;
    let Scene { api, gateway, .. } = scene;
    gateway.stop().await?;
    let upstream = Upstream::start().await?;
    let fresh = Scene::with(arguments, (api, upstream), kept).await?;
    sleep(settled).await;
    let fresh = fresh.gateway.process.resident()?;
    report.add("RSS after deleting 90 %", Figure::Bytes(left), Target::None);
    report.add(
        "RSS of a start with the rest",
        Figure::Bytes(fresh),
        Target::None,
    );
    let more = left.saturating_sub(fresh) * 100 / fresh.max(1);
    report.add(
        "more than that by",
        Figure::Percent(more),
        Target::Most(Figure::Percent(25)),
    );
    Ok(())
}

async fn until_gone(scene: &Scene, number: usize) -> anyhow::Result<()> {
    let mut client = Client::connect(scene.gateway.http).await?;
    let path = scene.current(number).path();
    let started = Instant::now();
    while client.get(&path).await?.status != 404 {
        ensure!(
            started.elapsed() < Duration::from_secs(60),
            "it is not deleted"
        );
        sleep(Duration::from_millis(1)).await;
    }
    Ok(())
}
