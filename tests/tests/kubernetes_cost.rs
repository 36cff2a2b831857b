//! What a big cluster that says nothing to us costs. In a program of its own: it measures the whole.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test whose machinery fails has failed; the figures are for people"
)]

use std::fs;
use std::time::{Duration, Instant};

use nuncio_controller::KubernetesOptions;
use nuncio_tests::certificates::Pair;
use nuncio_tests::control::{Control, cluster_source, eventually, mapping};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource};
use serde_json::json;

const SERVICES: usize = 20_000;
const SECRETS: usize = 10_000;
const WANTED: usize = 20;

#[tokio::test]
async fn twenty_thousand_unrelated_services_and_ten_thousand_secrets_cost_next_to_nothing() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    let annotations = json!({"prometheus.io/scrape": "true", "team": "somebody else"});
    for number in 0..SERVICES {
        let service = json!({
            "metadata": {"annotations": annotations, "labels": {"app": number.to_string()}},
            "spec": {"ports": [{"port": 80}]},
        });
        fake.put(Resource::Services, "theirs", &format!("s{number}"), service);
    }
    put_foreign_secrets(fake);
    fake.put_service("default", "ours", &mapping("ours", "/ours/"));
    warm_up().await;
    let before = resident();
    let source = cluster_source(&cluster, KubernetesOptions::default());
    let control = Control::start(source);
    control.until_live(&["ours"]).await;
    eventually("watching", || fake.watches(Resource::Services) > 0).await;
    let kept = resident().saturating_sub(before);
    let asked = (
        fake.lists(Resource::Services),
        fake.sent(Resource::Services),
    );
    let busy = processor_time();
    // Nothing is waited for: this is the time in which nothing is to happen.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let busy = processor_time() - busy;
    println!(
        "{SERVICES} Services and {SECRETS} Secrets that are not ours: {} KiB more resident, \
         {busy:?} of processor time in 3 s, {} KiB listed",
        kept / 1024,
        asked.1 / 1024,
    );
    let secrets = fake.asked(Resource::Secrets);
    let by_name = |path: &String| path.contains("metadata.name");
    assert!(secrets.iter().all(by_name), "{secrets:?}");
    assert_eq!(
        (
            fake.lists(Resource::Services),
            fake.sent(Resource::Services)
        ),
        asked
    );
    assert!(kept <= 8 << 20, "{kept} bytes");
    assert!(busy <= Duration::from_millis(50), "{busy:?}");
}

/// More are wanted of their namespace than are asked for by name.
#[tokio::test]
async fn ten_thousand_secrets_beside_twenty_that_are_wanted_cost_next_to_nothing() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    put_foreign_secrets(fake);
    let pair = Pair::of("edge.example");
    let mut contexts = String::new();
    for number in 0..WANTED {
        fake.put(
            Resource::Secrets,
            "theirs",
            &format!("w{number}"),
            pair.secret(),
        );
        contexts.push_str(&format!(
            "---\napiVersion: ambassador/v1\nkind: TLSContext\nname: w{number}\n\
             hosts: [w{number}.example]\nsecret: w{number}.theirs\n"
        ));
    }
    fake.put_service("default", "ours", &contexts);
    warm_up().await;
    let (before, busy, begun) = (resident(), processor_time(), Instant::now());
    let control = Control::start(cluster_source(&cluster, KubernetesOptions::default()));
    let told = control.until_told("settled", |told| told.settled).await;
    let (took, busy) = (begun.elapsed(), processor_time() - busy);
    assert_eq!(told.told.values().flatten().count(), WANTED);
    let kept = resident().saturating_sub(before);
    let listed = fake.sent(Resource::Secrets);
    println!(
        "{WANTED} Secrets among {SECRETS}: settled after {took:?} and {busy:?} of processor time, \
         the server's included; {} KiB more resident, {} KiB listed",
        kept / 1024,
        listed / 1024,
    );
    let (busy, times) = (processor_time(), told.times);
    for number in 0..1_000 {
        let secret = json!({"type": "Opaque", "data": {"key": "b3RoZXI="}});
        fake.put(Resource::Secrets, "theirs", &format!("s{number}"), secret);
    }
    fake.put(
        Resource::Secrets,
        "theirs",
        "w7",
        Pair::of("new.example").secret(),
    );
    let told = control
        .until_told("rotated", |told| told.times > times)
        .await;
    let busy = processor_time() - busy;
    println!("a thousand changes of others: {busy:?} of processor time, the server's included");
    assert_eq!(told.times, times + 1);
    assert!(kept <= 24 << 20, "{kept} bytes");
}

fn put_foreign_secrets(fake: &FakeApi) {
    for number in 0..SECRETS {
        let secret = json!({"type": "Opaque", "data": {"key": "dmFsdWU="}});
        fake.put(Resource::Secrets, "theirs", &format!("s{number}"), secret);
    }
}

/// Follows a cluster of one Service: what that takes is no cost of a big one.
async fn warm_up() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    fake.put_service("default", "ours", &mapping("ours", "/ours/"));
    let control = Control::following(&cluster);
    control.until_live(&["ours"]).await;
    control.stop().await.unwrap();
}

/// Bytes of this process in memory, by proc(5).
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let resident = pages.split_ascii_whitespace().nth(1).unwrap();
    resident.parse::<usize>().unwrap() * 4096
}

/// Processor time of this process, by proc(5), in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
