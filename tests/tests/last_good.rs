//! What stays live when a new version of an object cannot be.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fs;
use std::path::Path;

use nuncio_controller::{OnInvalid, Source};
use nuncio_routing::Snapshot;
use nuncio_tests::control::{Control, Setup, diagnostics, eventually, manifest, mapping, mappings};
use tempfile::TempDir;

fn follow(directory: &Path, on_invalid: OnInvalid) -> Control {
    let setup = Setup {
        on_invalid,
        ..Setup::default()
    };
    Control::start_as(Source::Directories(vec![directory.to_owned()]), setup)
}

/// Replaces the annotation of Service `s` at once.
fn annotate(directory: &Path, annotation: &str) {
    write(directory, "s", annotation);
}

fn write(directory: &Path, service: &str, annotation: &str) {
    let unfinished = directory.join(".unfinished");
    fs::write(&unfinished, manifest(service, annotation)).unwrap();
    fs::rename(unfinished, directory.join(format!("{service}.yaml"))).unwrap();
}

/// A Service `s` whose Mappings `a` and `b` are live.
async fn two_mappings(on_invalid: OnInvalid) -> (TempDir, Control) {
    let directory = TempDir::new().unwrap();
    annotate(
        directory.path(),
        &(mapping("a", "/a/") + &mapping("b", "/b/")),
    );
    let control = follow(directory.path(), on_invalid);
    control.until_live(&["a", "b"]).await;
    (directory, control)
}

fn prefix_of(snapshot: &Snapshot, name: &str) -> Option<String> {
    let mut routes = snapshot.routes.iter();
    let route = routes.find(|route| &*route.mapping.name == name)?;
    Some(route.path.as_str().to_owned())
}

fn prefix_is(name: &'static str, prefix: &'static str) -> impl Fn(&Snapshot) -> bool {
    move |snapshot| prefix_of(snapshot, name).as_deref() == Some(prefix)
}

const BROKEN: &str = "---\nkind: [Mapping\n";

#[tokio::test]
async fn a_mapping_with_an_error_stays_as_it_was_and_the_other_changes() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    let next = mapping("a", "no-slash") + &mapping("b", "/other/");
    annotate(directory.path(), &next);
    let now = control.until("the change", prefix_is("b", "/other/")).await;
    assert_eq!(prefix_of(&now, "a").as_deref(), Some("/a/"));
    let [told] = &*diagnostics(&now) else {
        panic!("{:?}", diagnostics(&now))
    };
    let stays = "its last good version, of generation 1, stays live";
    assert!(
        told.contains("Mapping a") && told.ends_with(stays),
        "{told}"
    );
    let kept: Vec<_> = control
        .standing()
        .kept
        .iter()
        .map(|it| it.resource.clone())
        .collect();
    assert_eq!(kept, ["Mapping a".into()]);
}

#[tokio::test]
async fn what_is_mended_is_live_and_nothing_is_told_any_more() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    annotate(directory.path(), &mapping("a", "no-slash"));
    control.until_live(&["a"]).await;
    annotate(directory.path(), &mapping("a", "/mended/"));
    let now = control
        .until("the mended one", prefix_is("a", "/mended/"))
        .await;
    assert_eq!(diagnostics(&now), [""; 0]);
    assert!(control.standing().kept.is_empty());
}

#[tokio::test]
async fn while_a_text_cannot_be_read_all_that_it_had_stays() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    annotate(directory.path(), BROKEN);
    let told = |snapshot: &Snapshot| !diagnostics(snapshot).is_empty();
    let now = control.until("a diagnostic", told).await;
    assert_eq!(mappings(&now), ["a", "b"]);
    let [told] = &*diagnostics(&now) else {
        panic!("{:?}", diagnostics(&now))
    };
    let stay = "what may have stood here stays live: Mapping a, Mapping b";
    assert!(told.ends_with(stay), "{told}");
}

#[tokio::test]
async fn a_version_that_stays_outlives_further_mistakes() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    for mistake in ["one", "two", "three"] {
        annotate(directory.path(), &(mapping("a", mistake) + BROKEN));
        let told = |snapshot: &Snapshot| diagnostics(snapshot).concat().contains(mistake);
        let now = control.until(mistake, told).await;
        assert_eq!(mappings(&now), ["a", "b"]);
        assert!(diagnostics(&now).concat().contains("of generation 1,"));
    }
}

#[tokio::test]
async fn what_goes_without_an_error_is_gone() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    annotate(directory.path(), &(mapping("a", "no-slash")));
    control.until_live(&["a"]).await;
    annotate(directory.path(), "---\n");
    control.until_live(&[]).await;
}

#[tokio::test]
async fn an_object_that_is_deleted_is_gone_with_all_that_stayed() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    annotate(directory.path(), BROKEN);
    let told = |snapshot: &Snapshot| !diagnostics(snapshot).is_empty();
    control.until("a diagnostic", told).await;
    fs::remove_file(directory.path().join("s.yaml")).unwrap();
    let now = control.until_live(&[]).await;
    assert_eq!(diagnostics(&now), [""; 0]);
    // It comes back as it is, without a past.
    annotate(directory.path(), BROKEN);
    let now = control.until("a diagnostic", told).await;
    assert_eq!(mappings(&now), [""; 0]);
}

#[tokio::test]
async fn nothing_stays_when_that_is_asked_for() {
    let (directory, control) = two_mappings(OnInvalid::Drop).await;
    annotate(
        directory.path(),
        &(mapping("a", "no-slash") + &mapping("b", "/b/")),
    );
    let now = control.until_live(&["b"]).await;
    let told = diagnostics(&now).concat();
    assert!(told.ends_with("; it is not live any more"), "{told}");
}

#[tokio::test]
async fn a_start_with_mistakes_serves_the_rest() {
    let directory = TempDir::new().unwrap();
    annotate(
        directory.path(),
        &(mapping("a", "no-slash") + &mapping("b", "/b/")),
    );
    write(directory.path(), "t", BROKEN);
    let control = follow(directory.path(), OnInvalid::Keep);
    let first = control.until_live(&["b"]).await;
    assert_eq!((first.generation, diagnostics(&first).len()), (1, 2));
}

#[tokio::test]
async fn what_compiling_refuses_stays_as_it_was_until_the_other_gives_way() {
    let directory = TempDir::new().unwrap();
    let timed = |name: &str, prefix: &str, milliseconds: u32| {
        mapping(name, prefix) + &format!("connect_timeout_ms: {milliseconds}\n")
    };
    // In one group, and `t` after `s`: what both say must be the same.
    annotate(directory.path(), &timed("a", "/shared/", 1000));
    write(directory.path(), "t", &timed("b", "/own/", 2000));
    let control = follow(directory.path(), OnInvalid::Keep);
    control.until_live(&["a", "b"]).await;
    write(directory.path(), "t", &timed("b", "/shared/", 2000));
    let told = |snapshot: &Snapshot| !diagnostics(snapshot).is_empty();
    let now = control.until("the refusal", told).await;
    assert_eq!(prefix_of(&now, "b").as_deref(), Some("/own/"));
    let refusal = diagnostics(&now).concat();
    assert!(refusal.contains("connect_timeout_ms"), "{refusal}");
    assert!(refusal.ends_with("stays live"), "{refusal}");
    annotate(directory.path(), &timed("a", "/shared/", 2000));
    let now = control.until("both", prefix_is("b", "/shared/")).await;
    assert_eq!(diagnostics(&now), [""; 0]);
    assert!(control.standing().kept.is_empty());
}

#[tokio::test]
async fn metrics_tell_how_many_objects_are_live_kept_and_invalid() {
    let (directory, control) = two_mappings(OnInvalid::Keep).await;
    write(directory.path(), "t", &mapping("t", "/t/"));
    write(directory.path(), "bad", &mapping("bad", "no-slash"));
    annotate(
        directory.path(),
        &(mapping("a", "no-slash") + &mapping("b", "/b/")),
    );
    let tells = |control: &Control, lines: &[&str]| {
        let page = control.metrics();
        lines.iter().all(|line| page.lines().any(|it| it == *line))
    };
    let lines = [
        "nuncio_config_objects{state=\"live\"} 1",
        "nuncio_config_objects{state=\"kept\"} 1",
        "nuncio_config_objects{state=\"invalid\"} 1",
        "nuncio_config_invalid_changes_total 2",
    ];
    eventually("the numbers", || tells(&control, &lines)).await;
}
