//! Credentials from where they stand to where they are published.

mod api;
pub(super) mod pems;

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use nuncio_config::{Diagnostic, Severity};
use nuncio_routing::{IdentitySource, ServicePort, Snapshot, Source};
use nuncio_telemetry::BuildInfo;
use nuncio_tls::Material;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;
use crate::kubernetes::Pace;
use crate::manifest;
use api::Api;
use pems::{Pair, secret};

const DEADLINE: Duration = Duration::from_secs(20);

/// Credentials that are followed, and what was told of them.
struct Scene {
    api: Api,
    wanted: watch::Sender<Option<Wants>>,
    local: watch::Sender<Arc<Local>>,
    told: watch::Receiver<Told>,
    remarks: watch::Receiver<Vec<Diagnostic>>,
    tasks: [JoinHandle<()>; 2],
}

#[derive(Clone, Debug, Default)]
struct Told {
    held: BTreeMap<Credential, Option<Material>>,
    times: usize,
    settled: bool,
}

struct Recorder(watch::Sender<Told>);

impl Publish for Recorder {
    fn publish(&self, _snapshot: Arc<Snapshot>) {}

    fn endpoints(&self, _of: &ServicePort, _addresses: Option<&[SocketAddr]>) {}

    fn credential(&self, of: &Credential, material: Option<Material>) {
        self.0.send_modify(|told| {
            told.held.insert(of.clone(), material);
            told.times += 1;
        });
    }

    fn credentials_settled(&self) {
        self.0.send_modify(|told| told.settled = true);
    }
}

impl Scene {
    /// With an API server.
    fn of_cluster() -> Self {
        Self::new(true)
    }

    /// With manifests and files alone.
    fn of_files() -> Self {
        Self::new(false)
    }

    fn new(has_cluster: bool) -> Self {
        Self::reading(has_cluster, None)
    }

    /// Secrets of the cluster are of this namespace only.
    fn reading(has_cluster: bool, only_of: Option<&str>) -> Self {
        let (api, telemetry) = (Api::default(), Telemetry::new(BuildInfo::default()));
        let pace = Pace {
            refused: Duration::from_millis(20),
            ..Pace::default()
        };
        let (sender, heard) = mpsc::channel(HEARD);
        let (local, of_local) = watch::channel(Arc::default());
        let cluster = Secrets::new((&api.client(), &Arc::default()), &pace, &telemetry, sender);
        let sources = Sources {
            cluster: has_cluster.then_some(cluster),
            only_of: only_of.map(Box::from),
            heard,
            local: of_local,
        };
        let (recorder, told) = watch::channel(Told::default());
        let (changes, mut changed) = mpsc::channel(16);
        let (wanted, wanting) = watch::channel(None);
        let credentials = Credentials::new(Arc::new(Recorder(recorder)), changes, &telemetry);
        let (remarking, remarks) = watch::channel(Vec::new());
        let hearing = async move {
            while let Some(change) = changed.recv().await {
                let Change::Listed { diagnostics, .. } = change else {
                    panic!("{change:?}");
                };
                remarking.send_replace(diagnostics);
            }
        };
        Self {
            api,
            wanted,
            local,
            told,
            remarks,
            tasks: [
                tokio::spawn(credentials.run(sources, wanting)),
                tokio::spawn(hearing),
            ],
        }
    }

    fn want(&self, credentials: &[Credential]) {
        self.want_unnamed(credentials, &[]);
    }

    /// Of them, nobody has named some.
    fn want_unnamed(&self, credentials: &[Credential], unnamed: &[Credential]) {
        self.wanted.send_replace(Some(Wants {
            all: Arc::new(credentials.iter().cloned().collect()),
            unnamed: unnamed.iter().cloned().collect(),
        }));
    }

    /// Puts Secrets of a manifest in the place of those before.
    fn manifest(&self, text: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a.yaml");
        fs::write(&path, text).unwrap();
        let content = manifest::read(&path, &"a.yaml".into()).unwrap();
        assert!(content.diagnostics.is_empty(), "{:?}", content.diagnostics);
        let local = content.secrets.into_iter().collect();
        self.local.send_replace(Arc::new(local));
    }

    async fn until(&self, what: &str, condition: impl Fn(&Told) -> bool) -> Told {
        let mut told = self.told.clone();
        let met = timeout(DEADLINE, told.wait_for(|told| condition(told))).await;
        if let Ok(met) = met {
            return met.unwrap().clone();
        }
        let told = self.told.borrow().clone();
        let asked = self.api.asked();
        panic!("{what}: {told:?}, {:?}, {asked:?}", self.remarks.borrow());
    }

    /// Waits until the certificate is the one of this name.
    async fn until_named(&self, of: &Credential, name: &str) -> Told {
        self.until(name, |told| named(told, of).as_deref() == Some(name))
            .await
    }

    /// Waits until exactly these are the reasons of what is wrong, up to what libraries say.
    async fn until_wrong(&self, reasons: &[&str]) -> Vec<Diagnostic> {
        let mut remarks = self.remarks.clone();
        let are_these = |found: &Vec<Diagnostic>| {
            let begins = |(one, reason): (&Diagnostic, &&str)| shown(one).starts_with(*reason);
            found.len() == reasons.len() && found.iter().zip(reasons).all(begins)
        };
        let met = timeout(DEADLINE, remarks.wait_for(are_these)).await;
        if let Ok(met) = met {
            let met = met.unwrap().clone();
            let shown = format!("{met:?}");
            assert!(
                !shown.contains("PRIVATE") && !shown.contains("BEGIN"),
                "{shown}"
            );
            return met;
        }
        let found = self.remarks.borrow().clone();
        let found: Vec<_> = found.iter().map(shown).collect();
        panic!("not {reasons:?}: {found:?}");
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

fn shown(diagnostic: &Diagnostic) -> String {
    format!("{}: {}", diagnostic.at.object, diagnostic.reason)
}

fn named(told: &Told, of: &Credential) -> Option<String> {
    match told.held.get(of)?.as_ref()? {
        Material::Identity(identity) => Some(identity.facts().names.first()?.to_string()),
        Material::Authorities(_) | Material::Revocations(_) => None,
    }
}

fn secret_name(namespace: &str, name: &str) -> SecretName {
    SecretName {
        namespace: namespace.into(),
        name: name.into(),
    }
}

fn identity(namespace: &str, name: &str) -> Credential {
    Credential::Identity(IdentitySource::Secret(secret_name(namespace, name)))
}

fn authorities(namespace: &str, name: &str) -> Credential {
    Credential::Authorities(Source::Secret(secret_name(namespace, name)))
}

const EDGE: (&str, &str) = ("default", "edge");

#[tokio::test]
async fn a_rotated_secret_is_published() {
    let scene = Scene::of_cluster();
    scene.api.put(EDGE, Pair::of("one.example").secret());
    scene.want(&[identity("default", "edge")]);
    let edge = identity("default", "edge");
    let told = scene.until_named(&edge, "one.example").await;
    assert_eq!(told.times, 1);
    scene.api.put(EDGE, Pair::of("two.example").secret());
    let told = scene.until_named(&edge, "two.example").await;
    assert_eq!(told.times, 2);
}

#[tokio::test]
async fn the_same_material_is_published_once() {
    let scene = Scene::of_cluster();
    let (first, second) = (Pair::of("one.example"), Pair::of("two.example"));
    let edge = identity("default", "edge");
    scene.api.put(EDGE, first.secret());
    scene.want(std::slice::from_ref(&edge));
    scene.until_named(&edge, "one.example").await;
    scene.api.put(EDGE, first.secret());
    scene.api.put(EDGE, second.secret());
    let told = scene.until_named(&edge, "two.example").await;
    assert_eq!(told.times, 2);
}

#[tokio::test]
async fn what_is_broken_takes_nothing_away_and_is_told_without_the_key() {
    let scene = Scene::of_cluster();
    let (good, other) = (Pair::of("one.example"), Pair::of("two.example"));
    let edge = identity("default", "edge");
    scene.api.put(EDGE, good.secret());
    scene.want(std::slice::from_ref(&edge));
    scene.until_named(&edge, "one.example").await;
    let mixed = [("tls.crt", &*other.certificate), ("tls.key", &*good.key)];
    scene.api.put(EDGE, secret(&mixed));
    let wrong = ["Secret default/edge: tls.crt, tls.key: its private key does not belong"];
    let wrong = scene.until_wrong(&wrong).await;
    assert!(
        wrong[0]
            .reason
            .ends_with("; what was read before stays in use")
    );
    assert_eq!(wrong[0].severity, Severity::Error);
    let broken = [("tls.crt", &*other.key), ("tls.key", &*good.certificate)];
    scene.api.put(EDGE, secret(&broken));
    scene
        .until_wrong(&["Secret default/edge: tls.crt, tls.key: there is no certificate"])
        .await;
    scene
        .api
        .put(EDGE, secret(&[("tls.crt", &good.certificate)]));
    scene
        .until_wrong(&["Secret default/edge: no tls.key;"])
        .await;
    assert_eq!(scene.told.borrow().times, 1);
    scene.api.put(EDGE, other.secret());
    scene.until_named(&edge, "two.example").await;
    scene.until_wrong(&[]).await;
}

#[tokio::test]
async fn an_expired_certificate_is_used_only_for_want_of_another() {
    let scene = Scene::of_cluster();
    let edge = identity("default", "edge");
    scene.api.put(EDGE, Pair::expired("old.example").secret());
    scene.want(std::slice::from_ref(&edge));
    scene.until_named(&edge, "old.example").await;
    scene
        .until_wrong(&["Secret default/edge: the certificate expired at "])
        .await;
    scene.api.put(EDGE, Pair::of("new.example").secret());
    scene.until_named(&edge, "new.example").await;
    scene.until_wrong(&[]).await;
    scene.api.put(EDGE, Pair::expired("old.example").secret());
    scene
        .until_wrong(&["Secret default/edge: the new certificate expired at "])
        .await;
    assert_eq!(named(&scene.told.borrow(), &edge).unwrap(), "new.example");
}

#[tokio::test]
async fn a_deleted_secret_stays_in_use_with_a_word_on_it_until_it_comes_back() {
    let scene = Scene::of_cluster();
    let edge = identity("default", "edge");
    scene.want(std::slice::from_ref(&edge));
    let missing = ["Secret default/edge: there is no such Secret"];
    scene.until_wrong(&missing).await;
    scene.until("settled", |told| told.settled).await;
    scene.api.put(EDGE, Pair::of("one.example").secret());
    scene.until_named(&edge, "one.example").await;
    scene.until_wrong(&[]).await;
    scene.api.remove(EDGE);
    let deleted = "Secret default/edge: there is no such Secret; what was read before stays in use";
    scene.until_wrong(&[deleted]).await;
    assert_eq!(named(&scene.told.borrow(), &edge).unwrap(), "one.example");
    scene.api.put(EDGE, Pair::of("two.example").secret());
    scene.until_named(&edge, "two.example").await;
    scene.until_wrong(&[]).await;
}

#[tokio::test]
async fn what_is_refused_is_told_once_and_read_when_it_is_granted() {
    let scene = Scene::of_cluster();
    let (a, b) = (identity("default", "a"), identity("default", "b"));
    scene.api.refuse(Some(|_| true));
    scene
        .api
        .put(("default", "a"), Pair::of("a.example").secret());
    scene.want(&[a.clone(), b.clone()]);
    let wrong = scene
        .until_wrong(&["Secret default/*: cannot list and watch secrets: secrets is forbidden"])
        .await;
    assert!(wrong[0].reason.contains("; not read: a"), "{wrong:?}");
    scene.until("settled", |told| told.settled).await;
    scene.api.refuse(None);
    scene.until_named(&a, "a.example").await;
    scene
        .until_wrong(&["Secret default/b: there is no such Secret"])
        .await;
    scene.api.refuse(Some(|_| true));
    scene
        .until_wrong(&[
            "Secret default/*: cannot list",
            "Secret default/b: there is no such Secret",
        ])
        .await;
    assert!(named(&scene.told.borrow(), &a).is_some());
}

#[tokio::test]
async fn that_what_nobody_has_named_is_not_there_is_no_news() {
    let scene = Scene::of_cluster();
    let edge = [identity("default", "edge")];
    scene.want_unnamed(&edge, &edge);
    scene.until("settled", |told| told.settled).await;
    scene.want(&edge);
    scene
        .until_wrong(&["Secret default/edge: there is no such Secret"])
        .await;
    scene.want_unnamed(&edge, &edge);
    scene.until_wrong(&[]).await;
    scene.api.refuse(Some(|_| true));
    let refused = ["Secret default/*: cannot list and watch secrets"];
    let wrong = scene.until_wrong(&refused).await;
    assert_eq!(wrong[0].severity, Severity::Warning);
    scene.api.refuse(None);
    scene.api.put(EDGE, Pair::of("one.example").secret());
    scene.until_named(&edge[0], "one.example").await;
}

#[tokio::test]
async fn authorities_that_are_only_looked_for_verify_nobody_where_they_are_known_not_to_be() {
    let scene = Scene::of_cluster();
    let (name, found) = (("default", "ca"), [authorities("default", "ca")]);
    let material = |told: &Told| told.held.get(&found[0]).cloned().flatten();
    let nobody = |told: &Told| material(told).is_some_and(|it| it.is_nobody());
    scene.api.refuse(Some(|_| true));
    scene.want_unnamed(&found, &found);
    let told = scene.until("settled", |told| told.settled).await;
    assert!(told.held[&found[0]].is_none());
    scene.api.refuse(None);
    scene.until("missing", nobody).await;
    scene.api.put(name, secret(&[("tls.crt", "broken")]));
    scene.until("broken", |told| material(told).is_none()).await;
    let good = Pair::of("ca.example").certificate;
    scene.api.put(name, secret(&[("tls.crt", &good)]));
    scene
        .until("good", |told| material(told).is_some() && !nobody(told))
        .await;
}

#[tokio::test]
async fn deleted_authorities_that_nobody_has_named_go_on_verifying_with_a_word_on_it() {
    let scene = Scene::of_cluster();
    let (name, found) = (("default", "ca"), [authorities("default", "ca")]);
    let verifies = |told: &Told| {
        let material = told.held.get(&found[0]).cloned().flatten();
        material.is_some_and(|material| !material.is_nobody())
    };
    let good = Pair::of("ca.example").certificate;
    scene.api.put(name, secret(&[("tls.crt", &good)]));
    scene.want_unnamed(&found, &found);
    scene.until("verifying", verifies).await;
    scene.api.remove(name);
    let deleted = "Secret default/ca: there is no such Secret; what was read before stays in use";
    let wrong = scene.until_wrong(&[deleted]).await;
    assert_eq!(wrong[0].severity, Severity::Error);
    assert!(verifies(&scene.told.borrow()));
    scene.api.put(name, secret(&[("tls.crt", &good)]));
    scene.until_wrong(&[]).await;
}

#[tokio::test]
async fn a_deleted_certificate_that_nobody_has_named_stays_in_use_with_a_word_on_it() {
    let scene = Scene::of_cluster();
    let edge = [identity("default", "edge")];
    scene.api.put(EDGE, Pair::of("one.example").secret());
    scene.want_unnamed(&edge, &edge);
    scene.until_named(&edge[0], "one.example").await;
    scene.api.remove(EDGE);
    let deleted = "Secret default/edge: there is no such Secret; what was read before stays in use";
    scene.until_wrong(&[deleted]).await;
    assert_eq!(
        named(&scene.told.borrow(), &edge[0]).unwrap(),
        "one.example"
    );
}

#[tokio::test]
async fn few_secrets_are_asked_for_by_name_and_others_never() {
    let scene = Scene::of_cluster();
    let wanted = [identity("default", "edge"), authorities("other", "ca")];
    scene.api.put(EDGE, Pair::of("one.example").secret());
    scene.want(&wanted);
    scene.until_named(&wanted[0], "one.example").await;
    scene.until("settled", |told| told.settled).await;
    let asked = scene.api.asked();
    assert!(asked.iter().all(|one| one.name.is_some()), "{asked:?}");
}

#[tokio::test]
async fn many_secrets_of_a_namespace_are_watched_together() {
    let scene = Scene::of_cluster();
    let wanted: Vec<_> = (0..20)
        .map(|n| identity("default", &format!("s{n}")))
        .collect();
    for number in 0..20 {
        let pair = Pair::of(&format!("s{number}.example"));
        scene
            .api
            .put(("default", &format!("s{number}")), pair.secret());
    }
    scene
        .api
        .put(("default", "theirs"), Pair::of("theirs.example").secret());
    scene.want(&wanted);
    let told = scene.until("all", |told| told.settled).await;
    assert_eq!(told.held.values().flatten().count(), 20);
    scene
        .api
        .put(("default", "theirs"), Pair::of("theirs.example").secret());
    scene
        .api
        .put(("default", "s7"), Pair::of("new.example").secret());
    let told = scene.until_named(&wanted[7], "new.example").await;
    assert_eq!(told.times, 21);
    let asked = scene.api.asked();
    assert_eq!(
        asked.iter().filter(|one| one.name.is_none()).count(),
        asked.len()
    );
}

#[tokio::test]
async fn a_namespace_whose_secrets_come_one_by_one_is_listed_as_a_whole_seldom() {
    let scene = Scene::of_cluster();
    let mut wanted = Vec::new();
    let pair = Pair::of("one.example");
    for number in 0..120 {
        let name = format!("s{number}");
        scene.api.put(("default", &name), pair.secret());
        wanted.push(identity("default", &name));
        scene.want(&wanted);
        let there = |told: &Told| told.held.values().flatten().count() == number + 1;
        scene.until("it is there at once", there).await;
    }
    let asked = scene.api.asked();
    let whole = asked.iter().filter(|one| one.name.is_none() && !one.watch);
    // With 9, 19, 39 and 79, or with what has come by a second later.
    assert!((1..=4).contains(&whole.count()), "{asked:?}");
}

#[tokio::test]
async fn very_many_namespaces_are_watched_together_if_that_is_granted() {
    for is_granted in [true, false] {
        let scene = Scene::of_cluster();
        if !is_granted {
            scene.api.refuse(Some(|asked| asked.namespace.is_none()));
        }
        let wanted: Vec<_> = (0..40)
            .map(|n| identity(&format!("n{n}"), "edge"))
            .collect();
        let pair = Pair::of("one.example");
        for number in 0..40 {
            scene
                .api
                .put((&format!("n{number}"), "edge"), pair.secret());
        }
        scene.want(&wanted);
        let told = scene.until("all", |told| told.settled).await;
        assert_eq!(told.held.values().flatten().count(), 40);
        let asked = scene.api.asked();
        let wide = asked.iter().filter(|one| one.namespace.is_none()).count();
        assert_eq!(wide == asked.len(), is_granted, "{asked:?}");
    }
}

#[tokio::test]
async fn a_secret_is_read_again_for_another_use() {
    let scene = Scene::of_cluster();
    let uses = [identity("default", "edge"), authorities("default", "edge")];
    scene.api.put(EDGE, Pair::of("one.example").secret());
    scene.want(&uses[..1]);
    scene.until_named(&uses[0], "one.example").await;
    scene.want(&uses);
    let told = scene
        .until("both", |told| told.held.values().flatten().count() == 2)
        .await;
    assert_eq!(told.times, 2);
    scene.want(&uses[1..]);
    scene
        .until("one", |told| told.held[&uses[0]].is_none())
        .await;
    assert!(scene.told.borrow().held[&uses[1]].is_some());
}

#[tokio::test]
async fn where_a_whole_namespace_is_refused_its_secrets_are_asked_for_by_name() {
    let scene = Scene::of_cluster();
    let names: Vec<String> = (0..12).map(|n| format!("s{n}")).collect();
    let wanted: Vec<_> = names.iter().map(|name| identity("default", name)).collect();
    for name in &names {
        scene.api.put(("default", name), Pair::of(name).secret());
    }
    scene.api.refuse(Some(|asked| asked.name.is_none()));
    scene.want(&wanted);
    let all = |told: &Told| told.held.values().flatten().count() == 12;
    scene.until("all", all).await;
    scene.until_wrong(&[]).await;
    let by_name = scene.api.asked().len();
    scene.api.refuse(None);
    scene.api.put(("default", "s7"), Pair::of("new").secret());
    scene.until_named(&wanted[7], "new").await;
    watched_whole(&scene, by_name, |asked| asked.name.is_none()).await;
    assert_eq!(scene.told.borrow().held.values().flatten().count(), 12);
}

#[tokio::test]
async fn all_namespaces_are_watched_together_again_when_that_is_granted_again() {
    let scene = Scene::of_cluster();
    let names: Vec<String> = (0..40).map(|n| format!("n{n}")).collect();
    let wanted: Vec<_> = names.iter().map(|name| identity(name, "edge")).collect();
    let pair = Pair::of("one.example");
    for name in &names {
        scene.api.put((name, "edge"), pair.secret());
    }
    scene.api.refuse(Some(|asked| asked.namespace.is_none()));
    scene.want(&wanted);
    let told = scene.until("all", |told| told.settled).await;
    assert_eq!(told.held.values().flatten().count(), 40);
    let narrow = scene.api.asked().len();
    scene.api.refuse(None);
    watched_whole(&scene, narrow, |asked| asked.namespace.is_none()).await;
    scene.api.put(("n7", "edge"), Pair::of("new").secret());
    let told = scene.until_named(&wanted[7], "new").await;
    assert_eq!((told.times, told.held.values().flatten().count()), (41, 40));
}

/// Waits until more than one name is watched by one of the requests from `first` on.
async fn watched_whole(scene: &Scene, first: usize, is_whole: fn(&api::Asked) -> bool) {
    let is_watched = || {
        let asked = scene.api.asked();
        asked[first..].iter().any(|one| one.watch && is_whole(one))
    };
    let watched = async {
        while !is_watched() {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, watched).await.unwrap();
}

#[tokio::test]
async fn names_that_no_secret_can_have_are_not_asked_for() {
    let scene = Scene::of_cluster();
    scene.want(&[identity("default", "../configmaps/x?a=")]);
    scene
        .until_wrong(&["Secret default/../configmaps/x?a=: no Secret can have this name"])
        .await;
    assert!(scene.api.asked().is_empty());
}

#[tokio::test]
async fn secrets_outside_of_the_only_namespace_are_not_asked_for() {
    let scene = Scene::reading(true, Some("default"));
    let (ours, theirs) = (identity("default", "edge"), identity("other", "edge"));
    scene.api.put(EDGE, Pair::of("one.example").secret());
    let elsewhere = ("other", "edge");
    scene.api.put(elsewhere, Pair::of("two.example").secret());
    scene.want(&[ours.clone(), theirs.clone()]);
    let told = scene.until_named(&ours, "one.example").await;
    assert!(told.held[&theirs].is_none());
    scene
        .until_wrong(&["Secret other/edge: it is outside of the only namespace"])
        .await;
    let mut asked = scene.api.asked().into_iter();
    assert!(asked.all(|one| one.namespace.as_deref() == Some("default")));
}

#[tokio::test(start_paused = true)]
async fn ready_waits_two_seconds_for_an_api_server_that_does_not_answer() {
    let scene = Scene::of_cluster();
    scene.api.hang();
    let begun = Instant::now();
    scene.want(&[identity("default", "edge")]);
    let told = scene.until("settled", |told| told.settled).await;
    assert!(told.held.is_empty());
    let waited = begun.elapsed();
    assert!((SETTLING..SETTLING * 2).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn nothing_wanted_is_settled_at_once() {
    let scene = Scene::of_files();
    assert!(!scene.told.borrow().settled);
    scene.want(&[]);
    scene.until("settled", |told| told.settled).await;
}

#[tokio::test]
async fn secrets_of_manifests_are_used_and_never_shown() {
    let scene = Scene::of_files();
    let edge = identity("default", "edge");
    scene.want(std::slice::from_ref(&edge));
    scene
        .until_wrong(&["Secret default/edge: there is no such Secret in the manifests"])
        .await;
    let pair = Pair::of("one.example");
    scene.manifest(&pair.secret_manifest("data"));
    scene.until_named(&edge, "one.example").await;
    scene.until_wrong(&[]).await;
    let pair = Pair::of("two.example");
    scene.manifest(&pair.secret_manifest("stringData"));
    scene.until_named(&edge, "two.example").await;
    assert!(!format!("{:?}", scene.local.borrow()).contains("BEGIN"));
    scene.manifest("");
    let deleted = "Secret default/edge: there is no such Secret in the manifests; what was read";
    scene.until_wrong(&[deleted]).await;
    assert_eq!(named(&scene.told.borrow(), &edge).unwrap(), "two.example");
}

#[tokio::test]
async fn a_manifest_counts_before_the_api_server() {
    let scene = Scene::of_cluster();
    let edge = identity("default", "edge");
    scene.api.put(EDGE, Pair::of("theirs.example").secret());
    scene.manifest(&Pair::of("ours.example").secret_manifest("data"));
    scene.want(std::slice::from_ref(&edge));
    scene.until_named(&edge, "ours.example").await;
    assert!(scene.api.asked().is_empty());
    scene.manifest("");
    scene.until_named(&edge, "theirs.example").await;
}

#[tokio::test]
async fn files_are_followed_over_the_swap_of_a_mounted_volume() {
    let scene = Scene::of_files();
    let root = tempfile::tempdir().unwrap();
    let mount = root.path().join("certs");
    let path = |name: &str| mount.join(name).to_str().unwrap().into();
    let edge = Credential::Identity(IdentitySource::Files {
        chain: path("tls.crt"),
        key: path("tls.key"),
    });
    scene.want(std::slice::from_ref(&edge));
    let wrong = scene.until_wrong(&["File "]).await;
    assert!(
        wrong[0].reason.contains("tls.crt: No such file"),
        "{wrong:?}"
    );
    scene.until("settled", |told| told.settled).await;
    fs::create_dir(&mount).unwrap();
    swap(&mount, "..1", &Pair::of("one.example"));
    for name in ["tls.crt", "tls.key"] {
        symlink(Path::new("..data").join(name), mount.join(name)).unwrap();
    }
    scene.until_named(&edge, "one.example").await;
    scene.until_wrong(&[]).await;
    swap(&mount, "..2", &Pair::of("two.example"));
    let told = scene.until_named(&edge, "two.example").await;
    assert_eq!(told.times, 3);
    fs::remove_file(mount.join("tls.key")).unwrap();
    scene.until_wrong(&["File "]).await;
    assert!(named(&scene.told.borrow(), &edge).is_some());
}

#[tokio::test]
async fn files_that_are_dropped_and_wanted_again_are_told_again() {
    let scene = Scene::of_files();
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("ca.pem");
    fs::write(&path, Pair::of("ca.example").certificate).unwrap();
    let ca = Credential::Authorities(Source::File(path.to_str().unwrap().into()));
    let is_there = |told: &Told| matches!(told.held.get(&ca), Some(Some(_)));
    scene.want(std::slice::from_ref(&ca));
    scene.until("there", is_there).await;
    for _ in 0..20 {
        scene.want(&[]);
        scene.until("dropped", |told| !is_there(told)).await;
        scene.want(std::slice::from_ref(&ca));
        scene.until("there again", is_there).await;
    }
}

/// As kubelet does it.
fn swap(mount: &Path, version: &str, pair: &Pair) {
    let directory = mount.join(version);
    fs::create_dir(&directory).unwrap();
    fs::write(directory.join("tls.crt"), &pair.certificate).unwrap();
    fs::write(directory.join("tls.key"), &pair.key).unwrap();
    symlink(version, mount.join("..data_tmp")).unwrap();
    fs::rename(mount.join("..data_tmp"), mount.join("..data")).unwrap();
}
