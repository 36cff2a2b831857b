use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use serde_json::Value;

use super::*;
use crate::Latch;

fn published(annotation: &str) -> Published {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: "httpbin".into(),
    };
    let identity = Identity::default();
    let parsed = parse_annotation(annotation, &Origin::api(Arc::new(object)), &identity);
    let snapshot = nuncio_routing::compile(&parsed.resources, parsed.diagnostics, &identity, 7);
    Published {
        snapshot: Arc::new(snapshot),
        at: at(60),
        standing: crate::Standing::default(),
    }
}

fn facts() -> Facts {
    Facts {
        version: "0.1.0".into(),
        commit: "abc1234".into(),
        hostname: "ambassador-0".into(),
        cluster_id: "".into(),
        started: at(0),
        identity: Identity::default(),
        single_namespace: false,
        statsd_enabled: true,
    }
}

fn telemetry() -> Arc<Telemetry> {
    Telemetry::new(nuncio_telemetry::BuildInfo::default())
}

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000 + seconds)
}

fn json(published: Option<&Published>) -> Value {
    let facts = facts();
    let mut page = Vec::new();
    let sources = (&Readiness::new(), &*telemetry());
    Overview::of(&facts, sources, published, at(150)).write_json(&mut page);
    serde_json::from_slice(&page).unwrap()
}

fn html(published: &Published) -> String {
    let facts = facts();
    let mut page = Vec::new();
    let sources = (&Readiness::new(), &*telemetry());
    Overview::of(&facts, sources, Some(published), at(150)).write_html(&mut page);
    String::from_utf8(page).unwrap()
}

#[test]
fn the_page_as_json() {
    let readiness = Readiness::new();
    for latch in [
        Latch::Sources,
        Latch::Snapshot,
        Latch::Credentials,
        Latch::Listeners,
    ] {
        readiness.set(latch);
    }
    let (facts, published) = (facts(), published(ANNOTATION));
    let page = Overview::of(
        &facts,
        (&readiness, &telemetry()),
        Some(&published),
        at(150),
    );
    insta::assert_snapshot!(serde_json::to_string_pretty(&page).unwrap());
}

#[test]
fn before_the_first_snapshot_there_are_empty_lists() {
    let page = json(None);
    assert_eq!(page["generation"], Value::Null);
    assert_eq!(page["route_info"], Value::Array(vec![]));
    assert_eq!(page["envoy_status"]["ready"], false);
    assert_eq!(page["envoy_status"]["since_update"], "Never updated");
    let waiting = serde_json::json!(["sources", "snapshot", "credentials", "listeners"]);
    assert_eq!(page["envoy_status"]["waiting_for"], waiting);
}

#[test]
fn members_of_a_group_share_one_entry() {
    let page = json(Some(&published(CANARY)));
    let routes = page["route_info"].as_array().unwrap();
    let group = routes
        .iter()
        .find(|route| route["prefix"] == "/canary/")
        .unwrap();
    let weights: Vec<_> = group["clusters"]
        .as_object()
        .unwrap()
        .values()
        .map(|cluster| {
            (
                cluster["service"].as_str().unwrap(),
                cluster["weight"].as_u64().unwrap(),
            )
        })
        .collect();
    assert_eq!(weights, [("new:80", 10), ("old:80", 90)]);
    assert_eq!(page["ambassador_resources"]["Mapping"], 2);
}

#[test]
fn redirects_shadows_and_patterns_are_shown() {
    let published = published(REDIRECT_SHADOW_AND_PATTERN);
    let page = json(Some(&published));
    let routes = page["route_info"].as_array().unwrap();
    let route = |prefix: &str| {
        routes
            .iter()
            .find(|route| route["prefix"] == prefix)
            .unwrap()
    };
    assert_eq!(
        route("/old/")["redirect"],
        "308 to example.com, /new/ for the prefix"
    );
    assert_eq!(route("/old/")["clusters"], serde_json::json!({}));
    let shadow = serde_json::json!({"weight": 5, "service": "copy:80"});
    assert_eq!(
        route("/real/")["shadows"]["cluster_shadow_copy_default"],
        shadow
    );
    let pattern = route("/users/[0-9]+");
    assert_eq!(pattern["prefix_kind"], "regex");
    assert_eq!(pattern["rewrite"], "/users -> /u");
    assert_eq!(pattern["headers"][0]["regex"], true);
    assert_eq!(pattern["query_parameters"][0]["name"], "page");
    let page = html(&published);
    assert!(
        page.contains("308 to example.com, /new/ for the prefix"),
        "{page}"
    );
    assert!(
        page.contains("shadow cluster_shadow_copy_default 5% copy:80"),
        "{page}"
    );
    assert!(page.contains("/users/[0-9]+ (regex)"), "{page}");
}

#[test]
fn hostile_text_is_escaped_in_html() {
    let page = html(&published(HOSTILE));
    assert!(
        page.contains("&#60;script&#62;"),
        "the prefix is shown: {page}"
    );
    for hostile in ["<script", "<img", "\"><", "onerror=\""] {
        assert!(!page.contains(hostile), "{hostile} in {page}");
    }
}

const REDIRECT_SHADOW_AND_PATTERN: &str = "\
---
{apiVersion: ambassador/v1, kind: Mapping, name: away, prefix: /old/, service: example.com,
 host_redirect: true, prefix_redirect: /new/, redirect_response_code: 308}
---
{apiVersion: ambassador/v1, kind: Mapping, name: real, prefix: /real/, service: real}
---
{apiVersion: ambassador/v1, kind: Mapping, name: copy, prefix: /real/, service: copy, shadow: true,
 weight: 5}
---
{apiVersion: ambassador/v1, kind: Mapping, name: users, prefix: '/users/[0-9]+', prefix_regex: true,
 service: users, regex_rewrite: {pattern: /users, substitution: /u},
 regex_headers: {x-a: 'a+'}, query_parameters: {page: '1'}}
";

const ANNOTATION: &str = "\
---
apiVersion: ambassador/v0
kind: Mapping
name: httpbin_mapping
prefix: /httpbin/
service: httpbin.org:80
host_rewrite: httpbin.org
---
apiVersion: ambassador/v1
kind: Mapping
name: special
prefix: /special/
rewrite: \"\"
host: example.com
method: POST
headers:
  x-tenant: blue
  x-debug: true
precedence: 5
service: https://special
---
apiVersion: ambassador/v1
kind: Mapping
name: broken
prefix: no-slash
service: x
---
apiVersion: ambassador/v1
kind: Mapping
name: odd
prefix: /odd/
service: odd
not_a_key: 1
";

const CANARY: &str = "\
---
{apiVersion: ambassador/v1, kind: Mapping, name: old, prefix: /canary/, service: old}
---
{apiVersion: ambassador/v1, kind: Mapping, name: new, prefix: /canary/, service: new, weight: 10}
";

const HOSTILE: &str = r#"
---
apiVersion: ambassador/v1
kind: Mapping
name: evil
prefix: /<script>alert(1)</script>/
rewrite: /"><img/src=x/onerror="alert(2)">/
headers: {x-evil: '"><img src=x onerror="alert(3)">'}
service: evil
"<script>alert(4)</script>": true
---
apiVersion: ambassador/v1
kind: "<script>alert(5)</script>"
name: "\"><img src=x>"
"#;
