//! Fixtures and what becomes of them: the report, then what is written. The file's name is the behaviour.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::fs;
use std::path::Path;
use std::sync::Arc;

use nuncio_config::Identity;
use nuncio_migrate::{
    ANNOTATIONS, CHANGED_KEYS, Dialect, Fate, GatewayOptions, Report, Source, Survey, Target,
    UNSAID, Weight,
};

fn survey(name: &str, text: &str) -> Survey {
    let source = Source {
        name: Arc::from(name),
        text: text.to_owned(),
        has_lines: true,
    };
    Survey::of(&[source], &Identity::default(), Dialect::Detect)
}

/// The report, and what is written.
fn migrated(file: &Path, target: Target) -> String {
    let name = file.file_name().unwrap().to_str().unwrap();
    let mut survey = survey(name, &fs::read_to_string(file).unwrap());
    let written = survey.write(target, &GatewayOptions::default());
    let written = written.iter().map(|it| format!("---\n{}", it.text()));
    format!("{}{}", survey.report(), written.collect::<String>())
}

#[test]
fn ingresses_of_nginx_become_mappings() {
    insta::glob!("fixtures/nginx/*.yaml", |file| {
        insta::assert_snapshot!(migrated(file, Target::Crds));
    });
}

#[test]
fn documents_become_custom_resources() {
    insta::glob!("fixtures/crds/*.yaml", |file| {
        insta::assert_snapshot!(migrated(file, Target::Crds));
    });
}

#[test]
fn mappings_become_http_routes() {
    insta::glob!("fixtures/gateway_api/*.yaml", |file| {
        insta::assert_snapshot!(migrated(file, Target::GatewayApi));
    });
}

#[test]
fn the_report_for_programs_has_every_document_with_its_keys() {
    let report = with("    nginx.ingress.kubernetes.io/limit-rps: \"1\"");
    let report = serde_json::to_value(report).unwrap();
    assert_eq!(report["summary"]["documents"], 1);
    let document = &report["documents"][0];
    assert_eq!(document["verdict"], "differs");
    assert_eq!(document["object"], "Ingress default/a");
    assert_eq!(document["line"], 1);
    let remark = &document["remarks"][0];
    assert_eq!(remark["key"], "nginx.ingress.kubernetes.io/limit-rps");
    assert_eq!(remark["weight"], "lost");
}

/// The report of an Ingress with these annotations.
fn with(annotations: &str) -> Report {
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\n  annotations:\n    \
         kubernetes.io/ingress.class: nginx\n{annotations}\nspec:\n  rules:\n  - host: a.example\n    http: \
         {{paths: [{{path: /a, pathType: Prefix, backend: {{service: {{name: a, port: {{number: 80}}}}}}}}]}}\n"
    );
    survey("a.yaml", &text).report()
}

#[test]
fn every_annotation_that_has_no_counterpart_is_listed_by_its_key() {
    for annotation in ANNOTATIONS {
        let key = format!("nginx.ingress.kubernetes.io/{}", annotation.name);
        let report = with(&format!("    {key}: \"1\""));
        let remarks = report.documents[0].remarks.iter();
        let of_key: Vec<_> = remarks
            .filter(|it| it.key.as_deref() == Some(&*key))
            .collect();
        let expected = match annotation.fate {
            Fate::Works => continue,
            Fate::Differs => Weight::Differs,
            Fate::Cannot => Weight::Lost,
        };
        assert!(
            of_key
                .iter()
                .any(|it| it.weight == expected && it.line == 7),
            "{key}: {of_key:?}"
        );
    }
}

#[test]
fn every_annotation_that_works_changes_what_is_written() {
    let values = [
        ("rewrite-target", "/b"),
        ("use-regex", "true"),
        ("permanent-redirect-code", "308"),
        ("temporal-redirect-code", "307"),
        ("app-root", "/b"),
        ("from-to-www-redirect", "true"),
        ("server-alias", "b.example"),
        ("backend-protocol", "GRPC"),
        ("ssl-redirect", "false"),
        ("enable-cors", "true"),
        ("canary", "true"),
        ("upstream-hash-by", "$remote_addr"),
        ("upstream-vhost", "b.example"),
        ("x-forwarded-prefix", "/b"),
        ("proxy-next-upstream-tries", "5"),
        ("cors-allow-credentials", "false"),
    ];
    // What means something only beside another one.
    let beside = |name: &str| match name {
        "ssl-redirect" => "",
        _ if name.starts_with("cors-") => "enable-cors: \"true\"",
        _ if name.starts_with("canary-") => {
            "canary-by-header: \"x\"\n    nginx.ingress.kubernetes.io/canary: \"true\""
        }
        _ if name.starts_with("session-") => "affinity: cookie",
        "permanent-redirect-code" => "permanent-redirect: http://b.example/",
        "temporal-redirect-code" => "temporal-redirect: http://b.example/",
        _ => "",
    };
    let silent = ["service-upstream", "websocket-services"];
    for it in ANNOTATIONS.iter().filter(|it| it.fate == Fate::Works) {
        if silent.contains(&it.name) {
            continue;
        }
        let value = values.iter().find(|(name, _)| *name == it.name);
        let value = value.map_or("7", |(_, value)| value);
        let key = "nginx.ingress.kubernetes.io/";
        let other = match beside(it.name) {
            "" => String::new(),
            other => format!("    {key}{other}\n"),
        };
        let plain = written(&other);
        let said = written(&format!("{other}    {key}{}: \"{value}\"\n", it.name));
        assert_ne!(plain, said, "{}", it.name);
    }
}

fn written(annotations: &str) -> String {
    let text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\n  annotations:\n    \
         kubernetes.io/ingress.class: nginx\n{annotations}spec:\n  tls: [{{hosts: [a.example], secretName: \
         a}}]\n  rules:\n  - host: a.example\n    http: {{paths: [{{path: /a, pathType: Prefix, backend: \
         {{service: {{name: a, port: {{number: 80}}}}}}}}]}}\n"
    );
    let mut survey = survey("a.yaml", &text);
    let written = survey.write(Target::Crds, &GatewayOptions::default());
    written.iter().map(nuncio_migrate::Object::text).collect()
}

#[test]
fn the_page_has_the_tables_of_the_program() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/migrating.md");
    let page = fs::read_to_string(page).unwrap();
    let annotations = ANNOTATIONS.iter().map(|it| {
        let fate = match it.fate {
            Fate::Works => "works",
            Fate::Differs => "works, differs",
            Fate::Cannot => "cannot",
        };
        format!("| `{}` | {fate} | {} |", it.name, it.becomes)
    });
    let keys = CHANGED_KEYS
        .iter()
        .map(|(old, new)| format!("| {old} | {new} |"));
    let unsaid = UNSAID
        .iter()
        .map(|(key, why)| format!("| `{key}` | {why} |"));
    let rows: Vec<String> = annotations.chain(keys).chain(unsaid).collect();
    let missing: Vec<&String> = rows.iter().filter(|row| !page.contains(&**row)).collect();
    assert!(
        missing.is_empty(),
        "add to docs/migrating.md:\n{missing:#?}"
    );
    let tables = page
        .lines()
        .filter(|line| line.starts_with("| `") || line.starts_with("| no host"));
    assert_eq!(tables.count(), rows.len(), "a row of the page is nobody's");
}
