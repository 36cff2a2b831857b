//! What works in another way than with Ambassador and Emissary, and is nobody's mistake.

use nuncio_config::{Identity, Kind, Resource, ServiceHost, Tree};

use crate::manifest::{Said, text};
use crate::remark::{Remark, Weight};

/// What of a document works in another way.
pub(crate) fn of(said: &Said, resources: &[Resource], identity: &Identity) -> Vec<Remark> {
    let body = said.tree.get("spec").unwrap_or(&said.tree);
    resources
        .iter()
        .flat_map(|resource| match &resource.kind {
            Kind::Mapping(_) => of_mapping(said, body, resource, identity),
            Kind::Module(_) => of_module(body.get("config").unwrap_or(body)),
            Kind::CircuitBreaker(_)
            | Kind::OutlierDetection(_)
            | Kind::Resolver(_)
            | Kind::TracingService(_)
            | Kind::TlsContext(_)
            | Kind::TlsModule(_)
            | Kind::Host(_)
            | Kind::Listener(_)
            | Kind::TcpMapping(_) => Vec::new(),
        })
        .collect()
}

fn of_mapping(said: &Said, body: &Tree, resource: &Resource, identity: &Identity) -> Vec<Remark> {
    let Kind::Mapping(mapping) = &resource.kind else {
        return Vec::new();
    };
    let line = resource.at.line;
    let mut found = Vec::new();
    let mut differs = |key: &str, reason: &str| {
        let line = body.entry(key).map_or(line, |entry| entry.line);
        found.push(Remark::on(Weight::Differs, line, key, reason));
    };
    if mapping.hostless && resource.labels.iter().next().is_none() {
        differs(
            "hostname",
            "without it every host is answered, where Emissary drops the Mapping",
        );
    }
    if mapping.cluster.load_balancer.is_some() && mapping.cluster.resolver.is_none() {
        differs(
            "load_balancer",
            "works over DNS, too, where Emissary refuses the Mapping",
        );
    }
    if body
        .get("keepalive")
        .is_some_and(|it| it.get("idle_time").is_some())
    {
        differs(
            "keepalive",
            "`idle_time` works, which Emissary accepts and does nothing with",
        );
    }
    if mapping.error_response_overrides.is_some() {
        differs(
            "error_response_overrides",
            "works, which Emissary 4 ignores",
        );
    }
    let is_short =
        |host: &ServiceHost| matches!(host, ServiceHost::Name(name) if !name.contains('.'));
    let is_elsewhere = resource.namespace != identity.namespace;
    if text(&said.tree, "apiVersion") == "ambassador/v0"
        && is_elsewhere
        && is_short(&mapping.service.host)
        && mapping.redirect.is_none()
    {
        differs(
            "service",
            "a short name means the Service's own namespace, as since Ambassador 1.0; \
                            before, it was the gateway's",
        );
    }
    found
}

fn of_module(config: &Tree) -> Vec<Remark> {
    let known = [
        (
            "gzip",
            "a strong `etag` becomes a weak one, where Envoy takes it away",
        ),
        (
            "regex_max_size",
            "counts states of automata, which are rather fewer than RE2's",
        ),
        (
            "error_response_overrides",
            "works, which Emissary 4 ignores",
        ),
    ];
    let written = known.into_iter().filter_map(|(key, reason)| {
        let line = config.entry(key)?.line;
        Some(Remark::on(Weight::Differs, line, key, reason))
    });
    written.collect()
}
