//! A resource says the same in every version of Emissary's, and as its webhook stores it: what the
//! webhook would convert is converted in process.

use std::sync::Arc;

use nuncio_config::{Form, Identity, Kind, ObjectRef, Origin, Resource, parse};

/// The spec as v1 and v2 have it, as v3alpha1 has it, and as the webhook stores the former.
struct Versions {
    what: &'static str,
    v2: &'static str,
    v3alpha1: &'static str,
    stored: &'static str,
}

/// With `prefix` and `service`, if they are not in it.
fn spec(written: &str) -> String {
    let mut spec = written.to_owned();
    for (key, value) in [("prefix", "/a/"), ("service", "a")] {
        if !written.contains(&format!("\"{key}\":")) {
            spec = format!("\"{key}\": \"{value}\", {spec}");
        }
    }
    format!("{{{}}}", spec.trim_end_matches([',', ' ']))
}

/// Reads an object as the API server delivers it, in the version it says.
fn read(version: &str, kind: &str, spec: &str) -> Vec<Resource> {
    let text = format!(
        "{{\"apiVersion\": \"{version}\", \"kind\": \"{kind}\", \"metadata\": {{\"name\": \"web\", \
         \"namespace\": \"shop\"}}, \"spec\": {spec}}}"
    );
    let object = Arc::new(ObjectRef {
        kind: kind.into(),
        namespace: "shop".into(),
        name: "web".into(),
    });
    let identity = Identity::default();
    parse(Form::CustomResource, &text, &Origin::api(object), &identity).resources
}

const VERSIONS: [&str; 4] = [
    "getambassador.io/v1",
    "getambassador.io/v2",
    "getambassador.io/v3alpha1",
    "x.getambassador.io/v3alpha1",
];

#[test]
fn every_version_of_a_resource_says_the_same() {
    for Versions {
        what,
        v2,
        v3alpha1,
        stored,
    } in CONVERSIONS
    {
        let first = read("getambassador.io/v2", "Mapping", &spec(v2));
        assert_eq!(first.len(), 1, "{what}: {v2} is live");
        // Objects may have been stored in one version's shape and be delivered as another's.
        for version in VERSIONS {
            for shape in [v2, v3alpha1, stored] {
                let read = read(version, "Mapping", &spec(shape));
                assert_eq!(read, first, "{what}: {shape} as {version}");
            }
        }
    }
}

#[test]
fn each_conversion_means_something() {
    let plain = read("getambassador.io/v2", "Mapping", &spec(""));
    for Versions { what, v2, .. } in CONVERSIONS {
        let says_nothing = ["ambassador_id", "no host", "health checks"].contains(what);
        let read = read("getambassador.io/v2", "Mapping", &spec(v2));
        assert_eq!(read == plain, says_nothing, "{what}");
    }
}

#[test]
fn what_has_no_spellings_of_its_own_is_the_same_in_every_version() {
    let config = "{\"ambassador_id\": [\"default\"], \"config\": {\"resolver\": \"endpoint\"}}";
    for (kind, spec) in [
        ("KubernetesServiceResolver", "{}"),
        (
            "KubernetesEndpointResolver",
            "{\"ambassador_id\": \"default\"}",
        ),
        (
            "TracingService",
            "{\"service\": \"zipkin:9411\", \"driver\": \"zipkin\", \"sampling\": {\"random\": 10}}",
        ),
        (
            "TLSContext",
            "{\"hosts\": [\"*\"], \"secret\": \"edge\", \"min_tls_version\": \"v1.2\"}",
        ),
        (
            "Host",
            "{\"ambassador_id\": [\"default\"], \"hostname\": \"*\", \"tlsSecret\": {\"name\": \"edge\"}}",
        ),
        ("TCPMapping", "{\"port\": 6379, \"service\": \"redis\"}"),
        (
            "Listener",
            "{\"port\": 8080, \"protocol\": \"HTTP\", \"securityModel\": \"XFP\", \"hostBinding\": \
             {\"namespace\": {\"from\": \"ALL\"}}}",
        ),
    ] {
        let all = VERSIONS.map(|version| read(version, kind, spec));
        assert_eq!(all[0].len(), 1, "{kind}");
        assert!(all.iter().all(|read| *read == all[0]), "{kind}: {all:?}");
    }
    let modules = VERSIONS.map(|version| {
        let text = format!(
            "apiVersion: {version}\nkind: Module\nmetadata: {{name: ambassador}}\nspec: {config}\n"
        );
        let object = Arc::new(ObjectRef {
            kind: "Module".into(),
            namespace: "shop".into(),
            name: "ambassador".into(),
        });
        let identity = Identity::default();
        parse(Form::CustomResource, &text, &Origin::api(object), &identity).resources
    });
    let Kind::Module(module) = &modules[0][0].kind else {
        panic!("{modules:?}")
    };
    assert_eq!(module.resolver.as_deref(), Some("endpoint"));
    assert!(
        modules.iter().all(|read| *read == modules[0]),
        "{modules:?}"
    );
}

#[test]
fn what_is_spelled_in_two_ways_says_the_same() {
    for (kind, older, newer) in [
        (
            "TLSContext",
            r#"{"secret": "edge", "v3CRLSecret": "revoked"}"#,
            r#"{"secret": "edge", "crl_secret": "revoked"}"#,
        ),
        (
            "Host",
            r#"{"ambassadorId": ["default"], "selector": {"matchLabels": {"a": "b"}}}"#,
            r#"{"ambassador_id": ["default"], "mappingSelector": {"matchLabels": {"a": "b"}}}"#,
        ),
        (
            "Host",
            r#"{"tls": {"v3CRLSecret": "revoked", "minTlsVersion": "v1.3"}}"#,
            r#"{"tls": {"crlSecret": "revoked", "min_tls_version": "v1.3"}}"#,
        ),
        (
            "TCPMapping",
            r#"{"port": 1, "service": "a", "tls": true, "v3StatsName": "mine", "idle_timeout_ms": "1"}"#,
            r#"{"port": 1, "service": "https://a", "stats_name": "mine", "idle_timeout_ms": 1}"#,
        ),
    ] {
        let all = VERSIONS.map(|version| [older, newer].map(|spec| read(version, kind, spec)));
        let all = all.as_flattened();
        assert_eq!(all[0].len(), 1, "{kind}: {older}");
        assert!(all.iter().all(|read| *read == all[0]), "{kind}: {all:?}");
    }
}

const CONVERSIONS: &[Versions] = &[
    Versions {
        what: "ambassador_id",
        v2: r#""ambassador_id": "default""#,
        v3alpha1: r#""ambassador_id": ["default"]"#,
        stored: r#""ambassadorId": ["other", "_automatic_"]"#,
    },
    Versions {
        what: "headers",
        v2: r#""headers": {"x-a": "1", "x-b": true}"#,
        v3alpha1: r#""headers": {"x-a": "1", "x-b": ""}"#,
        stored: r#""headers": {"x-a": "1"}, "regex_headers": {"x-b": ".*"}, "v2BoolHeaders": ["x-b"]"#,
    },
    Versions {
        what: "query_parameters",
        v2: r#""query_parameters": {"a": "1", "B": true}"#,
        v3alpha1: r#""query_parameters": {"a": "1", "B": ""}"#,
        stored: r#""query_parameters": {"a": "1"}, "regex_query_parameters": {"B": ".*"}, "v2BoolQueryParameters": ["B"]"#,
    },
    Versions {
        what: "tls: true",
        v2: r#""service": "a:8443", "tls": true"#,
        v3alpha1: r#""service": "https://a:8443""#,
        stored: r#""service": "https://a:8443", "v2ExplicitTLS": {"serviceScheme": "", "tls": "bool:true"}"#,
    },
    Versions {
        what: "tls: true beside http",
        v2: r#""service": "http://a", "tls": true"#,
        v3alpha1: r#""service": "https://a""#,
        stored: r#""service": "https://a", "v2ExplicitTLS": {"serviceScheme": "http://", "tls": "bool:true"}"#,
    },
    Versions {
        what: "tls: a context",
        v2: r#""service": "a", "tls": "context""#,
        v3alpha1: r#""service": "a", "tls": "context""#,
        stored: r#""service": "a", "tls": "context", "v2ExplicitTLS": {}"#,
    },
    Versions {
        what: "no host",
        v2: "",
        v3alpha1: r#""hostname": "*""#,
        stored: r#""host": "*""#,
    },
    Versions {
        what: "host",
        v2: r#""host": "a.example""#,
        v3alpha1: r#""hostname": "a.example""#,
        stored: r#""hostname": "a.example", "host_regex": false"#,
    },
    Versions {
        what: "glob",
        v2: r#""host": "*.example""#,
        v3alpha1: r#""hostname": "*.example""#,
        stored: r#""hostname": "*.example""#,
    },
    Versions {
        what: "host_regex",
        v2: r#""host": "[ab].example", "host_regex": true"#,
        v3alpha1: r#""host": "[ab].example", "host_regex": true"#,
        stored: r#""regex_headers": {":authority": "[ab].example"}"#,
    },
    Versions {
        what: "cors",
        v2: r#""cors": {"origins": "https://a,https://b", "methods": "GET, POST", "headers": "x-a", "exposed_headers": "x-b", "max_age": "10"}"#,
        v3alpha1: r#""cors": {"origins": ["https://a", "https://b"], "methods": ["GET", "POST"], "headers": ["x-a"], "exposed_headers": ["x-b"], "max_age": "10"}"#,
        stored: r#""cors": {"origins": ["https://a", "https://b"], "methods": ["GET", "POST"], "headers": ["x-a"], "exposed_headers": ["x-b"], "max_age": "10", "v2CommaSeparatedOrigins": true}"#,
    },
    Versions {
        what: "added headers",
        v2: r#""add_request_headers": {"x-a": "1"}, "add_response_headers": {"x-b": {"value": "2", "append": false}}"#,
        v3alpha1: r#""add_request_headers": {"x-a": {"value": "1", "append": true}}, "add_response_headers": {"x-b": {"value": "2", "append": false}}"#,
        stored: r#""add_request_headers": {"x-a": {"value": "1", "v2Representation": "string"}}, "add_response_headers": {"x-b": {"value": "2", "append": false}}"#,
    },
    Versions {
        what: "removed headers",
        v2: r#""remove_request_headers": "x-a", "remove_response_headers": ["x-b"]"#,
        v3alpha1: r#""remove_request_headers": ["x-a"], "remove_response_headers": ["x-b"]"#,
        stored: r#""remove_request_headers": ["x-a"], "remove_response_headers": "x-b""#,
    },
    Versions {
        what: "labels",
        v2: r#""labels": {"ambassador": [{"group": ["source_cluster", "destination_cluster", "remote_address", "mine", {"x": {"header": "x-a", "omit_if_not_present": true}}, {"generic_key": "long"}, {"generic_key": "v", "v3Key": "k"}]}]}"#,
        v3alpha1: r#""labels": {"ambassador": [{"group": [{"source_cluster": {"key": "source_cluster"}}, {"destination_cluster": {"key": "destination_cluster"}}, {"remote_address": {"key": "remote_address"}}, {"generic_key": {"value": "mine"}}, {"request_headers": {"key": "x", "header_name": "x-a", "omit_if_not_present": true}}, {"generic_key": {"value": "long"}}, {"generic_key": {"key": "k", "value": "v"}}]}]}"#,
        stored: r#""labels": {"ambassador": [{"group": [{"source_cluster": {"key": "source_cluster"}}, {"destination_cluster": {"key": "destination_cluster"}}, {"remote_address": {"key": "remote_address"}}, {"generic_key": {"value": "mine", "v2Shorthand": true}}, {"request_headers": {"key": "x", "header_name": "x-a", "omit_if_not_present": true}}, {"generic_key": {"value": "long"}}, {"generic_key": {"key": "k", "value": "v"}}]}]}"#,
    },
    Versions {
        what: "websockets",
        v2: r#""use_websocket": true"#,
        v3alpha1: r#""allow_upgrade": ["websocket"]"#,
        stored: r#""use_websocket": true, "allow_upgrade": ["WebSocket"]"#,
    },
    Versions {
        what: "stats_name",
        v2: r#""v3StatsName": "mine""#,
        v3alpha1: r#""stats_name": "mine""#,
        stored: r#""stats_name": "mine""#,
    },
    Versions {
        what: "health checks",
        v2: r#""v3health_checks": [{"health_check": {"http": {"path": "/"}}}]"#,
        v3alpha1: r#""health_checks": [{"health_check": {"http": {"path": "/"}}}]"#,
        stored: r#""health_checks": [{"health_check": {"http": {"path": "/"}}}]"#,
    },
    Versions {
        what: "what never changed",
        v2: r#""resolver": "endpoint", "load_balancer": {"policy": "ring_hash", "source_ip": true}, "retry_policy": {"retry_on": "5xx"}, "circuit_breakers": [{"max_requests": 1}], "weight": 10, "rewrite": "", "timeout_ms": 1"#,
        v3alpha1: r#""resolver": "endpoint", "load_balancer": {"policy": "ring_hash", "source_ip": true}, "retry_policy": {"retry_on": "5xx"}, "circuit_breakers": [{"max_requests": 1}], "weight": 10, "rewrite": "", "timeout_ms": 1"#,
        stored: r#""resolver": "endpoint", "load_balancer": {"policy": "ring_hash", "source_ip": true}, "retry_policy": {"retry_on": "5xx"}, "circuit_breakers": [{"max_requests": 1}], "weight": 10, "rewrite": "", "timeout_ms": 1"#,
    },
];
