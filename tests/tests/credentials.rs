//! Certificates and keys from Secrets, wherever these stand, to where they are used.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::panic,
    reason = "helpers of tests fail as tests do; figures are for people"
)]

use std::fs;
use std::time::{Duration, Instant};

use nuncio_controller::Source;
use nuncio_routing::{Credential, IdentitySource, SecretName};
use nuncio_tests::certificates::Pair;
use nuncio_tests::control::{Control, Credentials, Setup, cluster_source, diagnostics, impatient};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource};
use nuncio_tls::Material;
use serde_json::json;

/// An annotation that terminates TLS by the Secret `edge`.
const CONTEXT: &str = "---\napiVersion: ambassador/v1\nkind: TLSContext\nname: edge\n\
                       hosts: [edge.example]\nsecret: edge\n";

fn edge() -> Credential {
    Credential::Identity(IdentitySource::Secret(SecretName {
        namespace: "default".into(),
        name: "edge".into(),
    }))
}

/// Whose certificate it is.
fn name(told: &Credentials) -> Option<&str> {
    match told.told.get(&edge())?.as_ref()? {
        Material::Identity(identity) => identity.facts().names.first().map(|name| &**name),
        Material::Authorities(_) | Material::Revocations(_) => None,
    }
}

fn put(fake: &FakeApi, pair: &Pair) {
    fake.put(Resource::Secrets, "default", "edge", pair.secret());
}

async fn until_named(control: &Control, wanted: &str) -> Credentials {
    let is_it = |told: &Credentials| name(told) == Some(wanted);
    control.until_told(wanted, is_it).await
}

async fn until_said(control: &Control, wanted: &str) -> String {
    let says = |lines: Vec<String>| lines.into_iter().find(|line| line.contains(wanted));
    let last = control
        .until(wanted, |snapshot| says(diagnostics(snapshot)).is_some())
        .await;
    says(diagnostics(&last)).unwrap()
}

#[tokio::test]
async fn a_rotated_secret_is_published_at_once_and_compiles_nothing() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    put(fake, &Pair::of("one.example"));
    fake.put_service("default", "a", CONTEXT);
    let control = Control::following(&cluster);
    let told = control.until_told("settled", |told| told.settled).await;
    assert_eq!(name(&told), Some("one.example"));
    let metrics = control.metrics();
    let family = "nuncio_tls_certificate_expiry_timestamp_seconds{certificate=\"edge.default\"}";
    assert!(metrics.contains(family), "{metrics}");
    assert!(
        metrics.contains("envoy_server_days_until_first_cert_expiring{} 0\n"),
        "{metrics}"
    );
    let next = Pair::of("two.example");
    let (generation, begun) = (control.generation(), Instant::now());
    put(fake, &next);
    until_named(&control, "two.example").await;
    let took = begun.elapsed();
    println!("published {took:?} after it was rotated");
    assert!(took < Duration::from_secs(1), "{took:?}");
    assert_eq!(control.generation(), generation);
}

#[tokio::test]
async fn a_host_and_what_is_wrong_with_its_secret() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    cluster.install(&["v3alpha1", "v2"]).await;
    let host = json!({"spec": {"hostname": "edge.example", "tlsSecret": {"name": "edge"}}});
    fake.put(Resource::Hosts, "default", "edge", host);
    let control = Control::following(&cluster);
    let line = until_said(&control, "there is no such Secret").await;
    assert!(line.contains("Secret default/edge"), "{line}");
    put(fake, &Pair::of("one.example"));
    until_named(&control, "one.example").await;
    let (one, other) = (Pair::of("a.example"), Pair::of("b.example"));
    let mixed = Pair {
        certificate: one.certificate,
        key: other.key,
    };
    put(fake, &mixed);
    let line = until_said(&control, "does not belong to its certificate").await;
    assert!(
        line.contains("Secret default/edge: tls.crt, tls.key:"),
        "{line}"
    );
    assert!(!line.contains("BEGIN"), "{line}");
    assert_eq!(name(&control.told()), Some("one.example"));
    fake.remove(Resource::Secrets, "default", "edge");
    until_said(&control, "there is no such Secret; what was read before").await;
    assert_eq!(name(&control.told()), Some("one.example"));
}

#[tokio::test]
async fn a_refused_secret_is_told_and_lived_without() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    put(fake, &Pair::of("one.example"));
    fake.put_service("default", "a", CONTEXT);
    fake.forbid(Resource::Secrets);
    let control = Control::following(&cluster);
    let line = until_said(&control, "cannot list and watch secrets").await;
    assert!(line.contains("not read: edge"), "{line}");
    fake.allow(Resource::Secrets);
    until_named(&control, "one.example").await;
    control
        .until("well", |snapshot| diagnostics(snapshot).is_empty())
        .await;
}

#[tokio::test]
async fn a_restart_of_the_api_server_takes_no_certificate_away() {
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    put(fake, &Pair::of("one.example"));
    fake.put_service("default", "a", CONTEXT);
    let control = Control::following(&cluster);
    until_named(&control, "one.example").await;
    fake.stop().await;
    put(fake, &Pair::of("two.example"));
    fake.resume().await;
    let told = until_named(&control, "two.example").await;
    assert!(told.told.values().flatten().count() >= 1);
}

#[tokio::test]
async fn secrets_of_a_directory_leave_no_trace_of_their_keys() {
    let (root, state) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let pair = Pair::of("one.example");
    let service = nuncio_tests::control::manifest("a", CONTEXT);
    let path = root.path().join("a.yaml");
    fs::write(&path, format!("{service}{}", pair.manifest("edge"))).unwrap();
    let setup = Setup {
        state_dir: Some(state.path().to_owned()),
        ..Setup::default()
    };
    let source = Source::Directories(vec![root.path().to_owned()]);
    let control = Control::start_as(source, setup);
    until_named(&control, "one.example").await;
    // Halves of a file that is broken in every way it may be.
    let whole = format!("{service}{}", pair.manifest("edge"));
    for end in (service.len()..whole.len()).step_by(97) {
        fs::write(&path, &whole[..end]).unwrap();
        tokio::task::yield_now().await;
    }
    fs::write(&path, format!("{service}---\nkind: Secret\n{}", pair.key)).unwrap();
    let line = until_said(&control, "a.yaml").await;
    let (last, metrics) = (control.last().unwrap(), control.metrics());
    let shown = format!("{:?}{metrics}{line}", diagnostics(&last));
    let part_of_key = pair.key.lines().nth(1).unwrap();
    assert!(!shown.contains(part_of_key), "{shown}");
    control.stop().await.unwrap();
    for file in fs::read_dir(state.path()).unwrap() {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(part_of_key) && !text.contains("PRIVATE"));
    }
}

#[tokio::test]
async fn files_are_used_where_a_context_names_them() {
    let root = tempfile::tempdir().unwrap();
    let at = |name: &str| root.path().join(name).display().to_string();
    let pair = Pair::of("one.example");
    fs::write(at("tls.crt"), &pair.certificate).unwrap();
    fs::write(at("tls.key"), &pair.key).unwrap();
    let context = format!(
        "---\napiVersion: ambassador/v1\nkind: TLSContext\nname: edge\nhosts: [edge.example]\n\
         cert_chain_file: {}\nprivate_key_file: {}\n",
        at("tls.crt"),
        at("tls.key")
    );
    let cluster = Cluster::start().await;
    let Some(fake) = cluster.faults() else { return };
    fake.put_service("default", "a", &context);
    let control = Control::start(cluster_source(&cluster, impatient()));
    let has_one = |told: &Credentials| told.told.values().flatten().count() == 1;
    control.until_told("the files", has_one).await;
    fs::write(at("tls.crt"), "").unwrap();
    let line = until_said(&control, "empty").await;
    assert!(line.contains("tls.crt"), "{line}");
    assert!(has_one(&control.told()));
}
