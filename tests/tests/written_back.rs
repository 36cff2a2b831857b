//! What the leader writes to the API server: Events, states and addresses.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Instant;

use kube::api::{Patch, PatchParams};
use nuncio_controller::{PublishedService, States, WriteBack};
use nuncio_tests::control::{eventually, mapping};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource, Written};
use nuncio_tests::replica::{Replica, write_back};
use serde_json::{Value, json};

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

/// A Mapping resource; without a prefix it has an error.
async fn resource(cluster: &Cluster, name: &str, prefix: Option<&str>) {
    let mut spec = json!({"service": "s.example"});
    if let Some(prefix) = prefix {
        spec["prefix"] = json!(prefix);
    }
    let mapping = json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec});
    cluster.apply(Resource::Mappings, "v2", &mapping).await;
}

fn status(fake: &FakeApi, resource: Resource, name: &str) -> Value {
    fake.get(resource, "default", name).unwrap()["status"].take()
}

async fn state(fake: &FakeApi, name: &str, state: &str) {
    eventually(&format!("{name} is {state}"), || {
        status(fake, Resource::Mappings, name)["state"] == state
    })
    .await;
}

#[tokio::test]
async fn a_resource_says_that_it_has_an_error_and_that_it_is_mended() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v2", "v3alpha1"]).await;
    resource(&cluster, "good", Some("/good/")).await;
    resource(&cluster, "bad", None).await;
    let _replica = Replica::start(&cluster, "a");
    state(fake, "bad", "Inactive").await;
    let reason = status(fake, Resource::Mappings, "bad")["reason"].take();
    assert!(reason.as_str().unwrap().contains("prefix"), "{reason}");
    assert_eq!(
        event(fake, "bad", "Invalid").await["involvedObject"]["kind"],
        "Mapping"
    );

    resource(&cluster, "bad", Some("/bad/")).await;
    state(fake, "bad", "Running").await;
    assert_eq!(
        status(fake, Resource::Mappings, "bad"),
        json!({"state": "Running"})
    );

    // A version that is refused beside one that stays.
    resource(&cluster, "bad", None).await;
    eventually("a reason", || {
        let status = status(fake, Resource::Mappings, "bad");
        status["state"] == "Running" && status["reason"].is_string()
    })
    .await;
    assert_eq!(status(fake, Resource::Mappings, "good"), Value::Null);
    assert_eq!(written(fake, Resource::Mappings).len(), 3);
}

#[tokio::test]
async fn every_mapping_says_that_it_runs_when_that_is_asked_for() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v2"]).await;
    resource(&cluster, "early", Some("/early/")).await;
    let options = WriteBack {
        states: States::All,
        ..write_back("a")
    };
    let _replica = Replica::start_as(&cluster, options);
    state(fake, "early", "Running").await;
    resource(&cluster, "late", Some("/late/")).await;
    state(fake, "late", "Running").await;
    assert_eq!(written(fake, Resource::Mappings).len(), 2);
}

#[tokio::test]
async fn what_a_predecessor_wrote_is_not_written_again_but_mended() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v2"]).await;
    resource(&cluster, "bad", None).await;
    resource(&cluster, "mended", None).await;
    let first = Replica::start(&cluster, "a");
    state(fake, "bad", "Inactive").await;
    state(fake, "mended", "Inactive").await;
    first.stop().await;
    // Nobody is there to say so.
    resource(&cluster, "mended", Some("/mended/")).await;
    let _second = Replica::start(&cluster, "b");
    state(fake, "mended", "Running").await;
    let by_second = written(fake, Resource::Mappings);
    let by_second: Vec<_> = by_second
        .iter()
        .filter(|written| written.by == "b")
        .collect();
    assert_eq!(by_second.len(), 1, "{by_second:?}");
}

#[tokio::test]
async fn states_are_written_without_the_conversion_webhook() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v2", "v3alpha1"]).await;
    resource(&cluster, "bad", None).await;
    fake.break_conversion(Resource::Mappings);
    let _replica = Replica::start(&cluster, "a");
    state(fake, "bad", "Inactive").await;
}

/// The gateway's own Service, with an address.
async fn own_service(cluster: &Cluster, fake: &FakeApi, name: &str, ip: &str) {
    let service = json!({
        "metadata": {
            "name": name, "namespace": "default",
            "labels": {"app.kubernetes.io/component": "ambassador-service"},
        },
        "spec": {"ports": [{"port": 80}], "type": "LoadBalancer"},
    });
    cluster.apply(Resource::Services, "v1", &service).await;
    let status = json!({"loadBalancer": {"ingress": [{"ip": ip, "ipMode": "VIP"}]}});
    set_status(cluster, (Resource::Services, name), status).await;
    assert_eq!(status_ip(fake, Resource::Services, name), ip);
}

/// As another controller writes it.
async fn set_status(cluster: &Cluster, (resource, name): (Resource, &str), status: Value) {
    let api = cluster.dynamic(resource, "v1", Some("default"));
    let patch = Patch::Merge(json!({"status": status}));
    let parameters = PatchParams {
        field_manager: Some("somebody-else".to_owned()),
        ..PatchParams::default()
    };
    api.patch_status(name, &parameters, &patch).await.unwrap();
}

async fn ingress(cluster: &Cluster, name: &str, class: &str) {
    let backend = json!({"service": {"name": "web", "port": {"number": 80}}});
    let path = json!({"path": format!("/{name}/"), "pathType": "Prefix", "backend": backend});
    let ingress = json!({
        "metadata": {
            "name": name, "namespace": "default",
            "annotations": {"kubernetes.io/ingress.class": class},
        },
        "spec": {"rules": [{"http": {"paths": [path]}}]},
    });
    cluster.apply(Resource::Ingresses, "v1", &ingress).await;
}

fn status_ip(fake: &FakeApi, resource: Resource, name: &str) -> Value {
    let mut status = status(fake, resource, name);
    let entry = status.pointer_mut("/loadBalancer/ingress/0/ip");
    entry.map(Value::take).unwrap_or_default()
}

async fn address(fake: &FakeApi, name: &str, ip: impl Into<Value>) {
    let ip = ip.into();
    eventually(&format!("{name} at {ip}"), || {
        status_ip(fake, Resource::Ingresses, name) == ip
    })
    .await;
}

#[tokio::test]
async fn an_ingress_gets_the_address_of_the_gateways_service() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    own_service(&cluster, fake, "gateway", "192.0.2.7").await;
    ingress(&cluster, "ours", "ambassador").await;
    ingress(&cluster, "theirs", "nginx").await;
    let _replica = Replica::start(&cluster, "a");
    address(fake, "ours", "192.0.2.7").await;
    ingress(&cluster, "late", "ambassador").await;
    address(fake, "late", "192.0.2.7").await;
    assert_eq!(status(fake, Resource::Ingresses, "theirs"), Value::Null);
    assert_eq!(written(fake, Resource::Ingresses).len(), 2);
}

#[tokio::test]
async fn the_service_may_be_named() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    own_service(&cluster, fake, "another", "192.0.2.1").await;
    own_service(&cluster, fake, "named", "192.0.2.8").await;
    ingress(&cluster, "ours", "ambassador").await;
    let service = PublishedService::Named {
        namespace: "default".to_owned(),
        name: "named".to_owned(),
    };
    let options = WriteBack {
        service,
        ..write_back("a")
    };
    let _replica = Replica::start_as(&cluster, options);
    address(fake, "ours", "192.0.2.8").await;
}

#[tokio::test]
async fn only_the_address_we_wrote_is_taken_away() {
    let cluster = cluster().await;
    let Some(fake) = cluster.faults() else { return };
    own_service(&cluster, fake, "gateway", "192.0.2.7").await;
    ingress(&cluster, "leaves", "ambassador").await;
    ingress(&cluster, "taken", "ambassador").await;
    let first = Replica::start(&cluster, "a");
    address(fake, "leaves", "192.0.2.7").await;
    address(fake, "taken", "192.0.2.7").await;
    first.stop().await;
    // Nobody is there when both go to another controller, which was at one of them already.
    ingress(&cluster, "leaves", "nginx").await;
    ingress(&cluster, "taken", "nginx").await;
    let theirs = json!({"loadBalancer": {"ingress": [{"ip": "192.0.2.99"}]}});
    set_status(&cluster, (Resource::Ingresses, "taken"), theirs).await;
    let _second = Replica::start(&cluster, "b");
    address(fake, "leaves", Value::Null).await;
    assert_eq!(status_ip(fake, Resource::Ingresses, "taken"), "192.0.2.99");
    assert_eq!(written(fake, Resource::Ingresses).len(), 3);
}
