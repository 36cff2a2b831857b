//! The directory source: every way in which files change, and moments that must not be believed.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use nuncio_config::Identity;
use nuncio_controller::{LoadError, Source, load_offline};
use nuncio_routing::Snapshot;
use nuncio_tests::control::{Control, diagnostics, manifest, mapping, mappings};
use tempfile::TempDir;

/// A manifest of one Service with one Mapping of the same name.
fn service(name: &str) -> String {
    manifest(name, &mapping(name, &format!("/{name}/")))
}

fn follow(directories: &[&Path]) -> Control {
    Control::start(Source::Directories(
        directories.iter().map(PathBuf::from).collect(),
    ))
}

/// A directory with `a.yaml` and `b.yaml`, whose Mappings are live.
async fn two_files() -> (TempDir, Control) {
    let directory = TempDir::new().unwrap();
    for name in ["a", "b"] {
        fs::write(directory.path().join(format!("{name}.yaml")), service(name)).unwrap();
    }
    let control = follow(&[directory.path()]);
    control.until_live(&["a", "b"]).await;
    (directory, control)
}

/// Some snapshot lacked one of `names`.
fn lost(control: &Control, names: &[&str]) -> bool {
    let lacks = |snapshot: &Snapshot| {
        let live = mappings(snapshot);
        names.iter().any(|name| !live.contains(name))
    };
    control.history().iter().any(|snapshot| lacks(snapshot))
}

/// A second write with the same outcome as the first proves that what lay between was taken.
async fn behind(directory: &Path, control: &Control) {
    fs::write(directory.join("marker.yaml"), service("marker")).unwrap();
    let live = |live: &[&str]| live.contains(&"marker");
    control
        .until("the marker", |snapshot| live(&mappings(snapshot)))
        .await;
}

#[tokio::test]
async fn files_are_followed_as_they_come_change_and_go() {
    let (directory, control) = two_files().await;
    fs::write(directory.path().join("c.yml"), service("c")).unwrap();
    control.until_live(&["a", "b", "c"]).await;
    fs::write(directory.path().join("a.yaml"), service("a2")).unwrap();
    control.until_live(&["a2", "b", "c"]).await;
    fs::remove_file(directory.path().join("b.yaml")).unwrap();
    control.until_live(&["a2", "c"]).await;
    fs::rename(
        directory.path().join("c.yml"),
        directory.path().join("c.txt"),
    )
    .unwrap();
    control.until_live(&["a2"]).await;
    control.stop().await.unwrap();
}

#[tokio::test]
async fn a_change_is_live_within_a_tenth_of_a_second() {
    let (directory, control) = two_files().await;
    let mut times = Vec::new();
    for round in 0..21 {
        let prefix = format!("/round-{round}/");
        let text = manifest("a", &mapping("a", &prefix));
        let started = Instant::now();
        fs::write(directory.path().join("a.yaml"), text).unwrap();
        let serves =
            |snapshot: &Snapshot| snapshot.routes.iter().any(|r| r.path.as_str() == prefix);
        control.until(&prefix, serves).await;
        times.push(started.elapsed());
    }
    times.sort_unstable();
    println!("21 edits: median {:?}, slowest {:?}", times[10], times[20]);
    // The median, because other tests may have the machine for a moment.
    assert!(times[10] < Duration::from_millis(100), "{times:?}");
    assert!(!lost(&control, &["a", "b"]));
}

#[tokio::test]
async fn a_rename_over_a_file_replaces_it() {
    let (directory, control) = two_files().await;
    let new = directory.path().join("new");
    fs::write(&new, format!("{}{}", service("a"), service("c"))).unwrap();
    fs::rename(&new, directory.path().join("a.yaml")).unwrap();
    control.until_live(&["a", "b", "c"]).await;
    assert!(!lost(&control, &["a", "b"]));
}

/// What the kubelet does on an update: a new directory, and a rename of the symlink to it.
#[tokio::test]
async fn a_config_map_mount_is_followed_from_version_to_version() {
    let directory = TempDir::new().unwrap();
    let at = |path: &str| directory.path().join(path);
    let version = |name: &str, services: &[&str]| {
        fs::create_dir(at(name)).unwrap();
        for service in services {
            let text = self::service(service);
            fs::write(at(name).join(format!("{}.yaml", &service[..1])), text).unwrap();
        }
        symlink(name, at("..data_tmp")).unwrap();
        fs::rename(at("..data_tmp"), at("..data")).unwrap();
    };
    version("..2026_01", &["a", "b"]);
    symlink("..data/a.yaml", at("a.yaml")).unwrap();
    symlink("..data/b.yaml", at("b.yaml")).unwrap();
    let control = follow(&[directory.path()]);
    control.until_live(&["a", "b"]).await;

    for (number, name) in ["a1", "a2", "a3"].into_iter().enumerate() {
        let started = Instant::now();
        version(&format!("..2026_1{number}"), &[name, "b"]);
        control.until_live(&[name, "b"]).await;
        assert!(
            started.elapsed() < Duration::from_millis(500),
            "{:?}",
            started.elapsed()
        );
    }
    fs::remove_dir_all(at("..2026_01")).unwrap();
    version("..2026_20", &["b"]);
    fs::remove_file(at("a.yaml")).unwrap();
    control.until_live(&["b"]).await;
    assert!(!lost(&control, &["b"]));
}

#[tokio::test]
async fn edits_at_the_far_end_of_a_symlink_are_seen() {
    let (directory, control) = two_files().await;
    let elsewhere = TempDir::new().unwrap();
    let target = elsewhere.path().join("anything.txt");
    fs::write(&target, service("c")).unwrap();
    symlink(&target, directory.path().join("c.yaml")).unwrap();
    control.until_live(&["a", "b", "c"]).await;
    behind(directory.path(), &control).await;
    fs::write(&target, service("d")).unwrap();
    control.until_live(&["a", "b", "d", "marker"]).await;
}

#[tokio::test]
async fn a_directory_that_is_a_symlink_may_be_swapped() {
    let root = TempDir::new().unwrap();
    let at = |path: &str| root.path().join(path);
    for name in ["one", "two"] {
        fs::create_dir(at(name)).unwrap();
        fs::write(at(name).join("x.yaml"), service(name)).unwrap();
    }
    symlink("one", at("current")).unwrap();
    let control = follow(&[&at("current")]);
    control.until_live(&["one"]).await;
    symlink("two", at("next")).unwrap();
    fs::rename(at("next"), at("current")).unwrap();
    control.until_live(&["two"]).await;
    fs::write(at("two").join("y.yaml"), service("three")).unwrap();
    control.until_live(&["three", "two"]).await;
}

#[tokio::test]
async fn a_file_that_is_emptied_before_it_is_written_never_loses_its_services() {
    let (directory, control) = two_files().await;
    let path = directory.path().join("a.yaml");
    for round in 0..20 {
        let text = format!(
            "# round {round}\n{}{}",
            service("a"),
            service(&format!("r{round}"))
        );
        let mut file = File::create(&path).unwrap();
        tokio::time::sleep(Duration::from_millis(round)).await;
        file.write_all(&text.as_bytes()[..text.len() / 3]).unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        file.write_all(&text.as_bytes()[text.len() / 3..]).unwrap();
        drop(file);
        control.until_live(&["a", "b", &format!("r{round}")]).await;
    }
    assert!(!lost(&control, &["a", "b"]));
}

#[tokio::test]
async fn a_file_rewritten_without_pause_never_loses_its_services() {
    let (directory, control) = two_files().await;
    let path = directory.path().join("a.yaml");
    let filler = "# filler\n".repeat(20_000);
    let last = tokio::task::spawn_blocking(move || {
        let started = Instant::now();
        let rounds = (0..).take_while(|_| started.elapsed() < Duration::from_secs(1));
        let write = |round| {
            let text = format!("{}{filler}{}", service("a"), service(&format!("r{round}")));
            let mut file = File::create(&path).unwrap();
            text.as_bytes()
                .chunks(10_000)
                .for_each(|chunk| file.write_all(chunk).unwrap());
            round
        };
        rounds.map(write).last().unwrap()
    });
    let last = format!("r{}", last.await.unwrap());
    control.until_live(&["a", "b", &last]).await;
    assert!(!lost(&control, &["a", "b"]));
}

#[tokio::test]
async fn an_editor_that_moves_the_old_file_away_first_loses_nothing() {
    let (directory, control) = two_files().await;
    let path = directory.path().join("a.yaml");
    for round in 0..10 {
        fs::rename(&path, directory.path().join("a.yaml~")).unwrap();
        tokio::time::sleep(Duration::from_millis(10)).await;
        fs::write(
            &path,
            format!("{}{}", service("a"), service(&format!("r{round}"))),
        )
        .unwrap();
        control.until_live(&["a", "b", &format!("r{round}")]).await;
    }
    assert!(!lost(&control, &["a", "b"]));
}

#[tokio::test]
async fn a_file_emptied_for_good_is_believed() {
    let (directory, control) = two_files().await;
    fs::write(directory.path().join("a.yaml"), "").unwrap();
    control.until_live(&["b"]).await;
}

#[tokio::test]
async fn a_touch_publishes_nothing() {
    let (directory, control) = two_files().await;
    let before = control.generation();
    let path = directory.path().join("a.yaml");
    fs::write(&path, service("a")).unwrap();
    File::options()
        .append(true)
        .open(&path)
        .unwrap()
        .set_modified(std::time::UNIX_EPOCH)
        .unwrap();
    fs::write(directory.path().join("notes.txt"), "nothing").unwrap();
    fs::write(directory.path().join(".hidden.yaml"), service("hidden")).unwrap();
    behind(directory.path(), &control).await;
    assert_eq!(control.generation(), before + 1);
}

#[tokio::test]
async fn a_broken_document_harms_itself_alone() {
    let (directory, control) = two_files().await;
    let broken = "---\napiVersion: v1\nkind: Service\nmetadata: {name: broken\n";
    let text = format!("{}{broken}{}", service("one"), service("two"));
    fs::write(directory.path().join("c.yaml"), text).unwrap();
    let snapshot = control.until_live(&["a", "b", "one", "two"]).await;
    let file = directory.path().join("c.yaml");
    let [diagnostic] = &*diagnostics(&snapshot) else {
        panic!("{:?}", diagnostics(&snapshot))
    };
    assert!(
        diagnostic.starts_with(&format!("{}:", file.display())),
        "{diagnostic}"
    );
}

#[tokio::test]
async fn bytes_that_are_not_utf8_are_reported() {
    let (directory, control) = two_files().await;
    fs::write(directory.path().join("c.yaml"), b"kind: \xff\n").unwrap();
    let snapshot = control
        .until("the report", |snapshot| !diagnostics(snapshot).is_empty())
        .await;
    assert!(
        diagnostics(&snapshot)[0].contains("c.yaml:1: "),
        "{:?}",
        diagnostics(&snapshot)
    );
    assert_eq!(mappings(&snapshot), ["a", "b"]);
}

/// A symlink to itself cannot be read, not even by root.
#[tokio::test]
async fn a_file_that_becomes_unreadable_keeps_its_content() {
    let (directory, control) = two_files().await;
    let path = directory.path().join("a.yaml");
    let next = directory.path().join("next");
    symlink("a.yaml", &next).unwrap();
    fs::rename(&next, &path).unwrap();
    let told = control
        .until("the report", |snapshot| !diagnostics(snapshot).is_empty())
        .await;
    assert!(
        diagnostics(&told)[0].contains("its last content stays"),
        "{:?}",
        diagnostics(&told)
    );
    fs::write(&next, service("a2")).unwrap();
    fs::rename(&next, &path).unwrap();
    let snapshot = control.until_live(&["a2", "b"]).await;
    assert!(diagnostics(&snapshot).is_empty());
    assert!(!lost(&control, &["b"]));
}

#[tokio::test]
async fn a_directory_that_vanishes_keeps_its_content_until_it_is_back() {
    let root = TempDir::new().unwrap();
    let path = root.path().join("conf");
    fs::create_dir(&path).unwrap();
    fs::write(path.join("a.yaml"), service("a")).unwrap();
    let control = follow(&[&path]);
    control.until_live(&["a"]).await;
    fs::remove_dir_all(&path).unwrap();
    let told = control
        .until("the report", |snapshot| !diagnostics(snapshot).is_empty())
        .await;
    assert_eq!(mappings(&told), ["a"]);
    fs::create_dir(&path).unwrap();
    fs::write(
        path.join("a.yaml"),
        format!("{}{}", service("a"), service("b")),
    )
    .unwrap();
    let back = control.until_live(&["a", "b"]).await;
    assert!(diagnostics(&back).is_empty());
    fs::write(path.join("c.yaml"), service("c")).unwrap();
    control.until_live(&["a", "b", "c"]).await;
    assert!(!lost(&control, &["a"]));
}

#[tokio::test]
async fn a_directory_that_is_missing_at_the_start_is_an_error() {
    let control = follow(&[Path::new("/nonexistent/conf")]);
    let error = control.ended().await.unwrap_err().to_string();
    assert!(
        error.starts_with("cannot read the directory /nonexistent/conf"),
        "{error}"
    );
}

#[tokio::test]
async fn of_two_directories_the_first_decides_what_both_define() {
    let (first, second) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let write = |directory: &TempDir, name: &str, text: &str| {
        fs::write(directory.path().join(name), text).unwrap();
    };
    write(
        &first,
        "z.yaml",
        &manifest("same", &mapping("first", "/1/")),
    );
    write(
        &second,
        "a.yaml",
        &manifest("same", &mapping("second", "/2/")),
    );
    write(&second, "b.yaml", &service("b"));
    let control = follow(&[first.path(), second.path()]);
    let snapshot = control.until_live(&["b", "first"]).await;
    let [diagnostic] = &*diagnostics(&snapshot) else {
        panic!("{:?}", diagnostics(&snapshot))
    };
    assert!(
        diagnostic.contains("Service default/same: already defined in"),
        "{diagnostic}"
    );
    fs::remove_file(first.path().join("z.yaml")).unwrap();
    let snapshot = control.until_live(&["b", "second"]).await;
    assert!(diagnostics(&snapshot).is_empty());
}

#[test]
fn offline_files_and_directories_compile_as_they_would_run() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("a.yaml"), service("a")).unwrap();
    let single = directory.path().join("single.txt");
    fs::write(&single, service("b")).unwrap();
    let paths = [directory.path().to_owned(), single];
    let snapshot = load_offline(&paths, &Identity::default()).unwrap();
    assert_eq!(
        (snapshot.generation, mappings(&snapshot)),
        (0, vec!["a", "b"])
    );
}

#[test]
fn offline_input_that_cannot_be_used_is_named() {
    let empty = TempDir::new().unwrap();
    let load = |path: &Path| load_offline(&[path.to_owned()], &Identity::default());
    let error = load(empty.path()).unwrap_err();
    assert!(matches!(error, LoadError::NoManifests { .. }), "{error}");
    let error = load(Path::new("/nonexistent.yaml")).unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("cannot read /nonexistent.yaml"),
        "{error}"
    );
}
