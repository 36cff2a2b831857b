//! The saved state: what is served when the gateway starts while the API server is away.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::path::{Path, PathBuf};

use nuncio_config::Identity;
use nuncio_controller::Source;
use nuncio_routing::Snapshot;
use nuncio_tests::control::{
    Control, Setup, cluster_source, diagnostics, eventually, impatient, manifest, mapping, mappings,
};
use nuncio_tests::kube_api::Cluster;
use tempfile::TempDir;

fn setup(state: &Path) -> Setup {
    Setup {
        state_dir: Some(state.to_owned()),
        ..Setup::default()
    }
}

fn follow(cluster: &Cluster, setup: Setup) -> Control {
    Control::start_as(cluster_source(cluster, impatient()), setup)
}

fn file(state: &Path) -> PathBuf {
    state.join("nuncio.state")
}

async fn annotated(cluster: &Cluster, name: &str) {
    let annotation = mapping(name, &format!("/{name}/"));
    cluster.service("default", name, Some(&annotation)).await;
}

/// A cluster with the Services `a` and `b`, and the state that a gateway saved which followed it.
async fn saved() -> (Cluster, TempDir) {
    let cluster = Cluster::start().await;
    cluster.namespace("default").await;
    annotated(&cluster, "a").await;
    annotated(&cluster, "b").await;
    let state = TempDir::new().unwrap();
    let control = follow(&cluster, setup(state.path()));
    control.until_live(&["a", "b"]).await;
    control.stop().await.unwrap();
    assert!(
        file(state.path()).exists(),
        "saved at the end at the latest"
    );
    (cluster, state)
}

fn is_stale(control: &Control) -> bool {
    let page = control.metrics();
    page.lines().any(|line| line == "nuncio_config_stale 1")
}

#[tokio::test]
async fn the_saved_state_is_served_until_the_api_server_is_back() {
    let (cluster, state) = saved().await;
    let Some(fake) = cluster.faults() else { return };
    fake.stop().await;
    let control = follow(&cluster, setup(state.path()));
    control.until_live(&["a", "b"]).await;
    assert!(is_stale(&control) && control.standing().saved_at.is_some());
    // What happened meanwhile is swapped in at once.
    fake.remove_service("default", "a");
    fake.put_service("default", "c", &mapping("c", "/c/"));
    fake.resume().await;
    control.until_live(&["b", "c"]).await;
    assert!(!is_stale(&control) && control.standing().saved_at.is_none());
    let seen: Vec<_> = control
        .history()
        .iter()
        .map(|it| mappings(it).concat())
        .collect();
    assert_eq!(seen, ["ab", "bc"]);
}

#[tokio::test]
async fn a_server_that_answers_in_time_is_believed_alone() {
    let (cluster, state) = saved().await;
    cluster.delete_service("default", "a").await;
    let control = follow(&cluster, setup(state.path()));
    let first = control.until("anything", |_| true).await;
    // On a machine too busy for a list in time the saved state goes before.
    if !is_stale(&control) && first.generation == 1 {
        assert!(
            !control
                .history()
                .iter()
                .any(|it| it.generation > 1 && mappings(it) == ["a", "b"])
        );
    }
    control.until_live(&["b"]).await;
}

#[tokio::test]
async fn an_unchanged_cluster_ends_the_saved_state_all_the_same() {
    let (cluster, state) = saved().await;
    let Some(fake) = cluster.faults() else { return };
    fake.stop().await;
    let control = follow(&cluster, setup(state.path()));
    control.until_live(&["a", "b"]).await;
    fake.resume().await;
    eventually("not stale", || !is_stale(&control)).await;
    control.until_live(&["a", "b"]).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_costs_nothing_but_itself() {
    let damages: [fn(Vec<u8>) -> Vec<u8>; 4] = [
        |bytes| bytes[..bytes.len() / 2].to_vec(),
        |mut bytes| {
            let last = bytes.len() - 1;
            bytes[last] ^= 1;
            bytes
        },
        |_| b"#!/bin/sh\n".to_vec(),
        |bytes| [b"nuncio-state 99\n", &*bytes].concat(),
    ];
    for damage in damages {
        let (cluster, state) = saved().await;
        let bytes = fs::read(file(state.path())).unwrap();
        fs::write(file(state.path()), damage(bytes)).unwrap();
        let control = follow(&cluster, setup(state.path()));
        control.until_live(&["a", "b"]).await;
        assert!(!is_stale(&control));
        control.stop().await.unwrap();
        let mended = fs::read(file(state.path())).unwrap();
        assert!(mended.starts_with(b"nuncio-state 2\n"), "written anew");
    }
}

#[tokio::test]
async fn the_state_of_another_gateway_is_not_served() {
    let (cluster, state) = saved().await;
    let Some(fake) = cluster.faults() else { return };
    fake.stop().await;
    let other = Identity {
        ambassador_id: "other".into(),
        ..Identity::default()
    };
    let control = follow(
        &cluster,
        Setup {
            identity: other,
            ..setup(state.path())
        },
    );
    fake.resume().await;
    let first = control.until("the live one", |_| true).await;
    assert_eq!(mappings(&first), [""; 0]);
    assert!(!is_stale(&control));
}

#[tokio::test]
async fn what_stays_of_an_older_version_outlives_a_restart() {
    let (conf, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let annotate = |annotation: &str| {
        let unfinished = conf.path().join(".unfinished");
        fs::write(&unfinished, manifest("s", annotation)).unwrap();
        fs::rename(unfinished, conf.path().join("s.yaml")).unwrap();
    };
    let follow = || {
        let source = Source::Directories(vec![conf.path().to_owned()]);
        Control::start_as(source, setup(state.path()))
    };
    annotate(&(mapping("a", "/a/") + &mapping("b", "/b/")));
    let control = follow();
    control.until_live(&["a", "b"]).await;
    annotate(&mapping("a", "no-slash"));
    control.until_live(&["a"]).await;
    control.stop().await.unwrap();

    let control = follow();
    let first = control.until_live(&["a"]).await;
    let told = diagnostics(&first).concat();
    assert!(told.ends_with("of the saved state, stays live"), "{told}");
    assert!(!is_stale(&control), "the directory was listed");
    annotate(&mapping("a", "/mended/"));
    let is_mended = |snapshot: &Snapshot| diagnostics(snapshot).is_empty();
    control.until("the mended one", is_mended).await;
}

#[tokio::test]
async fn what_breaks_while_the_gateway_is_away_stays_as_it_was_saved() {
    let (cluster, state) = saved().await;
    let broken = mapping("a", "no-slash");
    cluster.service("default", "a", Some(&broken)).await;
    let control = follow(&cluster, setup(state.path()));
    let is_told = |snapshot: &Snapshot| {
        let told = diagnostics(snapshot).concat();
        mappings(snapshot) == ["a", "b"] && told.contains("stays live")
    };
    control
        .until("the saved one, with a word on it", is_told)
        .await;
    assert_eq!(control.standing().kept.len(), 1);
    control.stop().await.unwrap();

    // And again, from what was saved of that.
    let control = follow(&cluster, setup(state.path()));
    control.until("the same once more", is_told).await;
    assert_eq!(control.standing().kept.len(), 1);
}

#[tokio::test]
async fn a_file_that_breaks_while_the_gateway_is_away_stays_as_it_was_saved() {
    let (conf, state) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let annotate = |name: &str, annotation: &str| {
        let file = conf.path().join(format!("{name}.yaml"));
        fs::write(file, manifest(name, annotation)).unwrap();
    };
    let follow = || {
        let source = Source::Directories(vec![conf.path().to_owned()]);
        Control::start_as(source, setup(state.path()))
    };
    annotate("s", &mapping("a", "/a/"));
    let control = follow();
    control.until_live(&["a"]).await;
    control.stop().await.unwrap();

    annotate("s", &mapping("a", "no-slash"));
    let control = follow();
    let first = control.until("anything", |_| true).await;
    assert_eq!(mappings(&first), ["a"]);
    let told = diagnostics(&first).concat();
    assert!(told.ends_with("of the saved state, stays live"), "{told}");
    assert_eq!(control.standing().kept.len(), 1);
    assert!(!is_stale(&control), "the directory was listed");
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_keeps_nothing_from_being_live() {
    let (cluster, state) = (Cluster::start().await, TempDir::new().unwrap());
    cluster.namespace("default").await;
    annotated(&cluster, "a").await;
    // A file where the directory is to be: as full or read-only as a disk can be, also for root.
    let taken = state.path().join("taken");
    fs::write(&taken, "").unwrap();
    let control = follow(&cluster, setup(&taken));
    control.until_live(&["a"]).await;
    let failures = |control: &Control| {
        let page = control.metrics();
        let mut lines = page.lines();
        let line = lines.find_map(|it| it.strip_prefix("nuncio_config_state_failures_total "));
        line.unwrap().parse::<u64>().unwrap()
    };
    eventually("a failure is counted", || failures(&control) > 0).await;
    annotated(&cluster, "b").await;
    control.until_live(&["a", "b"]).await;
    // What it can be written to again, it is.
    fs::remove_file(&taken).unwrap();
    eventually("saved", || file(&taken).exists()).await;
}

#[tokio::test]
async fn changes_are_saved_while_the_gateway_runs() {
    let (cluster, state) = saved().await;
    let control = follow(&cluster, setup(state.path()));
    control.until_live(&["a", "b"]).await;
    annotated(&cluster, "unheard-of").await;
    let has = |text: &str| {
        let bytes = fs::read(file(state.path())).unwrap();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    eventually("saved", || has("/unheard-of/")).await;
    cluster.delete_service("default", "unheard-of").await;
    eventually("saved without", || !has("/unheard-of/")).await;
    control.stop().await.unwrap();
}
