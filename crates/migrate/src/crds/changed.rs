//! What is spelled otherwise, for people.

/// What is spelled otherwise in v3alpha1: the key as it was, and as it is written.
pub const CHANGED_KEYS: &[(&str, &str)] = &[
    (
        "`ambassador_id: text`, `ambassadorId`",
        "`ambassador_id: [text]`",
    ),
    (
        "`host` (a name or a glob), `headers: {\":authority\": ..}`",
        "`hostname`",
    ),
    (
        "`host` with `host_regex`, `regex_headers: {\":authority\": ..}`",
        "`host`, `host_regex: true`",
    ),
    ("no host, up to v2", "`hostname: \"*\"`"),
    (
        "`headers: {\":method\": ..}`, `regex_headers: {\":method\": ..}`",
        "`method`, `method_regex`",
    ),
    (
        "`headers: {x: true}`",
        "`headers: {x: \"\"}`, which means present",
    ),
    (
        "`query_parameters: {x: true}`",
        "`query_parameters: {x: \"\"}`",
    ),
    (
        "`v2BoolHeaders`, `v2BoolQueryParameters`",
        "`headers`, `query_parameters` with `\"\"`",
    ),
    (
        "`service: name` outside of the gateway's namespace",
        "`service: name.namespace`",
    ),
    ("`tls: true`", "`service: https://..`"),
    ("`tls: context`", "`tls: context`"),
    (
        "`host_redirect: text` (up to 0.32)",
        "`host_redirect: true`, `service: text`",
    ),
    ("`use_websocket: true`", "`allow_upgrade: [websocket]`"),
    (
        "`add_request_headers: {x: v}`, `add_response_headers: {x: v}`",
        "`{x: {value: v}}`",
    ),
    (
        "`remove_request_headers: x`, `remove_response_headers: x`",
        "`[x]`",
    ),
    (
        "`cors: {origins: \"a, b\"}`, likewise `methods`, `headers`, `exposed_headers`",
        "lists",
    ),
    (
        "`labels` with texts, `{x: {header: h}}`",
        "`generic_key`, `remote_address`, `source_cluster`, `destination_cluster`, `request_headers`",
    ),
    ("`rate_limits` (v0)", "`labels: {ambassador: [..]}`"),
    (
        "`circuit_breaker: name` (v0)",
        "`circuit_breakers`; the cluster is called otherwise",
    ),
    (
        "`outlier_detection: name` (v0)",
        "not written: there is no such key",
    ),
    ("`v3StatsName`", "`stats_name`"),
    ("`v3health_checks`", "`health_checks`"),
    ("`keepalive: {time: n}`", "`keepalive: {idle_time: n}`"),
    (
        "`timeout_ms: \"n\"` and other numbers and booleans in quotes, `yes`, `off`",
        "numbers, `true`, `false`",
    ),
    (
        "`modules`, `envoy_override`, `status`, `v2ExplicitTLS`",
        "not written: without effect",
    ),
];
