//! Input made to hurt: nothing panics, every document is accounted for, and what is written can be read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::sync::Arc;

use nuncio_config::{Identity, pieces};
use nuncio_migrate::{Dialect, GatewayOptions, Source, Survey, Target};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq};
use proptest::proptest;

/// Reads a text and writes it in both forms; gives what was written.
fn through(text: &str) -> Result<Vec<String>, String> {
    let source = Source {
        name: Arc::from("a.yaml"),
        text: text.to_owned(),
        has_lines: true,
    };
    let mut written = Vec::new();
    for target in [Target::Crds, Target::GatewayApi] {
        let sources = std::slice::from_ref(&source);
        let mut survey = Survey::of(sources, &Identity::default(), Dialect::IngressNginx);
        let objects = survey.write(target, &GatewayOptions::default());
        written.extend(objects.iter().map(nuncio_migrate::Object::text));
        let report = survey.report();
        let counted = report.summary.works
            + report.summary.differs
            + report.summary.ignored
            + report.summary.refused
            + report.summary.not_ours;
        if counted != report.documents.len() {
            return Err(format!("{counted} of {}", report.documents.len()));
        }
        if report
            .to_string()
            .contains(|c: char| c.is_control() && c != '\n')
        {
            return Err("control characters in the report".to_owned());
        }
    }
    Ok(written)
}

/// A scalar as people and others write them.
fn scalar() -> impl Strategy<Value = String> {
    let known = [
        "true",
        "yes",
        "7",
        "-1",
        "1.5",
        "~",
        "''",
        "/a/",
        "/a(/|$)(.*)",
        "/$1",
        "$host",
        "*",
        "*.a.example",
        "a.example",
        "https://a.b:99999",
        "http://",
        "a:b:c",
        "\"\\u0007\"",
        "ambassador/v0",
        "Exact",
        "Prefix",
        "always",
        "[::1]:80",
        "https://x.y/$request_uri",
        "9223372036854775808",
    ];
    proptest::prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        "[a-z{}\\[\\]:#|\"'%&* $/\\\\-]{0,12}".prop_map(|text| format!("{text:?}")),
    ]
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(3, 24, 4, |inner| {
        let keys = [
            "name",
            "value",
            "append",
            "origins",
            "matchLabels",
            "time",
            "a",
            ":authority",
            ":method",
            "policy",
            "cookie",
            "service",
            "port",
            "number",
            "paths",
            "http",
            "host",
            "path",
            "pathType",
            "backend",
        ];
        let map =
            prop::collection::btree_map(prop::sample::select(keys.to_vec()), inner.clone(), 0..4);
        proptest::prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(", "))),
            map.prop_map(|map| {
                let pairs: Vec<String> = map
                    .iter()
                    .map(|(key, value)| format!("\"{key}\": {value}"))
                    .collect();
                format!("{{{}}}", pairs.join(", "))
            }),
        ]
    })
}

/// A document of Ambassador's with any values under its keys.
fn document() -> impl Strategy<Value = String> {
    let kinds = [
        "Mapping",
        "Host",
        "TLSContext",
        "Module",
        "TCPMapping",
        "AuthService",
        "Listener",
        "CircuitBreaker",
    ];
    let keys = [
        "prefix",
        "service",
        "host",
        "hostname",
        "host_regex",
        "headers",
        "regex_headers",
        "tls",
        "cors",
        "labels",
        "rate_limits",
        "add_request_headers",
        "allow_upgrade",
        "keepalive",
        "host_redirect",
        "weight",
        "shadow",
        "namespace",
        "metadata_labels",
        "ambassador_id",
        "config",
        "rewrite",
        "regex_rewrite",
        "load_balancer",
        "tlsSecret",
        "port",
        "method",
        "circuit_breaker",
        "timeout_ms",
        "query_parameters",
        "v2BoolHeaders",
        "hosts",
        "secret",
        "metadata",
        "spec",
    ];
    let body = prop::collection::btree_map(prop::sample::select(keys.to_vec()), value(), 0..8);
    (prop::sample::select(kinds.to_vec()), scalar(), body).prop_map(|(kind, name, body)| {
        let body: String = body
            .iter()
            .map(|(key, value)| format!("\n{key}: {value}"))
            .collect();
        format!("apiVersion: ambassador/v1\nkind: {kind}\nname: {name}{body}\n")
    })
}

/// An Ingress of nginx with any values.
fn ingress() -> impl Strategy<Value = String> {
    let names: Vec<&str> = nuncio_migrate::ANNOTATIONS
        .iter()
        .map(|it| it.name)
        .collect();
    let annotations = prop::collection::btree_map(prop::sample::select(names), scalar(), 0..8);
    (annotations, value(), value(), scalar(), scalar()).prop_map(
        |(annotations, tls, backend, host, path)| {
            let annotations: Vec<String> = annotations
                .iter()
                .map(|(key, value)| format!("nginx.ingress.kubernetes.io/{key}: {value}"))
                .collect();
            let service = "{service: {name: a, port: {number: 80}}}";
            format!(
                "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{name: a, annotations: {{{}}}}}\nspec:\n  \
                 defaultBackend: {backend}\n  tls: [{tls}]\n  rules: [{{host: {host}, http: {{paths: [{{path: {path}, \
                 backend: {service}}}]}}}}]\n",
                annotations.join(", ")
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_accounted_for(text in any::<String>()) {
        prop_assert!(through(&text).is_ok());
    }

    #[test]
    fn any_document_is_accounted_for(documents in prop::collection::vec(document(), 1..4)) {
        let written = through(&documents.join("---\n"));
        for text in written.unwrap_or_else(|why| panic!("{why}")) {
            let read = pieces(&text);
            prop_assert_eq!(read.len(), 1);
            prop_assert!(read[0].tree.is_ok(), "{text}");
        }
    }

    #[test]
    fn any_ingress_is_accounted_for(ingress in ingress()) {
        let written = through(&ingress);
        for text in written.unwrap_or_else(|why| panic!("{why}")) {
            prop_assert!(pieces(&text)[0].tree.is_ok(), "{text}");
        }
    }
}

#[test]
fn what_is_deep_or_explodes_is_refused() {
    for text in [
        "{a: ".repeat(10_000),
        "a: &a [x, x]\nb: &b [*a, *a]\n".to_owned() + &"c: [*b, *b]\n".repeat(2),
        "---\n".repeat(10_000),
        "\u{ffff}".to_owned(),
        "apiVersion: v1\nkind: List\nitems: [{kind: List, items: []}, 7, ~]\n".to_owned(),
    ] {
        assert!(through(&text).is_ok());
    }
}
