//! Ingresses: which are ours, and what their backends are.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_controller::{KubernetesOptions, Source, client_for};
use nuncio_routing::Snapshot;
use nuncio_tests::control::{Control, impatient, mapping};
use nuncio_tests::kube_api::{Cluster, Resource};
use serde_json::{Value, json};

/// An Ingress of one path, to a port of the Service `web`.
fn ingress(name: &str, class: Option<&str>, port: &Value) -> Value {
    let backend = json!({"service": {"name": "web", "port": port}});
    let path = json!({"path": format!("/{name}/"), "pathType": "Prefix", "backend": backend});
    let mut spec = json!({"rules": [{"host": "shop.example", "http": {"paths": [path]}}]});
    if let Some(class) = class {
        spec["ingressClassName"] = json!(class);
    }
    json!({"metadata": {"name": name, "namespace": "default"}, "spec": spec})
}

fn class(name: &str, controller: &str) -> Value {
    json!({"metadata": {"name": name}, "spec": {"controller": controller}})
}

const OURS: &str = "getambassador.io/ingress-controller";

async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    cluster
}

fn paths(snapshot: &Snapshot) -> Vec<&str> {
    let mut paths: Vec<&str> = snapshot
        .routes
        .iter()
        .map(|route| route.path.as_str())
        .filter(|path| !path.starts_with("/ambassador"))
        .collect();
    paths.sort_unstable();
    paths
}

async fn until_paths(control: &Control, expected: &[&str]) {
    control
        .until(&format!("paths: {expected:?}"), |snapshot| {
            paths(snapshot) == expected
        })
        .await;
}

#[tokio::test]
async fn an_ingress_is_ours_by_annotation_or_by_class() {
    let cluster = cluster().await;
    let number = json!({"number": 80});
    let mut annotated = ingress("annotated", None, &number);
    annotated["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "ambassador"});
    let classes = [class("edge", OURS), class("nginx", "k8s.io/ingress-nginx")];
    for class in &classes {
        cluster.apply(Resource::IngressClasses, "v1", class).await;
    }
    for ingress in [
        annotated,
        ingress("classed", Some("edge"), &number),
        ingress("theirs", Some("nginx"), &number),
        ingress("nobodys", None, &number),
    ] {
        cluster.apply(Resource::Ingresses, "v1", &ingress).await;
    }
    let control = Control::following(&cluster);
    let first = control.until("anything", |_| true).await;
    assert_eq!(paths(&first), ["/annotated/", "/classed/"]);
}

#[tokio::test]
async fn a_class_that_comes_later_takes_its_ingresses_in_and_one_that_goes_lets_them_go() {
    let cluster = cluster().await;
    let number = json!({"number": 80});
    let ingress = ingress("a", Some("edge"), &number);
    cluster.apply(Resource::Ingresses, "v1", &ingress).await;
    let control = Control::following(&cluster);
    until_paths(&control, &[]).await;
    cluster
        .apply(Resource::IngressClasses, "v1", &class("edge", OURS))
        .await;
    until_paths(&control, &["/a/"]).await;
    cluster
        .delete(Resource::IngressClasses, "v1", (None, "edge"))
        .await;
    until_paths(&control, &[]).await;
}

#[tokio::test]
async fn an_ingress_without_a_class_is_of_the_default_one() {
    let cluster = cluster().await;
    let mut default = class("edge", OURS);
    default["metadata"]["annotations"] =
        json!({"ingressclass.kubernetes.io/is-default-class": "true"});
    let ingress = ingress("a", None, &json!({"number": 80}));
    cluster.apply(Resource::Ingresses, "v1", &ingress).await;
    let control = Control::following(&cluster);
    until_paths(&control, &[]).await;
    cluster
        .apply(Resource::IngressClasses, "v1", &default)
        .await;
    until_paths(&control, &["/a/"]).await;
}

fn has_port(snapshot: &Snapshot, port: u16) -> bool {
    let clusters = snapshot.clusters.by_name();
    clusters.iter().any(|cluster| cluster.port == port)
}

#[tokio::test]
async fn named_ports_are_those_of_the_service_also_when_it_changes() {
    let cluster = cluster().await;
    let service = |port: u16| {
        json!({
            "metadata": {"name": "web", "namespace": "default"},
            "spec": {"ports": [{"name": "http", "port": port}]},
        })
    };
    let mut ingress = ingress("a", None, &json!({"name": "http"}));
    ingress["metadata"]["annotations"] = json!({"kubernetes.io/ingress.class": "ambassador"});
    cluster
        .apply(Resource::Services, "v1", &service(8080))
        .await;
    cluster.apply(Resource::Ingresses, "v1", &ingress).await;
    let control = Control::following(&cluster);
    control
        .until("8080", |snapshot| has_port(snapshot, 8080))
        .await;
    cluster
        .apply(Resource::Services, "v1", &service(9090))
        .await;
    control
        .until("9090", |snapshot| has_port(snapshot, 9090))
        .await;
}

#[tokio::test]
async fn documents_in_an_ingress_s_annotation_are_read() {
    let cluster = cluster().await;
    let mut ingress = ingress("a", None, &json!({"number": 80}));
    ingress["metadata"]["annotations"] = json!({
        "kubernetes.io/ingress.class": "ambassador",
        "getambassador.io/config": mapping("extra", "/extra/"),
    });
    cluster.apply(Resource::Ingresses, "v1", &ingress).await;
    let control = Control::following(&cluster);
    until_paths(&control, &["/a/", "/extra/"]).await;
}

#[tokio::test]
async fn selectors_limit_what_is_followed() {
    let cluster = cluster().await;
    let annotated = |name: &str, tier: &str| {
        json!({
            "metadata": {
                "name": name, "namespace": "default", "labels": {"tier": tier},
                "annotations": {"getambassador.io/config": mapping(name, &format!("/{name}/"))},
            },
            "spec": {"ports": [{"port": 80}]},
        })
    };
    for (name, tier) in [("a", "front"), ("b", "front"), ("c", "back")] {
        cluster
            .apply(Resource::Services, "v1", &annotated(name, tier))
            .await;
    }
    let control = Control::start(Source::Kubernetes {
        client: client_for(cluster.config()).unwrap(),
        single_namespace: None,
        options: KubernetesOptions {
            labels: Some("tier=front".to_owned()),
            fields: Some("metadata.name!=b".to_owned()),
            ..impatient()
        },
    });
    control.until_live(&["a"]).await;
    cluster
        .apply(Resource::Services, "v1", &annotated("c", "front"))
        .await;
    control.until_live(&["a", "c"]).await;
    cluster
        .apply(Resource::Services, "v1", &annotated("a", "back"))
        .await;
    control.until_live(&["c"]).await;
}
