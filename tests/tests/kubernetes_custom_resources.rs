//! Custom resources of `getambassador.io`, in whatever version they are stored.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::control::{Control, eventually, mapping};
use nuncio_tests::kube_api::{Cluster, Resource};
use serde_json::{Value, json};

fn of(name: &str, prefix: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"hostname": "*", "prefix": prefix, "service": format!("{name}.example")},
    })
}

/// A cluster whose kinds are stored in the first of `versions`.
async fn installed(versions: &[&'static str]) -> Cluster {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    cluster.install(versions).await;
    cluster
}

#[tokio::test]
async fn mappings_are_published_as_they_come_change_and_go() {
    let cluster = installed(&["v3alpha1", "v2"]).await;
    let all = Resource::Mappings;
    cluster.apply(all, "v3alpha1", &of("a", "/a/")).await;
    let control = Control::following(&cluster);
    control.until_live(&["a"]).await;
    cluster.apply(all, "v3alpha1", &of("b", "/b/")).await;
    control.until_live(&["a", "b"]).await;
    cluster.apply(all, "v3alpha1", &of("b", "/other/")).await;
    let moved = |prefix: &str| prefix == "/other/";
    control
        .until("the change", |s| {
            s.routes.iter().any(|r| moved(r.path.as_str()))
        })
        .await;
    cluster
        .delete(all, "v3alpha1", (Some("default"), "a"))
        .await;
    control.until_live(&["b"]).await;
}

#[tokio::test]
async fn whatever_version_is_served_is_read() {
    for versions in [&["v1"][..], &["v2", "v1"], &["v3alpha1", "v2", "v1"]] {
        let cluster = installed(versions).await;
        let version = versions.first().unwrap();
        cluster
            .apply(Resource::Mappings, version, &of("a", "/a/"))
            .await;
        Control::following(&cluster).until_live(&["a"]).await;
    }
}

#[tokio::test]
async fn a_group_that_is_installed_later_is_found() {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    let control = Control::following(&cluster);
    control.until_live(&[]).await;
    cluster.install(&["v3alpha1"]).await;
    cluster
        .apply(Resource::Mappings, "v3alpha1", &of("a", "/a/"))
        .await;
    control.until_live(&["a"]).await;
}

#[tokio::test]
async fn a_dead_conversion_webhook_matters_to_nobody() {
    let cluster = installed(&["v2", "v3alpha1", "v1"]).await;
    let Some(fake) = cluster.faults() else { return };
    cluster
        .apply(Resource::Mappings, "v2", &of("a", "/a/"))
        .await;
    fake.break_conversion(Resource::Mappings);
    Control::following(&cluster).until_live(&["a"]).await;
}

#[tokio::test]
async fn without_sight_of_definitions_versions_are_tried_in_turn() {
    let cluster = installed(&["v1", "v2", "v3alpha1"]).await;
    let Some(fake) = cluster.faults() else { return };
    fake.forbid(Resource::CustomResourceDefinitions);
    cluster
        .apply(Resource::Mappings, "v1", &of("a", "/a/"))
        .await;
    fake.break_conversion(Resource::Mappings);
    Control::following(&cluster).until_live(&["a"]).await;
}

#[tokio::test]
async fn a_webhook_that_dies_while_they_are_watched_is_survived() {
    let cluster = installed(&["v3alpha1", "v2"]).await;
    let Some(fake) = cluster.faults() else { return };
    cluster
        .apply(Resource::Mappings, "v3alpha1", &of("a", "/a/"))
        .await;
    let control = Control::following(&cluster);
    control.until_live(&["a"]).await;
    fake.break_conversion(Resource::Mappings);
    fake.install(Resource::Mappings, &["v2", "v3alpha1"]);
    fake.remove(Resource::Mappings, "default", "a");
    cluster
        .apply(Resource::Mappings, "v2", &of("b", "/b/"))
        .await;
    control.until_live(&["b"]).await;
}

#[tokio::test]
async fn a_status_costs_no_publication() {
    let cluster = installed(&["v3alpha1"]).await;
    let all = Resource::Mappings;
    cluster.apply(all, "v3alpha1", &of("a", "/a/")).await;
    let control = Control::following(&cluster);
    let before = control.until_live(&["a"]).await.generation;
    let status = json!({"status": {"state": "Running"}});
    let patch = kube::api::Patch::Merge(&status);
    let api = cluster.dynamic(all, "v3alpha1", Some("default"));
    let parameters = kube::api::PatchParams::default();
    api.patch_status("a", &parameters, &patch).await.unwrap();
    cluster.apply(all, "v3alpha1", &of("b", "/b/")).await;
    assert_eq!(control.until_live(&["a", "b"]).await.generation, before + 1);
}

#[tokio::test]
async fn a_relist_of_what_is_the_same_costs_no_publication() {
    let cluster = installed(&["v3alpha1"]).await;
    let Some(fake) = cluster.faults() else { return };
    cluster
        .apply(Resource::Mappings, "v3alpha1", &of("a", "/a/"))
        .await;
    let control = Control::following(&cluster);
    let before = control.until_live(&["a"]).await.generation;
    let lists = fake.lists(Resource::Mappings);
    fake.expire(Resource::Mappings, nuncio_tests::kube_api::Expiry::Status);
    eventually("a fresh list", || fake.lists(Resource::Mappings) > lists).await;
    cluster
        .apply(Resource::Mappings, "v3alpha1", &of("b", "/b/"))
        .await;
    assert_eq!(control.until_live(&["a", "b"]).await.generation, before + 1);
}

#[tokio::test]
async fn the_config_map_is_a_directory_of_documents() {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    let with = |data: Value| json!({"metadata": {"name": "ambassador-config", "namespace": "default"}, "data": data});
    let both = with(json!({"a.yaml": mapping("a", "/a/"), "b.yaml": mapping("b", "/b/")}));
    cluster.apply(Resource::ConfigMaps, "v1", &both).await;
    let control = Control::following(&cluster);
    control.until_live(&["a", "b"]).await;
    let one = with(json!({"b.yaml": mapping("b", "/b/")}));
    cluster.apply(Resource::ConfigMaps, "v1", &one).await;
    control.until_live(&["b"]).await;
    let at = (Some("default"), "ambassador-config");
    cluster.delete(Resource::ConfigMaps, "v1", at).await;
    control.until_live(&[]).await;
}
