//! What a gateway may read, found out by trying.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_routing::Credential;
use nuncio_tests::control::{Control, diagnostics, eventually, mapping, mappings};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource};
use serde_json::json;

async fn annotated(cluster: &Cluster, name: &str) {
    cluster
        .service("default", name, Some(&mapping(name, &format!("/{name}/"))))
        .await;
}

/// Grants what Ambassador 0.21 asked for: Services, ConfigMaps and Secrets.
fn only_the_first_permissions(fake: &FakeApi) {
    for refused in [
        Resource::Ingresses,
        Resource::IngressClasses,
        Resource::EndpointSlices,
        Resource::CustomResourceDefinitions,
        Resource::Mappings,
        Resource::Modules,
        Resource::ServiceResolvers,
        Resource::EndpointResolvers,
        Resource::TracingServices,
        Resource::Hosts,
        Resource::TlsContexts,
        Resource::Listeners,
        Resource::TcpMappings,
    ] {
        fake.forbid(refused);
    }
}

#[tokio::test]
async fn each_refusal_is_reported_once_and_lived_without() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v3alpha1", "v2"]).await;
    only_the_first_permissions(fake);
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    let told = control
        .until("every report", |snapshot| diagnostics(snapshot).len() == 10)
        .await;
    assert_eq!(mappings(&told), ["a"]);
    let all = diagnostics(&told);
    for plural in ["ingresses", "mappings", "modules"] {
        let said = |line: &&String| line.contains(&format!("cannot list and watch {plural}:"));
        let lines: Vec<_> = all.iter().filter(said).collect();
        assert!(
            lines.len() == 1 && lines[0].ends_with("going on without it"),
            "{lines:?}"
        );
    }
    let asked = fake.lists(Resource::Mappings);
    eventually("asking again", || {
        fake.lists(Resource::Mappings) >= asked + 4
    })
    .await;
    annotated(&cluster, "b").await;
    let after = control.until_live(&["a", "b"]).await;
    assert_eq!(after.generation, told.generation + 1);
    assert_eq!(fake.lists(Resource::IngressClasses), 0);
}

#[tokio::test]
async fn what_is_granted_later_is_followed_and_its_report_withdrawn() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v3alpha1"]).await;
    fake.forbid(Resource::Mappings);
    let spec = json!({"hostname": "*", "prefix": "/m/", "service": "m.example"});
    fake.put(Resource::Mappings, "default", "m", json!({"spec": spec}));
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    control
        .until("the report", |snapshot| !diagnostics(snapshot).is_empty())
        .await;
    fake.allow(Resource::Mappings);
    control
        .until("the Mapping", |snapshot| {
            mappings(snapshot) == ["a", "m"] && diagnostics(snapshot).is_empty()
        })
        .await;
}

#[tokio::test]
async fn groups_that_are_not_installed_are_no_news() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    let first = control.until_live(&["a"]).await;
    assert!(diagnostics(&first).is_empty(), "{:?}", diagnostics(&first));
    assert_eq!(fake.lists(Resource::Mappings), 0);
}

#[tokio::test]
async fn without_anything_that_names_a_secret_two_are_asked_for_by_name() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    control.until_live(&["a"]).await;
    let told = control.until_told("settled", |told| told.settled).await;
    // That nobody verifies clients is told too.
    let identity = |of: &Credential| matches!(of, Credential::Identity(_));
    let certificates: Vec<_> = told.told.iter().filter(|(of, _)| identity(of)).collect();
    assert!(matches!(&*certificates, [(_, None)]), "{certificates:?}");
    let asked = fake.asked(Resource::Secrets);
    let found = ["ambassador-certs", "ambassador-cacert"];
    let is_found = |path: &String| found.iter().any(|name| path.contains(name));
    assert!(!asked.is_empty() && asked.iter().all(is_found), "{asked:?}");
    let last = control.last().unwrap();
    assert!(diagnostics(&last).is_empty(), "{:?}", diagnostics(&last));
}

#[tokio::test]
async fn a_kind_that_never_answers_delays_nothing_else_for_long() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v3alpha1"]).await;
    fake.hang(Resource::Mappings);
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    control.until_live(&["a"]).await;
}
