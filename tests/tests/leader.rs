//! Several gateways on one API server: one of them writes, and who that is changes hands.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::control::{eventually, mapping};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource, Written};
use nuncio_tests::replica::Replica;

const BROKEN: &str = "---\napiVersion: ambassador/v1\nkind: Mapping\nname: m\nservice: s\n";

/// A cluster with a Service whose annotation has an error, and another without.
async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    cluster
        .service("default", "good", Some(&mapping("good", "/good/")))
        .await;
    cluster.service("default", "bad", Some(BROKEN)).await;
    cluster
}

async fn broken(cluster: &Cluster, name: &str) {
    cluster.service("default", name, Some(BROKEN)).await;
}

async fn leading(replica: &Replica) {
    eventually("leading", || replica.leads()).await;
}

async fn told(fake: &FakeApi, service: &str) {
    eventually(&format!("an Event on {service}"), || {
        fake.all(Resource::Events)
            .iter()
            .any(|event| event["involvedObject"]["name"] == service)
    })
    .await;
}

/// What was written but for the Lease itself.
fn writes(fake: &FakeApi) -> Vec<Written> {
    let all = fake.journal().into_iter();
    all.filter(|written| written.resource != Resource::Leases)
        .collect()
}

/// Whoever wrote held the Lease.
fn assert_written_by_holders(fake: &FakeApi) {
    let all = writes(fake);
    assert!(!all.is_empty());
    for written in all {
        let by = format!("{}_", written.by);
        assert!(written.holder.starts_with(&by), "{written:?}");
    }
}

#[tokio::test]
async fn one_of_several_gateways_writes() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let all = ["a", "b", "c"].map(|name| Replica::start(&cluster, name));
    told(fake, "bad").await;
    broken(&cluster, "worse").await;
    told(fake, "worse").await;
    assert_eq!(all.iter().filter(|replica| replica.leads()).count(), 1);
    assert_written_by_holders(fake);
    let writers = writes(fake);
    assert!(writers.iter().all(|written| written.by == writers[0].by));
    assert_eq!(fake.all(Resource::Events).len(), 2);
}

#[tokio::test]
async fn a_gateway_that_was_killed_is_succeeded() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let first = Replica::start(&cluster, "a");
    told(fake, "bad").await;
    let second = Replica::start(&cluster, "b");
    first.kill();
    broken(&cluster, "worse").await;
    leading(&second).await;
    told(fake, "worse").await;
    // What the first told is not told again.
    let events = fake.all(Resource::Events);
    assert_eq!(events.len(), 2);
    assert!(events.iter().all(|event| event["count"] == 1));
    assert_written_by_holders(fake);
}

#[tokio::test]
async fn a_gateway_that_ends_gives_the_lease_back() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let first = Replica::start(&cluster, "a");
    told(fake, "bad").await;
    first.stop().await;
    assert_eq!(fake.holder(), "");
    let second = Replica::start(&cluster, "b");
    leading(&second).await;
}

#[tokio::test]
async fn a_leader_that_is_cut_off_stops_before_another_begins() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let first = Replica::start(&cluster, "a");
    told(fake, "bad").await;
    let second = Replica::start(&cluster, "b");
    fake.cut_off("a");
    eventually("resigned", || !first.leads()).await;
    assert!(fake.holder().starts_with("a_"), "nobody took over before");
    leading(&second).await;
    fake.reconnect("a");
    for name in ["c", "d", "e"] {
        broken(&cluster, name).await;
        told(fake, name).await;
    }
    assert!(!first.leads());
    assert_written_by_holders(fake);
    let later = writes(fake).into_iter().skip_while(|w| w.by == "a");
    assert!(later.into_iter().all(|written| written.by == "b"));
}

#[tokio::test]
async fn a_leader_that_slept_too_long_writes_nothing_when_it_wakes() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let first = Replica::start(&cluster, "a");
    told(fake, "bad").await;
    let second = Replica::start(&cluster, "b");
    // What it is to write when it wakes.
    let pause = first.pause();
    for number in 0..20 {
        broken(&cluster, &format!("s{number}")).await;
    }
    leading(&second).await;
    drop(pause);
    for number in 0..20 {
        told(fake, &format!("s{number}")).await;
    }
    eventually("resigned", || !first.leads()).await;
    assert_written_by_holders(fake);
}

#[tokio::test]
async fn without_permission_for_leases_nothing_is_written_and_everything_is_served() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    fake.forbid(Resource::Leases);
    fake.forbid_writes(Resource::Leases);
    let replica = Replica::start(&cluster, "a");
    cluster
        .service("default", "later", Some(&mapping("later", "/later/")))
        .await;
    eventually("served", || {
        let last = replica.last();
        last.is_some_and(|last| {
            last.routes
                .iter()
                .any(|route| &*route.mapping.name == "later")
        })
    })
    .await;
    assert!(!replica.leads());
    assert_eq!(writes(fake), []);
}
