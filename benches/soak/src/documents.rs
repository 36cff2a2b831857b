//! What the gateway is told.

use nuncio_tests::control::manifest;
use nuncio_tests::documents::host;

/// The name whose certificate is rotated.
pub(crate) const NAME: &str = "bench.example";

/// The Secret of that name.
pub(crate) const SECRET: &str = "soaked";

/// Where the upstreams are.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    /// One endpoint that stays, and one that comes and goes.
    pub(crate) good: String,
    /// One that stays.
    pub(crate) steady: String,
    pub(crate) calls: String,
    pub(crate) dying: String,
    pub(crate) garbage: String,
    pub(crate) refusing: String,
}

/// As Envoy's, three retries at a time are the most where nobody says otherwise: fewer than what one
/// death leaves without an answer.
const RETRIED: &str =
    "retry_policy: {retry_on: 5xx, num_retries: 3}\ncircuit_breakers: [{max_retries: 1000}]";

/// What stays as it is.
pub(crate) fn standing(services: &Services) -> String {
    let Services {
        good,
        steady,
        calls,
        dying,
        garbage,
        refusing,
    } = services;
    let mappings = [
        ("good", good, RETRIED),
        ("tunnel", steady, "allow_upgrade: [websocket]"),
        ("calls", calls, "grpc: true\ntimeout_ms: 0"),
        ("dying", dying, "timeout_ms: 500"),
        ("garbage", garbage, "timeout_ms: 500"),
        ("refused", refusing, "timeout_ms: 500"),
    ];
    let mappings: String = mappings
        .iter()
        .map(|(name, service, more)| mapping(name, service, more))
        .collect();
    manifest("soak", &format!("{}{mappings}", host(SECRET, "*")))
}

/// A Mapping of `/NAME/`; `more` are further lines.
pub(crate) fn mapping(name: &str, service: &str, more: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: {name}\nprefix: /{name}/\n\
         service: {service}\n{more}\n"
    )
}

/// The Module, with this much patience for idle clusters.
pub(crate) fn module(idle_ms: usize) -> String {
    let text = format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\n\
         config: {{cluster_idle_timeout_ms: {idle_ms}}}\n"
    );
    manifest("module", &text)
}

/// One of several ways to be wrong.
pub(crate) fn wrong(name: &str, service: &str, way: usize) -> String {
    let broken = match way % 5 {
        0 => format!("---\nkind: Mapping\nname: {name}\n  prefix: [\n"),
        1 => mapping(name, "", "").replace("service: \n", ""),
        2 => mapping(name, service, "prefix_regex: true").replace("/\n", "/(\n"),
        3 => mapping(name, service, "timeout_ms: soon\nweight: 1000"),
        _ => mapping(name, service, "").replace("kind: Mapping", "kind: Mopping"),
    };
    manifest(name, &broken)
}
