//! The Kubernetes source against an API server: what users do, and what goes wrong.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::time::Duration;

use nuncio_controller::{Source, client_for};
use nuncio_routing::Snapshot;
use nuncio_tests::control::{Control, diagnostics, eventually, impatient, mapping, mappings};
use nuncio_tests::kube_api::{Cluster, Expiry, FakeApi, Resource};

async fn annotated(cluster: &Cluster, name: &str) {
    cluster
        .service("default", name, Some(&mapping(name, &format!("/{name}/"))))
        .await;
}

/// A cluster with the Services `a` and `b`, whose Mappings are live.
async fn two_services() -> (Cluster, Control) {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    annotated(&cluster, "a").await;
    annotated(&cluster, "b").await;
    let control = Control::following(&cluster);
    control.until_live(&["a", "b"]).await;
    (cluster, control)
}

/// Until then, what is written may be seen by the list that precedes the watch.
async fn watching(fake: &FakeApi, resource: Resource, times: usize) {
    eventually("watching", || fake.watches(resource) >= times).await;
}

/// Everything sent before is taken: this Service is behind it.
async fn behind(cluster: &Cluster, control: &Control) {
    annotated(cluster, "marker").await;
    let live = |live: &[&str]| live.contains(&"marker");
    control
        .until("the marker", |snapshot| live(&mappings(snapshot)))
        .await;
}

fn prefix_of(snapshot: &Snapshot, name: &str) -> String {
    let route = snapshot
        .routes
        .iter()
        .find(|route| &*route.mapping.name == name);
    route.unwrap().path.as_str().to_owned()
}

#[tokio::test]
async fn services_are_published_as_they_come_change_and_go() {
    let (cluster, control) = two_services().await;
    cluster
        .service("default", "a", Some(&mapping("a", "/other/")))
        .await;
    control
        .until("the change", |snapshot| {
            prefix_of(snapshot, "a") == "/other/"
        })
        .await;
    annotated(&cluster, "c").await;
    control.until_live(&["a", "b", "c"]).await;
    cluster.delete_service("default", "b").await;
    control.until_live(&["a", "c"]).await;
    cluster.service("default", "a", None).await;
    control.until_live(&["c"]).await;
    control.stop().await.unwrap();
}

#[tokio::test]
async fn an_empty_cluster_is_published_once_it_is_listed() {
    let cluster = Cluster::start().await;
    let control = Control::following(&cluster);
    assert_eq!(control.until_live(&[]).await.generation, 1);
}

#[tokio::test]
async fn the_first_snapshot_holds_every_page_of_the_list() {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    for number in 0..502 {
        annotated(&cluster, &format!("s{number:03}")).await;
    }
    let control = Control::following(&cluster);
    let first = control.until("anything", |_| true).await;
    assert_eq!((first.generation, mappings(&first).len()), (1, 502));
    if let Some(fake) = cluster.faults() {
        assert_eq!(fake.lists(Resource::Services), 2);
    }
}

#[tokio::test]
async fn one_namespace_alone_is_followed_when_asked() {
    let cluster = Cluster::start().await;
    for namespace in ["ours", "theirs"] {
        cluster.namespace(namespace).await;
        cluster
            .service(namespace, "s", Some(&mapping(namespace, "/")))
            .await;
    }
    let control = Control::start(Source::Kubernetes {
        client: client_for(cluster.config()).unwrap(),
        single_namespace: Some("ours".to_owned()),
        options: impatient(),
    });
    assert_eq!(
        mappings(&*control.until("anything", |_| true).await),
        ["ours"]
    );
}

#[tokio::test]
async fn what_is_not_ours_costs_no_publication() {
    let (cluster, control) = two_services().await;
    let before = control.generation();
    cluster.service("default", "plain", None).await;
    cluster.tls_secret("default", "certificate").await;
    cluster.delete_service("default", "plain").await;
    behind(&cluster, &control).await;
    assert_eq!(control.generation(), before + 1);
}

#[tokio::test]
async fn a_broken_document_harms_itself_alone() {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    let broken = format!(
        "{}---\nkind: [Mapping\n{}",
        mapping("one", "/1/"),
        mapping("two", "/2/")
    );
    cluster.service("default", "broken", Some(&broken)).await;
    annotated(&cluster, "whole").await;
    let control = Control::following(&cluster);
    let snapshot = control.until_live(&["one", "two", "whole"]).await;
    let [diagnostic] = &*diagnostics(&snapshot) else {
        panic!("{:?}", diagnostics(&snapshot))
    };
    assert!(
        diagnostic.starts_with("Service default/broken"),
        "{diagnostic}"
    );
    assert!(diagnostic.contains("document 2, line "), "{diagnostic}");
}

#[tokio::test]
async fn a_bookmark_publishes_nothing() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    let before = control.generation();
    fake.bookmark(Resource::Services);
    behind(&cluster, &control).await;
    assert_eq!(control.generation(), before + 1);
}

#[tokio::test]
async fn a_watch_that_ends_goes_on_where_it_was() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    for times in 1..=5 {
        watching(fake, Resource::Services, times).await;
        fake.end_watches(Resource::Services);
    }
    annotated(&cluster, "c").await;
    assert_eq!(control.until_live(&["a", "b", "c"]).await.generation, 2);
    assert_eq!(fake.lists(Resource::Services), 1);
}

#[tokio::test]
async fn dropped_connections_lose_no_change() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    fake.drop_connections().await;
    annotated(&cluster, "c").await;
    control.until_live(&["a", "b", "c"]).await;
    assert_eq!(fake.lists(Resource::Services), 1);
}

async fn expired(expiry: Expiry) {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    fake.expire(Resource::Services, expiry);
    eventually("a fresh list", || fake.lists(Resource::Services) == 2).await;
    annotated(&cluster, "c").await;
    control.until_live(&["a", "b", "c"]).await;
    let flapped = |snapshot: &Snapshot| !mappings(snapshot).starts_with(&["a", "b"]);
    assert!(!control.history().iter().any(|snapshot| flapped(snapshot)));
    assert_eq!(fake.lists(Resource::Services), 2);
}

#[tokio::test]
async fn an_expired_version_is_listed_anew_when_the_watch_is_refused() {
    expired(Expiry::Status).await;
}

#[tokio::test]
async fn an_expired_version_is_listed_anew_when_the_stream_says_so() {
    expired(Expiry::Event).await;
}

#[tokio::test]
async fn what_was_deleted_meanwhile_goes_with_the_fresh_list() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    fake.stop().await;
    fake.expire(Resource::Services, Expiry::Status);
    fake.resume().await;
    cluster.delete_service("default", "a").await;
    control.until_live(&["b"]).await;
}

#[tokio::test]
async fn the_last_snapshot_stays_while_the_server_is_away() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    let before = control.generation();
    fake.stop().await;
    let watches = fake.watches(Resource::Services);
    fake.put_service("default", "c", &mapping("c", "/c/"));
    fake.remove_service("default", "b");
    assert_eq!(
        (control.generation(), fake.watches(Resource::Services)),
        (before, watches)
    );
    fake.resume().await;
    control.until_live(&["a", "c"]).await;
    let gaps = control
        .history()
        .iter()
        .any(|snapshot| !mappings(snapshot).contains(&"a"));
    assert!(!gaps);
}

#[tokio::test]
async fn a_gateway_that_starts_before_the_server_waits_for_it() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    fake.stop().await;
    fake.put_service("default", "a", &mapping("a", "/a/"));
    let control = Control::following(&cluster);
    tokio::task::yield_now().await;
    assert_eq!(control.generation(), 0);
    fake.resume().await;
    assert_eq!(control.until_live(&["a"]).await.generation, 1);
}

#[tokio::test]
async fn a_failed_list_takes_nothing_away() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    fake.fail_lists(Resource::Services, 0..2);
    fake.expire(Resource::Services, Expiry::Event);
    eventually("a good list", || fake.lists(Resource::Services) == 4).await;
    behind(&cluster, &control).await;
    assert_eq!(control.generation(), 2);
}

#[tokio::test]
async fn a_page_that_fails_is_asked_for_again_by_itself() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    for number in 0..502 {
        let name = format!("s{number:03}");
        fake.put_service("default", &name, &mapping(&name, &format!("/{name}/")));
    }
    fake.fail_lists(Resource::Services, 1..3);
    let control = Control::following(&cluster);
    eventually("the second page", || fake.lists(Resource::Services) >= 2).await;
    fake.remove_service("default", "s000");
    control
        .until("all but the one that went", |snapshot| {
            mappings(snapshot).len() == 501
        })
        .await;
    assert_eq!(fake.lists(Resource::Services), 4);
}

#[tokio::test]
async fn an_event_that_cannot_be_read_does_not_wedge_the_watch() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    for line in [
        "no JSON at all",
        r#"{"type":"ADDED","object":7}"#,
        r#"{"type":"MODIFIED","object":{"metadata":{"name":["a"],"annotations":"none"}}}"#,
        r#"{"type":"RENAMED","object":{}}"#,
        "",
    ] {
        fake.inject(Resource::Services, line);
    }
    annotated(&cluster, "c").await;
    assert_eq!(control.until_live(&["a", "b", "c"]).await.generation, 2);
}

#[tokio::test]
async fn nothing_is_published_while_services_are_forbidden() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    fake.forbid(Resource::Services);
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    eventually("asking again", || fake.lists(Resource::Services) >= 2).await;
    assert_eq!(control.generation(), 0);
    fake.allow(Resource::Services);
    let first = control.until_live(&["a"]).await;
    assert_eq!((first.generation, diagnostics(&first).len()), (1, 0));
}

#[tokio::test]
async fn services_that_may_be_listed_but_not_watched_are_reported_once() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    fake.forbid_watch(Resource::Services);
    annotated(&cluster, "a").await;
    let control = Control::following(&cluster);
    let told = control
        .until("the report", |snapshot| !diagnostics(snapshot).is_empty())
        .await;
    assert_eq!(mappings(&told), ["a"]);
    watching(fake, Resource::Services, 2).await;
    assert_eq!(control.generation(), told.generation);
    fake.allow(Resource::Services);
    control
        .until("the report is withdrawn", |snapshot| {
            diagnostics(snapshot).is_empty()
        })
        .await;
    assert_eq!(fake.lists(Resource::Services), 1);
}

#[tokio::test]
async fn services_withdrawn_later_keep_their_last_state() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    fake.forbid(Resource::Services);
    let told = control
        .until("the report", |snapshot| !diagnostics(snapshot).is_empty())
        .await;
    assert_eq!(mappings(&told), ["a", "b"]);
}

/// Takes a minute: the limit that is promised for a connection that dies without a word.
#[tokio::test]
#[ignore = "takes a minute"]
async fn a_silent_connection_is_given_up_within_a_minute() {
    let (cluster, control) = two_services().await;
    let Some(fake) = cluster.faults() else { return };
    watching(fake, Resource::Services, 1).await;
    fake.stall(Resource::Services);
    annotated(&cluster, "c").await;
    let live = |snapshot: &Snapshot| mappings(snapshot) == ["a", "b", "c"];
    control
        .within(Duration::from_mins(1), "the change", live)
        .await;
}

#[tokio::test]
async fn ambassadors_own_files_count_beside_the_clusters_objects() {
    let directory = tempfile::TempDir::new().unwrap();
    let file = directory.path().join("own.yaml");
    std::fs::write(&file, mapping("own", "/own/")).unwrap();
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    annotated(&cluster, "a").await;
    let control = Control::start(Source::Beside {
        directories: vec![directory.path().to_owned()],
        cluster: Box::new(Source::Kubernetes {
            client: client_for(cluster.config()).unwrap(),
            single_namespace: None,
            options: impatient(),
        }),
    });
    control.until_live(&["a", "own"]).await;
    annotated(&cluster, "b").await;
    std::fs::write(&file, mapping("changed", "/changed/")).unwrap();
    control.until_live(&["a", "b", "changed"]).await;
}
