//! Certificates that Hosts have authorities asked for, from the order to the handshake.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::time::Duration;

use base64ct::{Base64, Encoding};
use nuncio_controller::Source;
use nuncio_proxy::ListenerKey;
use nuncio_tests::acme::{Acme, Limit, Looking};
use nuncio_tests::certificates::Pair;
use nuncio_tests::client::Client;
use nuncio_tests::control::{Control, diagnostics, eventually};
use nuncio_tests::documents::host;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::kube_api::{Cluster, FakeApi, Resource};
use nuncio_tests::replica::{Replica, write_back};
use nuncio_tests::tls::Speaker;
use nuncio_tests::upstream::Upstream;
use serde_json::{Value, json};

const BOARD: &str = "nuncio-default-acme";

/// A gateway with its data path.
struct Edge {
    replica: Replica,
    http: SocketAddr,
    https: SocketAddr,
    _gateway: Gateway,
}

impl Edge {
    fn start(cluster: &Cluster, name: &str) -> Self {
        let mut gateway = Gateway::unconfigured();
        let https = gateway.listen(ListenerKey::Https);
        let replica = Replica::serve(cluster, write_back(name), gateway.switch());
        Self {
            replica,
            http: gateway.address(),
            https,
            _gateway: gateway,
        }
    }

    /// Whether a client is shown a certificate of the authority's for the name.
    async fn serves(&self, acme: &Acme, name: &str) -> bool {
        let speaker = Speaker::trusting_root(&acme.root(), &["http/1.1"]);
        speaker.connect(self.https, name).await.is_ok()
    }

    fn says(&self, wanted: &str) -> bool {
        let last = self.replica.last();
        let lines = last.map(|snapshot| diagnostics(&snapshot));
        lines.is_some_and(|lines| lines.iter().any(|line| line.contains(wanted)))
    }

    async fn until_says(&self, wanted: &str) {
        eventually(wanted, || self.says(wanted)).await;
    }
}

async fn cluster() -> Cluster {
    let cluster = Cluster::start().await;
    cluster.install(&["v3alpha1"]).await;
    cluster
}

/// A Host that has the authority asked.
fn want(fake: &FakeApi, acme: &Acme, name: &str) {
    let host = json!({"spec": {
        "hostname": format!("{name}.test"),
        "tlsSecret": {"name": name},
        "acmeProvider": {"authority": acme.directory(), "email": "ops@example.test"},
    }});
    fake.put(Resource::Hosts, "default", name, host);
}

fn secret(fake: &FakeApi, name: &str) -> Option<Value> {
    fake.get(Resource::Secrets, "default", name)
}

fn value(secret: &Value, key: &str) -> String {
    let text = secret["data"][key].as_str().unwrap_or_default();
    String::from_utf8(Base64::decode_vec(text).unwrap()).unwrap()
}

fn status(fake: &FakeApi, name: &str, key: &str) -> String {
    let host = fake.get(Resource::Hosts, "default", name);
    let status = host.map(|host| host["status"][key].clone());
    let text = status.as_ref().and_then(Value::as_str);
    text.unwrap_or_default().to_owned()
}

async fn issued(acme: &Acme, count: usize) {
    eventually("issued", || acme.issued() >= count).await;
}

#[tokio::test]
async fn a_host_that_appears_is_served_by_a_certificate_that_was_issued_for_it() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    let edge = Edge::start(&cluster, "a");
    acme.names_lead_to(&[edge.http]);
    acme.refuse_nonces(2);
    want(fake, &acme, "shop");
    eventually("ready", || status(fake, "shop", "state") == "Ready").await;
    let kept = secret(fake, "shop").unwrap();
    assert_eq!(kept["type"], "kubernetes.io/tls");
    assert_eq!(
        kept["metadata"]["labels"]["app.kubernetes.io/managed-by"],
        "nuncio"
    );
    assert!(value(&kept, "tls.key").contains("PRIVATE KEY"));
    while !edge.serves(&acme, "shop.test").await {
        tokio::task::yield_now().await;
    }
    assert_eq!(status(fake, "shop", "tlsCertificateSource"), "ACME");
    assert_eq!((acme.orders(), acme.accounts()), (1, 1));
    assert_eq!(acme.contacts(), [r#"["mailto:ops@example.test"]"#]);
    let page = edge.replica.metrics();
    assert!(
        page.contains("nuncio_acme_orders_total{outcome=\"issued\"} 1\n"),
        "{page}"
    );
    assert!(!edge.says("acmeProvider"));
    // The answer is taken down again.
    let board = || secret(fake, BOARD).unwrap()["data"].clone();
    assert!(
        board().as_object().is_none_or(serde_json::Map::is_empty),
        "{}",
        board()
    );
}

#[tokio::test]
async fn one_replica_asks_and_all_answer() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    let (first, second) = (Edge::start(&cluster, "a"), Edge::start(&cluster, "b"));
    eventually("led", || first.replica.leads() || second.replica.leads()).await;
    acme.names_lead_to(&[first.http, second.http]);
    want(fake, &acme, "shop");
    want(fake, &acme, "blog");
    issued(&acme, 2).await;
    eventually("kept", || {
        secret(fake, "shop").is_some() && secret(fake, "blog").is_some()
    })
    .await;
    for edge in [&first, &second] {
        for name in ["shop.test", "blog.test"] {
            while !edge.serves(&acme, name).await {
                tokio::task::yield_now().await;
            }
        }
    }
    // Whoever leads next finds all of it done.
    let (leader, other) = match first.replica.leads() {
        true => (first, second),
        false => (second, first),
    };
    leader.replica.kill();
    eventually("succeeded", || other.replica.leads()).await;
    acme.names_lead_to(&[other.http]);
    want(fake, &acme, "late");
    issued(&acme, 3).await;
    assert_eq!((acme.orders(), acme.accounts()), (3, 1));
}

#[tokio::test]
async fn a_certificate_is_renewed_in_the_last_third_of_its_life() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    let edge = Edge::start(&cluster, "a");
    acme.names_lead_to(&[edge.http]);
    acme.issue_for(Duration::from_secs(9));
    want(fake, &acme, "shop");
    issued(&acme, 1).await;
    eventually("kept", || secret(fake, "shop").is_some()).await;
    let first = secret(fake, "shop").unwrap();
    acme.issue_for(Duration::from_hours(24));
    issued(&acme, 2).await;
    let renewed = || secret(fake, "shop").unwrap()["data"] != first["data"];
    eventually("replaced", renewed).await;
    let next = secret(fake, "shop").unwrap();
    assert_ne!(value(&next, "tls.key"), value(&first, "tls.key"));
    assert_eq!((acme.orders(), acme.accounts()), (2, 1));
}

#[tokio::test]
async fn what_is_anothers_is_left_alone() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    for (name, hostname) in [("shop", "other.test"), ("blog", "blog.test")] {
        fake.put(
            Resource::Secrets,
            "default",
            name,
            Pair::of(hostname).secret(),
        );
        want(fake, &acme, name);
    }
    let before = ["shop", "blog"].map(|name| secret(fake, name));
    let edge = Edge::start(&cluster, "a");
    edge.until_says(
        "Secret shop.default: it is not for this name, but the gateway did not make it",
    )
    .await;
    assert!(!edge.says("blog"));
    assert_eq!(["shop", "blog"].map(|name| secret(fake, name)), before);
    assert_eq!(acme.requests(), 0);
}

#[tokio::test]
async fn an_authority_that_says_no_is_left_in_peace_whoever_leads() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    acme.limit(Some(Limit::Rejected));
    want(fake, &acme, "shop");
    let edge = Edge::start(&cluster, "a");
    edge.until_says("the authority says rejectedIdentifier: not this name; failed 1 times")
        .await;
    eventually("told", || status(fake, "shop", "state") == "Error").await;
    assert!(status(fake, "shop", "errorReason").contains("rejectedIdentifier"));
    let page = edge.replica.metrics();
    assert!(
        page.contains("nuncio_acme_orders_total{outcome=\"refused\"} 1\n"),
        "{page}"
    );
    edge.replica.stop().await;
    let next = Edge::start(&cluster, "b");
    next.until_says("failed 1 times").await;
    assert_eq!(acme.orders(), 1);
    // Another question may be asked at once.
    acme.limit(None);
    acme.names_lead_to(&[next.http]);
    let mut host = fake.get(Resource::Hosts, "default", "shop").unwrap();
    host["spec"]["acmeProvider"]["email"] = json!("others@example.test");
    fake.put(Resource::Hosts, "default", "shop", host);
    issued(&acme, 1).await;
    eventually("well", || !next.says("acmeProvider")).await;
}

#[tokio::test]
async fn rate_limits_are_kept_to() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    acme.limit(Some(Limit::Rate(Duration::from_hours(24))));
    want(fake, &acme, "shop");
    let edge = Edge::start(&cluster, "a");
    edge.until_says("rateLimited").await;
    eventually("told", || status(fake, "shop", "state") == "Error").await;
    assert_eq!(status(fake, "shop", "errorBackoff"), "86400s");
    assert_eq!(acme.orders(), 1);
}

#[tokio::test]
async fn what_the_authority_found_is_told() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    let nobody = Gateway::unconfigured();
    acme.names_lead_to(&[nobody.address()]);
    want(fake, &acme, "shop");
    let edge = Edge::start(&cluster, "a");
    edge.until_says("shop.test answers \"HTTP/1.1 503 Service Unavailable\"")
        .await;
    assert_eq!(acme.issued(), 0);
}

#[tokio::test]
async fn an_authority_that_takes_its_time_is_waited_for_and_no_longer_than_that() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    let edge = {
        let mut options = write_back("a");
        options.acme.times.patience = Duration::from_secs(6);
        let gateway = Gateway::unconfigured();
        let replica = Replica::serve(&cluster, options, gateway.switch());
        let (http, https) = (gateway.address(), gateway.address());
        Edge {
            replica,
            http,
            https,
            _gateway: gateway,
        }
    };
    acme.names_lead_to(&[edge.http]);
    acme.take_polls(3);
    want(fake, &acme, "shop");
    issued(&acme, 1).await;
    eventually("kept", || secret(fake, "shop").is_some()).await;
    acme.look(Looking::Never);
    want(fake, &acme, "blog");
    edge.until_says("the authority takes too long").await;
    assert_eq!(secret(fake, "blog"), None);
}

#[tokio::test]
async fn nobody_is_asked_for_what_may_not_be_kept() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    fake.forbid_writes(Resource::Secrets);
    want(fake, &acme, "shop");
    let edge = Edge::start(&cluster, "a");
    edge.until_says("cannot create Secret nuncio-default-acme.default")
        .await;
    edge.until_says("docs/permissions.md").await;
    assert_eq!(acme.requests(), 0);
    fake.allow(Resource::Secrets);
    acme.names_lead_to(&[edge.http]);
    issued(&acme, 1).await;
    eventually("well", || !edge.says("acmeProvider")).await;
}

#[tokio::test]
async fn an_account_that_is_gone_is_made_again_with_its_key() {
    let (cluster, acme) = (cluster().await, Acme::start().await);
    let Some(fake) = cluster.faults() else { return };
    let edge = Edge::start(&cluster, "a");
    acme.names_lead_to(&[edge.http]);
    want(fake, &acme, "shop");
    issued(&acme, 1).await;
    let account = || {
        let all = fake.all(Resource::Secrets).into_iter();
        let mut keys = all.filter(|secret| secret["data"]["user.key"].is_string());
        let account = keys.next().unwrap();
        (value(&account, "user.key"), value(&account, "registration"))
    };
    let before = account();
    assert!(before.1.contains("ops@example.test"), "{}", before.1);
    acme.forget_accounts();
    want(fake, &acme, "blog");
    issued(&acme, 2).await;
    let after = account();
    assert_eq!(after.0, before.0);
    assert_ne!(after.1, before.1);
    assert_eq!(acme.accounts(), 2);
}

#[tokio::test]
async fn challenges_are_answered_before_redirects_and_others_by_their_routes() {
    let upstream = Upstream::ok("theirs").await;
    let prefix = "/.well-known/acme-challenge/";
    let host = host("shop", "shop.test").replace("Route", "Redirect");
    let text = mapping(prefix, &upstream.service(), "") + &host;
    let gateway = Gateway::start(&text);
    let answers = BTreeMap::from([("token".into(), "token.print".into())]);
    gateway.switch().set_challenges(answers);
    let mut client = Client::connect(gateway.address()).await;
    let mut ask = async |method: &str, path: &str| {
        let request = format!("{method} {path} HTTP/1.1\nhost: shop.test\n\n");
        client.send(&request).await;
        client.response_to(method).await.unwrap()
    };
    let told = ask("GET", &format!("{prefix}token")).await;
    assert_eq!(told.brief(), (200, "token.print"));
    assert_eq!(told.value("content-type"), Some("text/plain"));
    let head = ask("HEAD", &format!("{prefix}token")).await;
    assert_eq!(head.value("content-length"), Some("11"));
    let other = ask("GET", &format!("{prefix}other")).await;
    assert_eq!(other.brief(), (200, "theirs"));
    // An answer outlives the snapshot, and goes when it is taken down.
    gateway.install(&text);
    let told = ask("GET", &format!("{prefix}token")).await;
    assert_eq!(told.brief(), (200, "token.print"));
    gateway.switch().set_challenges(BTreeMap::new());
    let gone = ask("GET", &format!("{prefix}token")).await;
    assert_eq!(gone.brief(), (200, "theirs"));
}

#[tokio::test]
async fn without_kubernetes_nobody_is_asked() {
    let directory = tempfile::tempdir().unwrap();
    let host = json!({
        "apiVersion": "getambassador.io/v3alpha1", "kind": "Host",
        "metadata": {"name": "shop"},
        "spec": {
            "hostname": "shop.test", "tlsSecret": {"name": "shop"},
            "acmeProvider": {"authority": "https://acme.test/directory"},
        },
    });
    fs::write(directory.path().join("host.yaml"), host.to_string()).unwrap();
    let control = Control::start(Source::Directories(vec![directory.path().into()]));
    let wanted = "acmeProvider: without Kubernetes there is no place for certificates";
    let says = |lines: Vec<String>| lines.iter().any(|line| line.contains(wanted));
    control
        .until(wanted, |snapshot| says(diagnostics(snapshot)))
        .await;
}

#[tokio::test]
async fn what_cannot_be_proven_or_kept_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let cases = [
        (
            "wild",
            "*.test",
            json!({"name": "wild"}),
            "*.test is no name that can be proven by HTTP",
        ),
        ("placeless", "a.test", json!({}), "without `tlsSecret`"),
        (
            "elsewhere",
            "b.test",
            json!({"name": "b", "namespace": "other"}),
            "kept in the Host's own namespace",
        ),
        (
            "first",
            "c.test",
            json!({"name": "c"}),
            "without Kubernetes",
        ),
        (
            "second",
            "d.test",
            json!({"name": "c"}),
            "is for the certificate of c.test",
        ),
    ];
    for (name, hostname, secret, _) in &cases {
        let host = json!({
            "apiVersion": "getambassador.io/v3alpha1", "kind": "Host",
            "metadata": {"name": name},
            "spec": {
                "hostname": hostname, "tlsSecret": secret,
                "acmeProvider": {"email": "ops@example.test"},
            },
        });
        let file = directory.path().join(format!("{name}.yaml"));
        fs::write(file, host.to_string()).unwrap();
    }
    let control = Control::start(Source::Directories(vec![directory.path().into()]));
    for (name, _, _, wanted) in &cases {
        let is_it = |line: &String| line.contains(wanted) && line.contains(name);
        let says = |lines: Vec<String>| lines.iter().any(is_it);
        control
            .until(wanted, |snapshot| says(diagnostics(snapshot)))
            .await;
    }
}
