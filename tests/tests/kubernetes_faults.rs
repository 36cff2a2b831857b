//! What goes wrong with an API server, and what must not follow from it.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::time::Duration;

use kube::config::AuthInfo;
use nuncio_controller::{Source, client_for};
use nuncio_routing::Snapshot;
use nuncio_tests::control::{Control, diagnostics, eventually, impatient, mapping, mappings};
use nuncio_tests::kube_api::{Cluster, Expiry, FakeApi, Resource};
use serde_json::json;

fn annotated(fake: &FakeApi, name: &str) {
    fake.put_service("default", name, &mapping(name, &format!("/{name}/")));
}

fn names(which: impl Iterator<Item = usize>) -> Vec<String> {
    which.map(|number| format!("s{number:02}")).collect()
}

/// Forty annotated Services, followed.
async fn forty() -> (Cluster, Control) {
    let cluster = Cluster::start().await;
    for name in names(0..40) {
        annotated(cluster.faults().unwrap(), &name);
    }
    let control = Control::following(&cluster);
    control
        .until("all", |snapshot| mappings(snapshot).len() == 40)
        .await;
    (cluster, control)
}

async fn relisted(fake: &FakeApi) {
    eventually("watching", || fake.watches(Resource::Services) > 0).await;
    let lists = fake.lists(Resource::Services);
    fake.expire(Resource::Services, Expiry::Status);
    eventually("a fresh list", || fake.lists(Resource::Services) > lists).await;
}

#[tokio::test]
async fn a_relist_that_lost_half_takes_that_half_away_and_no_other() {
    let (cluster, control) = forty().await;
    let Some(fake) = cluster.faults() else { return };
    fake.lose(Resource::Services, |name| name >= "s20");
    relisted(fake).await;
    let left = names(0..20);
    control
        .until("the half that is left", |snapshot| {
            mappings(snapshot) == left
        })
        .await;
    let flapped = |snapshot: &Snapshot| {
        left.iter()
            .any(|name| !mappings(snapshot).contains(&&**name))
    };
    assert!(!control.history().iter().any(|snapshot| flapped(snapshot)));
}

#[tokio::test]
async fn an_empty_list_out_of_nowhere_is_not_believed() {
    let (cluster, control) = forty().await;
    let Some(fake) = cluster.faults() else { return };
    eventually("watching", || fake.watches(Resource::Services) > 0).await;
    let before = fake.lists(Resource::Services);
    fake.empty_lists(Resource::Services, 0..1);
    fake.expire(Resource::Services, Expiry::Status);
    eventually("a second list", || {
        fake.lists(Resource::Services) >= before + 2
    })
    .await;
    annotated(fake, "s40");
    control
        .until("one more", |snapshot| mappings(snapshot).len() == 41)
        .await;
    let flapped = |snapshot: &Snapshot| mappings(snapshot).len() < 40;
    assert!(!control.history().iter().any(|snapshot| flapped(snapshot)));
}

#[tokio::test]
async fn half_of_the_objects_malformed_harm_only_themselves() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    for number in 0..20 {
        annotated(fake, &format!("good{number:02}"));
        let broken = match number % 5 {
            0 => json!({"metadata": {"name": ["no", "name"]}}).to_string(),
            1 => json!({"metadata": {"name": "bad", "annotations": "none"}}).to_string(),
            2 => json!({"spec": {}}).to_string(),
            3 => "7".to_owned(),
            _ => "null".to_owned(),
        };
        fake.put_raw(
            Resource::Services,
            "default",
            &format!("bad{number:02}"),
            &broken,
        );
    }
    let control = Control::following(&cluster);
    let all = control
        .until("the good half", |snapshot| mappings(snapshot).len() == 20)
        .await;
    assert!(mappings(&all).iter().all(|name| name.starts_with("good")));
    annotated(fake, "good20");
    control
        .until("the next one", |snapshot| mappings(snapshot).len() == 21)
        .await;
}

#[tokio::test]
async fn custom_resources_that_say_nonsense_harm_only_themselves() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v3alpha1"]).await;
    let good = json!({"spec": {"hostname": "*", "prefix": "/a/", "service": "a"}});
    fake.put(Resource::Mappings, "default", "a", good);
    for (number, spec) in [json!(7), json!(null), json!([]), json!({"prefix": []})]
        .into_iter()
        .enumerate()
    {
        let name = format!("bad{number}");
        fake.put(Resource::Mappings, "default", &name, json!({"spec": spec}));
    }
    let control = Control::following(&cluster);
    let told = control
        .until("the good one", |snapshot| mappings(snapshot) == ["a"])
        .await;
    let all = diagnostics(&told);
    for number in 0..4 {
        let named = format!("Mapping default/bad{number}");
        assert!(
            all.iter().any(|line| line.starts_with(&named)),
            "{named}: {all:?}"
        );
    }
}

#[tokio::test]
async fn objects_of_one_name_in_two_namespaces_are_two() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    for namespace in ["one", "two"] {
        let text = mapping(namespace, &format!("/{namespace}/"));
        fake.put_service(namespace, "same", &text);
    }
    let control = Control::following(&cluster);
    control.until_live(&["one", "two"]).await;
    fake.remove_service("one", "same");
    control.until_live(&["two"]).await;
}

#[tokio::test]
async fn a_version_from_before_a_restored_backup_is_given_up_at_once() {
    let (cluster, control) = forty().await;
    let Some(fake) = cluster.faults() else { return };
    eventually("watching", || fake.watches(Resource::Services) > 0).await;
    let (lists, watches) = (
        fake.lists(Resource::Services),
        fake.watches(Resource::Services),
    );
    fake.expire(Resource::Services, Expiry::TooLarge);
    eventually("a fresh list", || fake.lists(Resource::Services) > lists).await;
    assert!(fake.watches(Resource::Services) <= watches + 3);
    annotated(fake, "s40");
    control
        .until("one more", |snapshot| mappings(snapshot).len() == 41)
        .await;
}

#[tokio::test]
async fn a_token_that_is_rotated_is_read_again() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, "first").unwrap();
    fake.require_token("first");
    annotated(fake, "a");
    let mut config = cluster.config();
    config.auth_info = AuthInfo {
        token_file: Some(file.display().to_string()),
        ..AuthInfo::default()
    };
    let control = Control::start(Source::Kubernetes {
        client: client_for(config).unwrap(),
        single_namespace: None,
        options: impatient(),
    });
    control.until_live(&["a"]).await;
    eventually("watching", || fake.watches(Resource::Services) > 0).await;
    fake.require_token("second");
    fake.drop_connections().await;
    let refused = || fake.unauthorized() > 5;
    eventually("the old one is refused", refused).await;
    fs::write(&file, "second").unwrap();
    annotated(fake, "b");
    let both = |snapshot: &Snapshot| mappings(snapshot) == ["a", "b"];
    let limit = Duration::from_secs(5);
    control
        .within(limit, "what came after the rotation", both)
        .await;
}

#[tokio::test]
async fn lists_come_as_streams_where_the_server_offers_that() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    fake.offer_streaming();
    annotated(fake, "a");
    let control = Control::following(&cluster);
    assert_eq!(control.until_live(&["a"]).await.generation, 1);
    annotated(fake, "b");
    control.until_live(&["a", "b"]).await;
    fake.end_watches(Resource::Services);
    annotated(fake, "c");
    control.until_live(&["a", "b", "c"]).await;
    fake.remove_service("default", "a");
    fake.expire(Resource::Services, Expiry::Event);
    control.until_live(&["b", "c"]).await;
    assert_eq!(fake.lists(Resource::Services), 0);
}
