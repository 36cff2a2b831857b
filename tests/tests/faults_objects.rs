//! Objects that are wrong, at odds, many, or huge: each harms itself at most, and no request.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and measurements are printed"
)]

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

use nuncio_routing::Snapshot;
use nuncio_tests::client::Client;
use nuncio_tests::control::{diagnostics, eventually, mappings};
use nuncio_tests::edge::Edge;
use nuncio_tests::kube_api::{FakeApi, Resource};
use nuncio_tests::load::Load;
use nuncio_tests::upstream::Upstream;
use serde_json::{Value, json};
use tokio::time::{Instant, interval, sleep};

/// An API server with all kinds, and an upstream.
async fn scene() -> (FakeApi, Upstream) {
    let api = FakeApi::start().await;
    for kind in Resource::CUSTOM {
        api.install(kind, &["v3alpha1"]);
    }
    (api, Upstream::ok("ok").await)
}

/// A Mapping of `/<name>/`, with more keys or others.
fn spec(name: &str, upstream: &Upstream, more: &Value) -> Value {
    let mut spec = json!({
        "hostname": "*", "prefix": format!("/{name}/"), "service": upstream.service(),
    });
    for (key, value) in more.as_object().unwrap() {
        spec[key] = value.clone();
    }
    json!({"spec": spec})
}

fn put(api: &FakeApi, upstream: &Upstream, name: &str, more: &Value) {
    let object = spec(name, upstream, more);
    api.put(Resource::Mappings, "default", name, object);
}

fn has(name: &str) -> impl Fn(&Snapshot) -> bool + use<> {
    let name = name.to_owned();
    move |snapshot| mappings(snapshot).contains(&&*name)
}

fn tells_of(what: &str) -> impl Fn(&Snapshot) -> bool + use<> {
    let what = what.to_owned();
    move |snapshot| diagnostics(snapshot).iter().any(|one| one.contains(&what))
}

/// What is wrong, and with which words that is told.
fn malformed() -> Vec<(&'static str, Value, &'static str)> {
    let (long, wide) = ("a".repeat(300), "x".repeat(64 * 1024));
    vec![
        ("type", json!({"prefix": 7}), "prefix"),
        ("list", json!({"prefix": ["/a/"]}), "prefix"),
        ("nothing", json!({"service": null}), "service"),
        ("relative", json!({"prefix": "no-slash"}), "prefix"),
        ("nul", json!({"prefix": "/a\u{0}b/"}), "prefix"),
        (
            "regex",
            json!({"prefix": "/(", "prefix_regex": true}),
            "prefix",
        ),
        (
            "heavy",
            json!({"prefix": "/(a{1,999}){1,999}", "prefix_regex": true}),
            "prefix",
        ),
        ("duration", json!({"timeout_ms": "3 s"}), "timeout_ms"),
        ("negative", json!({"timeout_ms": -1}), "timeout_ms"),
        ("host", json!({"hostname": long}), "host"),
        ("header", json!({"headers": {"bad name": "x"}}), "headers"),
        (
            "wide",
            json!({"headers": {"x-wide": {"deep": wide}}}),
            "headers",
        ),
        ("spec", json!({"hostname": {"no": "text"}}), "hostname"),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_object_that_breaks_is_told_of_and_stays_as_it_was() {
    let (api, upstream) = scene().await;
    for (name, ..) in malformed() {
        put(&api, &upstream, name, &json!({}));
    }
    put(&api, &upstream, "good", &json!({}));
    let edge = Edge::of(&api);
    let all = malformed().len() + 1;
    let whole = |snapshot: &Snapshot| mappings(snapshot).len() == all;
    edge.control().until("all are live", whole).await;
    let paths: Vec<_> = malformed()
        .iter()
        .map(|(name, ..)| format!("/{name}/"))
        .collect();
    let paths: Vec<_> = paths.iter().map(|path| &**path).collect();
    let load = Load::start(edge.gateway().address(), &paths, (4, 400));
    for (name, broken, word) in malformed() {
        put(&api, &upstream, name, &broken);
        let told = edge
            .control()
            .until(name, tells_of(&format!("Mapping default/{name}")))
            .await;
        let line = diagnostics(&told);
        let line = line
            .iter()
            .find(|one| one.contains(&format!("Mapping default/{name}")));
        assert!(line.unwrap().contains(word), "{name}: {line:?}");
        assert_eq!(mappings(&told).len(), all, "after {name}");
    }
    let counted = |state: &str| {
        let page = edge.control().metrics();
        let series = format!("nuncio_config_objects{{state=\"{state}\"}} ");
        let line = page
            .lines()
            .find_map(|line| line.strip_prefix(&*series).map(str::to_owned));
        line.unwrap_or_else(|| panic!("no {series} in {page}"))
    };
    let kept = malformed().len().to_string();
    eventually("each is counted", || counted("kept") == kept).await;
    put(&api, &upstream, "last", &json!({}));
    edge.control().until("one more", has("last")).await;
    load.end().await.none_failed();
}

#[tokio::test]
async fn all_that_is_broken_at_once_harms_nobody_else() {
    let (api, upstream) = scene().await;
    for (name, broken, _) in malformed() {
        put(&api, &upstream, name, &broken);
    }
    let odd = [
        ("unknown", json!({"no_such_key": {"at": ["all"]}})),
        (
            "nulls",
            json!({"headers": null, "query_parameters": null, "labels": null}),
        ),
        ("reference", json!({"tls": "nobody"})),
    ];
    for (name, more) in &odd {
        put(&api, &upstream, name, more);
    }
    let text = "x".repeat(1 << 20);
    api.put_service(
        "default",
        "huge",
        &format!("---\n# {text}\nkind: Mapping\n"),
    );
    let cycle = "---\napiVersion: ambassador/v1\nkind: Mapping\nname: c\nheaders: &h {x: *h}\n";
    api.put_service("default", "cycle", cycle);
    for object in [
        "7",
        "null",
        "[]",
        r#"{"spec": null}"#,
        r#"{"metadata": {"name": []}}"#,
    ] {
        let name = format!("raw{}", object.len());
        api.put_raw(Resource::Mappings, "default", &name, object);
    }
    put(&api, &upstream, "good", &json!({}));
    let edge = Edge::of(&api);
    let live = edge.control().until("the good one", has("good")).await;
    for (name, ..) in malformed() {
        assert!(
            tells_of(&format!("Mapping default/{name}"))(&live),
            "{name}"
        );
    }
    for service in ["huge", "cycle"] {
        assert!(
            tells_of(&format!("Service default/{service}"))(&live),
            "{service}"
        );
    }
    let names: BTreeSet<&str> = mappings(&live).into_iter().collect();
    assert_eq!(names, ["good", "nulls", "reference", "unknown"].into());
    edge.until_status("/good/", 200).await;
    // The watch goes on behind what cannot be read.
    api.inject(
        Resource::Mappings,
        r#"{"type":"ADDED","object":{"spec":"half"#,
    );
    put(&api, &upstream, "later", &json!({}));
    edge.control().until("one more", has("later")).await;
}

/// Whether two snapshots mean the same, whichever came after how many others.
fn alike(one: &Snapshot, other: &Snapshot) -> bool {
    let of = |snapshot: &Snapshot| Snapshot {
        generation: 0,
        ..snapshot.clone()
    };
    of(one) == of(other)
}

#[tokio::test]
async fn what_is_at_odds_is_decided_alike_whatever_came_first() {
    let (api, upstream) = scene().await;
    let (other, weights) = (
        Upstream::ok("other").await,
        [json!({"weight": 80}), json!({"weight": 70})],
    );
    let same = json!({"hostname": "a.example", "prefix": "/same/"});
    let place = |namespace: &str, upstream: &Upstream| {
        let at = |name: &str, more: &Value| {
            let object = spec(name, upstream, more);
            api.put(Resource::Mappings, namespace, name, object);
        };
        at("same", &same);
        at("heavy", &weights[usize::from(namespace == "two")]);
        let host = json!({"spec": {"hostname": "a.example"}});
        api.put(Resource::Hosts, namespace, "host", host);
    };
    place("two", &other);
    let first = Edge::of(&api);
    first.control().until("the first two", has("same")).await;
    place("one", &upstream);
    // Of the Hosts the last, too: it is another watch that tells of them.
    let all = |snapshot: &Snapshot| {
        let told = diagnostics(snapshot);
        let at_odds = ["add up to 150", "is answered for by"];
        let is_told = |what: &str| told.iter().any(|one| one.contains(what));
        mappings(snapshot).len() == 4 && at_odds.into_iter().all(is_told)
    };
    let by_change = first.control().until("all that is at odds", all).await;
    let second = Edge::of(&api);
    let at_once = second.control().until("all that is at odds", all).await;
    assert!(alike(&by_change, &at_once));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_storm_of_changes_ends_with_the_last_soon_after() {
    storm(Duration::from_secs(3), Duration::from_secs(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes half a minute, and a machine for itself"]
async fn half_a_minute_of_changes_ends_with_the_last_soon_after() {
    storm(Duration::from_secs(30), Duration::from_secs(2)).await;
}

/// Two hundred changes a second among a thousand Mappings, of which the last is to be live so soon.
async fn storm(lasts: Duration, soon: Duration) {
    let (api, upstream) = scene().await;
    for number in 0..1_000 {
        put(&api, &upstream, &format!("m{number}"), &json!({}));
    }
    let edge = Edge::of(&api);
    let all = |snapshot: &Snapshot| mappings(snapshot).len() == 1_000;
    edge.control().until("all routes", all).await;
    let load = Load::start(edge.gateway().address(), &["/m0/", "/m1/"], (4, 500));
    let (generation, cpu, begun) = (
        edge.control().generation(),
        processor_time(),
        Instant::now(),
    );
    let mut ticks = interval(Duration::from_millis(5));
    let mut changes = 0;
    while begun.elapsed() < lasts {
        ticks.tick().await;
        changes += 1;
        let name = format!("m{}", 2 + changes % 500);
        put(
            &api,
            &upstream,
            &name,
            &json!({"timeout_ms": 3_000 + changes}),
        );
    }
    put(&api, &upstream, "last", &json!({}));
    edge.control().within(soon, "the last", has("last")).await;
    let (took, cpu) = (begun.elapsed(), processor_time() - cpu);
    let swaps = edge.control().generation() - generation;
    let seen = load.end().await;
    println!(
        "{changes} changes in {took:?}: {swaps} snapshots, {cpu:?} of processor time with the \
         server's, clients' and upstream's; {}",
        seen.brief()
    );
    seen.none_failed();
}

/// Processor time of this process, by proc(5), in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let ticks = fields.split_ascii_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn huge_objects_are_taken_or_refused_and_stop_nobody() {
    let (api, upstream) = scene().await;
    put(&api, &upstream, "good", &json!({}));
    let edge = Edge::of(&api);
    edge.until_status("/good/", 200).await;
    let load = Load::start(edge.gateway().address(), &["/good/"], (4, 500));
    load.go_on(200).await;
    // As large as etcd takes: one that is nearly all value, one that is all keys.
    let blob = "x".repeat(1_400_000);
    put(
        &api,
        &upstream,
        "value",
        &json!({"add_request_headers": {"x-blob": blob}}),
    );
    let keys: serde_json::Map<_, _> = (0..60_000)
        .map(|number| (format!("x-{number}"), json!("a value")))
        .collect();
    put(
        &api,
        &upstream,
        "keys",
        &json!({"add_request_headers": keys}),
    );
    let documents: String = (0..12_000)
        .map(|number| {
            format!("---\napiVersion: ambassador/v1\nkind: Mapping\nname: d{number}\nprefix: /d{number}/\nservice: a\n")
        })
        .collect();
    let files = json!({"data": {"all.yaml": documents}});
    api.put(Resource::ConfigMaps, "default", "ambassador-config", files);
    let hosts: Vec<_> = (0..5_000)
        .map(|number| format!("h{number}.example"))
        .collect();
    let context = json!({"spec": {"hosts": hosts, "secret": "none"}});
    api.put(Resource::TlsContexts, "default", "hosts", context);
    let rules: Vec<_> = (0..5_000).map(|number| rule(number, &upstream)).collect();
    let class = json!({"kubernetes.io/ingress.class": "ambassador"});
    let ingress = json!({"metadata": {"annotations": class}, "spec": {"rules": rules}});
    api.put(Resource::Ingresses, "default", "rules", ingress);
    put(&api, &upstream, "behind", &json!({}));
    let limit = Duration::from_secs(30);
    edge.control()
        .within(limit, "what comes behind them", has("behind"))
        .await;
    load.go_on(500).await;
    let last = edge.control().last().unwrap();
    let live = mappings(&last).len();
    let seen = load.end().await;
    println!("{live} Mappings live; {}", seen.brief());
    seen.none_failed();
    for name in ["value", "keys"] {
        let told = tells_of(&format!("Mapping default/{name}"))(&last);
        assert!(
            told || has(name)(&last),
            "{name} is neither live nor told of"
        );
    }
    sleep(Duration::ZERO).await;
}

fn rule(number: usize, upstream: &Upstream) -> Value {
    let port = json!({"number": upstream.address().port()});
    let backend = json!({"service": {"name": "backend", "port": port}});
    let path = json!({"path": "/", "pathType": "Prefix", "backend": backend});
    json!({"host": format!("r{number}.example"), "http": {"paths": [path]}})
}

/// Of two gateways each had the objects in another order, and one of them only the end of it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_gateways_that_began_apart_route_alike() {
    let (api, one) = scene().await;
    let all = [one, Upstream::ok("two").await, Upstream::ok("three").await];
    let prefixes = ["/", "/a/", "/a/b/", "/a/b", "/c", "/long/er/", "/long/"];
    let hosts = ["*", "a.example", "*.example", "b.a.example"];
    let place = |turn: usize| {
        for (number, prefix) in prefixes.iter().enumerate() {
            for (of, host) in hosts.iter().enumerate() {
                let name = format!("m{number}-{of}");
                let mut more = json!({"prefix": prefix, "hostname": host});
                match (number + of + turn) % 4 {
                    0 => more["method"] = json!("GET"),
                    1 => more["headers"] = json!({"x-canary": "yes"}),
                    2 => more["precedence"] = json!(number),
                    _ => {}
                }
                put(&api, &all[(number + of + turn) % 3], &name, &more);
            }
        }
    };
    place(1);
    let first = Edge::of(&api);
    first.control().until("the first state", has("m0-0")).await;
    place(2);
    api.remove(Resource::Mappings, "default", "m3-1");
    place(0);
    api.remove(Resource::Mappings, "default", "m2-2");
    put(&api, &all[0], "last", &json!({}));
    let second = Edge::of(&api);
    for edge in [&first, &second] {
        edge.control().until("the last state", has("last")).await;
    }
    let state = |edge: &Edge| edge.control().last().unwrap();
    assert!(alike(&state(&first), &state(&second)));
    let mut clients = [
        Client::connect(first.gateway().address()).await,
        Client::connect(second.gateway().address()).await,
    ];
    for sample in 0..5_000 {
        let path = format!(
            "{}{}",
            prefixes[sample % 7],
            ["", "x", "b/c"][sample / 7 % 3]
        );
        let host = ["a.example", "b.a.example", "c.test", "x.example:80"][sample / 21 % 4];
        let canary = ["", "x-canary: yes\r\n"][sample / 84 % 2];
        let request = format!("GET {path} HTTP/1.1\r\nhost: {host}\r\n{canary}\r\n");
        let mut answers = Vec::new();
        for client in &mut clients {
            client.send_bytes(request.as_bytes()).await;
            let answer = client.response().await;
            answers.push((answer.status, answer.body));
        }
        assert_eq!(answers[0], answers[1], "{request}");
    }
}
