//! Objects that are not the gateway's business: what they cost.

use std::time::Duration;

use nuncio_load::Upstream;
use nuncio_tests::kube_api::{FakeApi, Resource};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::arguments::Arguments;
use crate::report::{Figure, Report, Target};
use crate::scene::{Scene, put};
use crate::services::Service;

/// What a gateway costs when nothing happens.
struct Rest {
    resident: u64,
    idle: Duration,
}

pub(crate) async fn measure(
    arguments: &Arguments,
    count: usize,
    report: &mut Report,
) -> anyhow::Result<()> {
    let alone = rest(arguments, count, 0).await?;
    let among = rest(arguments, count, arguments.strangers).await?;
    let more = among.resident.saturating_sub(alone.resident);
    let what = format!(
        "RSS more for {} other Secrets and {} other Services",
        arguments.strangers,
        2 * arguments.strangers
    );
    report.add(
        what,
        Figure::Bytes(more),
        Target::Most(Figure::Bytes(8 << 20)),
    );
    let seconds = arguments.idle;
    report.add(
        format!("CPU, {seconds} s idle, without them"),
        Figure::Time(alone.idle),
        Target::None,
    );
    report.add(
        format!("CPU, {seconds} s idle, with them"),
        Figure::Time(among.idle),
        Target::None,
    );
    Ok(())
}

async fn rest(arguments: &Arguments, count: usize, strangers: usize) -> anyhow::Result<Rest> {
    let (api, upstream) = (FakeApi::start().await, Upstream::start().await?);
    for number in 0..count {
        put(&api, Service::first(number), upstream.port);
    }
    for nth in 0..strangers {
        let namespace = format!("other-{}", nth % 100);
        let name = |kind: &str| format!("{kind}-{nth}");
        api.put(Resource::Secrets, &namespace, &name("secret"), secret());
        api.put(Resource::Services, &namespace, &name("a"), service());
        api.put(Resource::Services, &namespace, &name("b"), service());
    }
    let scene = Scene::with(arguments, (api, upstream), 0..count).await?;
    let process = scene.gateway.process;
    sleep(Duration::from_secs(arguments.settle)).await;
    let before = process.cpu()?;
    sleep(Duration::from_secs(arguments.idle)).await;
    let idle = process.cpu()?.saturating_sub(before);
    let resident = process.resident()?;
    scene.gateway.stop().await?;
    Ok(Rest { resident, idle })
}

/// As large as a certificate with its key.
fn secret() -> Value {
    let text = "A".repeat(1_500);
    json!({"type": "kubernetes.io/tls", "data": {"tls.crt": text, "tls.key": text}})
}

/// With what tools write onto every object.
fn service() -> Value {
    let applied = "{\"apiVersion\":\"v1\",\"kind\":\"Service\",\"metadata\":{\"name\":\"other\"}}";
    let annotations = json!({"kubectl.kubernetes.io/last-applied-configuration": applied});
    let labels = json!({"app": "other", "app.kubernetes.io/managed-by": "Helm"});
    json!({"metadata": {"annotations": annotations, "labels": labels}, "spec": {"ports": [{"port": 80}]}})
}
