//! What the leader writes to the API server: Events, states and addresses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Instant;

use nuncio_tests::control::{eventually, mapping};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource, Written};
use nuncio_tests::replica::Replica;
use serde_json::Value;

async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    cluster
}

/// A Mapping that lacks its prefix.
fn broken(name: &str) -> String {
    format!("---\napiVersion: ambassador/v1\nkind: Mapping\nname: {name}\nservice: s\n")
}

fn events(fake: &FakeApi, object: &str) -> Vec<Value> {
    let mut events = fake.all(Resource::Events);
    events.retain(|event| event["involvedObject"]["name"] == object);
    events
}

async fn event(fake: &FakeApi, object: &str, reason: &str) -> Value {
    let found = || {
        events(fake, object)
            .into_iter()
            .find(|event| event["reason"] == reason)
    };
    eventually(&format!("{reason} on {object}"), || found().is_some()).await;
    found().unwrap()
}

fn written(fake: &FakeApi, resource: Resource) -> Vec<Written> {
    let mut all = fake.journal();
    all.retain(|written| written.resource == resource);
    all
}

fn is_live(replica: &Replica, name: &str) -> bool {
    let last = replica.last();
    last.is_some_and(|last| last.routes.iter().any(|route| &*route.mapping.name == name))
}

async fn live(replica: &Replica, name: &str) {
    eventually(&format!("{name} is live"), || is_live(replica, name)).await;
}

#[tokio::test]
async fn an_event_tells_of_an_error_and_another_of_its_mending() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    cluster
        .service("default", "web", Some(&broken("web")))
        .await;
    let _replica = Replica::start(&cluster, "a");
    let told = event(fake, "web", "Invalid").await;
    let service = fake.get(Resource::Services, "default", "web").unwrap();
    assert_eq!(told["type"], "Warning");
    assert_eq!(told["involvedObject"]["kind"], "Service");
    assert_eq!(told["involvedObject"]["apiVersion"], "v1");
    assert_eq!(told["involvedObject"]["uid"], service["metadata"]["uid"]);
    assert_eq!(told["reportingComponent"], "nuncio");
    let note = told["message"].as_str().unwrap();
    assert!(
        note.contains("document 1") && note.contains("prefix"),
        "{note}"
    );

    cluster
        .service("default", "web", Some(&mapping("web", "/web/")))
        .await;
    assert_eq!(event(fake, "web", "Accepted").await["type"], "Normal");

    // The same error again is the same Event, once more.
    cluster
        .service("default", "web", Some(&broken("web")))
        .await;
    event(fake, "web", "Rejected").await;
}

#[tokio::test]
async fn an_error_that_comes_back_is_counted() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let two = format!("{}{}", mapping("web", "/web/"), broken("other"));
    let _replica = Replica::start(&cluster, "a");
    cluster.service("default", "web", Some(&two)).await;
    event(fake, "web", "Rejected").await;
    cluster
        .service("default", "web", Some(&mapping("web", "/web/")))
        .await;
    event(fake, "web", "Accepted").await;
    cluster.service("default", "web", Some(&two)).await;
    eventually("counted", || {
        let all = events(fake, "web");
        all.iter()
            .any(|event| event["reason"] == "Rejected" && event["count"] == 2)
    })
    .await;
    assert_eq!(events(fake, "web").len(), 2);
}

#[tokio::test]
async fn hostile_text_makes_a_short_plain_note() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let hostile = format!(
        "---\napiVersion: ambassador/v1\nkind: Mapping\nname: web\nprefix: /\nservice: \"{}\"\n",
        "x\\u001b[31m\\n".repeat(3_000)
    );
    cluster.service("default", "web", Some(&hostile)).await;
    let _replica = Replica::start(&cluster, "a");
    let told = event(fake, "web", "Invalid").await;
    let note = told["message"].as_str().unwrap();
    assert!(note.chars().count() <= 1_000, "{}", note.chars().count());
    assert!(!note.chars().any(char::is_control), "{note}");
}

#[tokio::test]
async fn a_thousand_objects_with_errors_are_told_of_slowly() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    for number in 0..1_000 {
        fake.put_service("default", &format!("s{number}"), &broken("m"));
    }
    let start = Instant::now();
    let _replica = Replica::start(&cluster, "a");
    // More than go at once.
    eventually("more Events than a burst", || {
        written(fake, Resource::Events).len() >= 54
    })
    .await;
    let most = 50.0 + 2.0 * start.elapsed().as_secs_f64() + 1.0;
    let asked = written(fake, Resource::Events).len();
    assert!(
        f64::from(u32::try_from(asked).unwrap()) <= most,
        "{asked} > {most}"
    );
}

#[tokio::test]
async fn an_object_that_never_rests_is_told_of_once_in_a_while() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    let replica = Replica::start(&cluster, "a");
    cluster.service("default", "web", Some(&broken("m"))).await;
    event(fake, "web", "Invalid").await;
    for number in 0..300 {
        fake.put_service("default", "web", &broken(&format!("m{number}")));
        tokio::task::yield_now().await;
    }
    cluster
        .service("default", "last", Some(&mapping("last", "/last/")))
        .await;
    live(&replica, "last").await;
    assert!(written(fake, Resource::Events).len() <= 60);
}

#[tokio::test]
async fn what_is_refused_harms_nothing() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v2"]).await;
    for resource in [Resource::Events, Resource::Mappings, Resource::Ingresses] {
        fake.forbid_writes(resource);
    }
    cluster
        .service("default", "web", Some(&broken("web")))
        .await;
    let replica = Replica::start(&cluster, "a");
    eventually("refused", || !written(fake, Resource::Events).is_empty()).await;
    cluster
        .service("default", "web", Some(&mapping("web", "/web/")))
        .await;
    live(&replica, "web").await;
    assert!(replica.leads());
    assert_eq!(fake.all(Resource::Events), Vec::<Value>::new());
    // What was refused is not asked for again for the same object.
    assert!(written(fake, Resource::Events).len() <= 2);
}
