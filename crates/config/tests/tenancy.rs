//! The ways in which what is written in one namespace could act beyond it: each is told of where
//! annotations are compatible, as far as it is said to be, and denied where they are hardened.
//!
//! `docs/tenancy.md` is the matrix of them.
#![allow(clippy::indexing_slicing, reason = "helpers of tests fail as tests do")]
#![allow(
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::sync::Arc;

use nuncio_config::{
    Diagnostic, Form, Identity, Kind, ObjectRef, Origin, Parsed, Severity, Trust, parse,
};

/// A gateway in `ambassador`.
fn identity(annotations: Trust) -> Identity {
    Identity {
        namespace: "ambassador".into(),
        annotations,
        ..Identity::default()
    }
}

fn object(kind: &str, namespace: &str) -> Origin {
    Origin::api(Arc::new(ObjectRef {
        kind: kind.into(),
        namespace: namespace.into(),
        name: "web".into(),
    }))
}

/// A document in the annotation of a Service of `shop`.
fn annotation(text: &str, trust: Trust) -> Parsed {
    let origin = object("Service", "shop");
    parse(Form::Documents, text, &origin, &identity(trust))
}

fn mapping(lines: &str) -> String {
    let service = if lines.contains("service:") {
        ""
    } else {
        "service: web\n"
    };
    format!(
        "apiVersion: getambassador.io/v3alpha1\nkind: Mapping\nname: a\nprefix: /a/\n{service}{lines}\n"
    )
}

fn only(parsed: &Parsed) -> &Diagnostic {
    assert_eq!(parsed.diagnostics.len(), 1, "{:?}", parsed.diagnostics);
    &parsed.diagnostics[0]
}

/// Live without a word when compatible, an error with these words when hardened.
fn denied(text: &str, words: &str) {
    let compatible = annotation(text, Trust::Compatible);
    assert_eq!(compatible.diagnostics, [], "{text}");
    assert_eq!(compatible.resources.len(), 1, "{text}");
    refused(&annotation(text, Trust::Hardened), words);
}

/// Live with a warning when compatible, an error with these words when hardened.
fn told_of_and_denied(text: &str, words: &str) {
    let compatible = annotation(text, Trust::Compatible);
    let warning = only(&compatible);
    assert_eq!(warning.severity, Severity::Warning, "{warning}");
    assert_eq!(compatible.resources.len(), 1, "{text}");
    refused(&annotation(text, Trust::Hardened), words);
}

fn refused(parsed: &Parsed, words: &str) {
    assert_eq!(parsed.resources, []);
    let error = only(parsed);
    assert_eq!(error.severity, Severity::Error, "{error}");
    assert!(error.reason.contains(words), "{error}");
    assert!(
        error
            .reason
            .ends_with("refused, as annotations are hardened"),
        "{error}"
    );
}

#[test]
fn a_document_that_names_another_namespace() {
    told_of_and_denied(
        &mapping("namespace: back"),
        "`namespace`: `back` is not its object's own `shop`",
    );
    let text = "apiVersion: getambassador.io/v2\nkind: Mapping\nmetadata: {name: a, namespace: \
                ambassador}\nspec: {prefix: /, service: web}\n";
    told_of_and_denied(
        text,
        "`namespace`: `ambassador` is not its object's own `shop`",
    );
}

#[test]
fn a_document_of_the_gateways_own_namespace_that_names_another() {
    let text = mapping("namespace: shop");
    let read = |trust| {
        parse(
            Form::Documents,
            &text,
            &object("Service", "ambassador"),
            &identity(trust),
        )
    };
    assert_eq!(only(&read(Trust::Compatible)).severity, Severity::Warning);
    refused(
        &read(Trust::Hardened),
        "`shop` is not its object's own `ambassador`",
    );
}

#[test]
fn a_module_or_a_resolver_outside_of_the_gateways_namespace() {
    for (kind, name) in [
        ("Module", "ambassador"),
        ("KubernetesServiceResolver", "kubernetes-service"),
        ("KubernetesEndpointResolver", "endpoint"),
    ] {
        let text = format!("apiVersion: getambassador.io/v2\nkind: {kind}\nname: {name}\n");
        let words = format!(
            "kind {kind} holds for the whole gateway and counts only from its \
                             namespace `ambassador`"
        );
        told_of_and_denied(&text, &words);
    }
}

#[test]
fn a_tracing_service_outside_of_the_gateways_namespace() {
    let text = "apiVersion: getambassador.io/v2\nkind: TracingService\nname: a\n\
                service: zipkin\ndriver: zipkin\n";
    told_of_and_denied(text, "kind TracingService holds for the whole gateway");
}

#[test]
fn a_port_that_is_claimed_or_tls_of_the_whole_gateway() {
    for (kind, name, spec) in [
        (
            "Listener",
            "a",
            "{port: 8443, protocol: HTTPS, securityModel: XFP, hostBinding: {namespace: {from: ALL}}}",
        ),
        ("TCPMapping", "a", "{port: 6379, service: redis}"),
        ("Module", "tls", "{config: {server: {secret: edge}}}"),
    ] {
        let text = format!(
            "apiVersion: getambassador.io/v3alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: \
             {spec}\n"
        );
        told_of_and_denied(&text, &format!("kind {kind} holds for the whole gateway"));
    }
}

/// A TLSContext, or a Host.
fn of_tls(kind: &str, lines: &str) -> String {
    format!("apiVersion: getambassador.io/v3alpha1\nkind: {kind}\nname: a\n{lines}\n")
}

#[test]
fn a_secret_of_another_namespace() {
    for lines in [
        "secret: edge.back",
        "secret: edge.shop.back",
        "secret: edge\nca_secret: clients.ambassador\nsecret_namespacing: true",
        "secret: edge\ncrl_secret: revoked.back",
    ] {
        denied(&of_tls("TLSContext", lines), "a Secret of namespace");
    }
    for lines in [
        "tlsSecret: {name: edge, namespace: back}",
        "tlsSecret: {name: edge}\ntls: {ca_secret: clients.back}",
        "tlsSecret: {name: edge}\ntls: {crlSecret: revoked.back}",
    ] {
        denied(&of_tls("Host", lines), "a Secret of namespace `back`");
    }
}

#[test]
fn a_file_of_the_gateways_as_a_certificate() {
    let key = "/var/run/secrets/kubernetes.io/serviceaccount/token";
    for (kind, lines) in [
        (
            "TLSContext",
            format!("secret: edge\ncacert_chain_file: {key}"),
        ),
        ("TLSContext", format!("secret: edge\ncrl_file: {key}")),
        (
            "Host",
            format!("tlsSecret: {{name: edge}}\ntls: {{cacertChainFile: {key}}}"),
        ),
    ] {
        denied(&of_tls(kind, &lines), "is a file of the gateway's");
    }
}

#[test]
fn certificates_of_its_own_namespace_are_a_tenants_affair() {
    for (kind, lines) in [
        ("TLSContext", "hosts: [shop.example]\nsecret: edge"),
        ("TLSContext", "secret: edge.shop\nca_secret: clients.shop"),
        ("TLSContext", "secret: edge.back\nsecret_namespacing: false"),
        (
            "Host",
            "hostname: shop.example\ntlsSecret: {name: edge.back}",
        ),
        (
            "Host",
            "hostname: shop.example\ntlsSecret: {name: edge, namespace: shop}",
        ),
    ] {
        for trust in [Trust::Compatible, Trust::Hardened] {
            let parsed = annotation(&of_tls(kind, lines), trust);
            assert_eq!(parsed.diagnostics, [], "{lines}");
            assert_eq!(parsed.resources.len(), 1, "{lines}");
        }
    }
}

#[test]
fn kinds_that_are_yet_to_come_and_will_hold_for_the_whole_gateway() {
    for kind in [
        "AuthService",
        "ConsulResolver",
        "DevPortal",
        "Features",
        "LogService",
        "RateLimitService",
    ] {
        let text = format!("apiVersion: getambassador.io/v2\nkind: {kind}\nname: a\n");
        let compatible = annotation(&text, Trust::Compatible);
        assert_eq!(compatible.resources, []);
        assert_eq!(only(&compatible).severity, Severity::Warning);
        refused(
            &annotation(&text, Trust::Hardened),
            "holds for the whole gateway",
        );
    }
}

#[test]
fn the_gateway_itself_as_a_service() {
    for service in [
        "127.0.0.1:8877",
        "localhost:8877",
        "LocalHost",
        "\"[::1]:8001\"",
        "0.0.0.0:9102",
        "\"[::ffff:127.0.0.1]:8877\"",
        "https://127.0.0.1.",
        "\"%6cocalhost\"",
    ] {
        denied(
            &mapping(&format!("service: {service}")),
            "is the gateway itself",
        );
    }
}

#[test]
fn link_local_and_other_addresses_as_a_service() {
    denied(&mapping("service: 169.254.169.254"), "is link-local");
    for service in ["10.0.0.1", "\"[fd00::1]\"", "8.8.8.8", "127.1"] {
        denied(
            &mapping(&format!("service: {service}")),
            "says nothing of its namespace",
        );
    }
}

#[test]
fn a_service_of_another_namespace() {
    for service in [
        "db.back",
        "https://db.back:8443",
        "db.back.svc",
        "db.back.svc.cluster.local",
        "db.back.svc.cluster.local.",
        "db-0.db.back",
        "ambassador-admin.ambassador:8877",
    ] {
        denied(
            &mapping(&format!("service: {service}")),
            "reaches into namespace",
        );
    }
}

#[test]
fn a_copy_of_requests_to_another_namespace() {
    denied(
        &mapping("service: log.back\nshadow: true"),
        "reaches into namespace `back`",
    );
}

#[test]
fn a_file_of_the_gateways_as_an_error_page() {
    let text = mapping(
        "error_response_overrides:\n- on_status_code: 404\n  body: {text_format_source: {filename: \
         /var/run/secrets/kubernetes.io/serviceaccount/token}}",
    );
    denied(&text, "is a file of the gateway's");
}

#[test]
fn custom_resources_are_held_to_the_same() {
    for (kind, spec) in [
        ("Mapping", "{prefix: /a/, service: db.back}"),
        ("Module", "{config: {server_name: mine}}"),
        ("KubernetesEndpointResolver", "{}"),
        ("Host", "{tlsSecret: {name: edge, namespace: back}}"),
        ("TLSContext", "{secret: edge.back}"),
        ("TCPMapping", "{port: 6379, service: redis}"),
    ] {
        let name = if kind == "Module" {
            "ambassador"
        } else {
            "web"
        };
        // What it says of its namespace is not asked: it is where it is.
        let text = format!(
            "apiVersion: getambassador.io/v2\nkind: {kind}\nmetadata: {{name: {name}, namespace: \
             ambassador}}\nspec: {spec}\n"
        );
        let read = |trust| {
            parse(
                Form::CustomResource,
                &text,
                &object(kind, "shop"),
                &identity(trust),
            )
        };
        let compatible = read(Trust::Compatible);
        assert_eq!(
            (compatible.resources.len(), &*compatible.diagnostics),
            (1, &[][..])
        );
        assert_eq!(&*compatible.resources[0].namespace, "shop");
        refused(&read(Trust::Hardened), "");
    }
}

#[test]
fn documents_of_an_ingress_are_held_to_the_same() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: web\n  \
                annotations:\n    getambassador.io/config: '{apiVersion: ambassador/v1, kind: \
                Mapping, name: a, namespace: back, prefix: /a/, service: web}'\nspec:\n  \
                defaultBackend: {service: {name: web, port: {number: 80}}}\n";
    let read = |trust| {
        parse(
            Form::Ingress,
            text,
            &object("Ingress", "shop"),
            &identity(trust),
        )
    };
    assert_eq!(only(&read(Trust::Compatible)).severity, Severity::Warning);
    let hardened = read(Trust::Hardened);
    assert_eq!(only(&hardened).severity, Severity::Error);
    let names: Vec<_> = hardened.resources.iter().map(ToString::to_string).collect();
    assert_eq!(names, ["Mapping web-default-backend"]);
}

#[test]
fn what_stays_within_its_namespace_is_live_without_a_word() {
    for lines in [
        "service: web",
        "service: web.shop:8080",
        "service: https://web.shop.svc.cluster.local",
        "service: api.example.com.",
        "namespace: shop",
        "service: other.example\nhost_redirect: true",
        "resolver: endpoint",
        "host: a.example\nprecedence: 10",
    ] {
        for trust in [Trust::Compatible, Trust::Hardened] {
            let parsed = annotation(&mapping(lines), trust);
            assert_eq!(parsed.diagnostics, [], "{lines}");
            assert_eq!(parsed.resources.len(), 1, "{lines}");
        }
    }
}

#[test]
fn who_runs_the_gateway_is_not_held_to_it() {
    let text = format!(
        "{}---\napiVersion: ambassador/v1\nkind: Module\nname: ambassador\n",
        mapping("service: 127.0.0.1:8877")
    );
    let services = object("Service", "ambassador");
    let read = |form, origin| parse(form, &text, origin, &identity(Trust::Hardened));
    let file = Origin {
        object: Arc::new(ObjectRef {
            kind: "File".into(),
            namespace: "".into(),
            name: "a.yaml".into(),
        }),
        ..services.clone()
    };
    for parsed in [
        read(Form::Documents, &services),
        read(Form::Configuration, &file),
    ] {
        assert_eq!(parsed.diagnostics, []);
        assert_eq!(parsed.resources.len(), 2);
        let homes = parsed.resources.iter().map(|found| &*found.namespace);
        assert!(homes.into_iter().all(|namespace| namespace == "ambassador"));
    }
    // Its own files may name namespaces: they have none themselves.
    let text = mapping("namespace: shop\nservice: db.back");
    let parsed = parse(
        Form::Configuration,
        &text,
        &file,
        &identity(Trust::Hardened),
    );
    assert_eq!(parsed.diagnostics, []);
    assert!(matches!(&parsed.resources[0].kind, Kind::Mapping(_)));
}
