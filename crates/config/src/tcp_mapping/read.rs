//! Reads a TCPMapping from its keys.

use super::TcpMapping;
use crate::HostMatch;
use crate::fields::Fields;
use crate::mapping::keys;
use crate::mapping::read::{cluster, service};

/// The TCPMapping; `None` when something in it was an error.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<TcpMapping> {
    keys::review_kind(fields, &KNOWN);
    fields.require(&["port", "service"]);
    let port = fields.port("port");
    let service = service::of("service", fields);
    let mapping = TcpMapping {
        address: fields.parsed_by("address", |text| {
            text.parse().map_err(|_| "is no IP address")
        }),
        host: host(fields),
        cluster: cluster::of_connections(fields).into(),
        weight: fields.integer("weight"),
        idle_timeout: fields.milliseconds("idle_timeout_ms"),
        port: port?,
        service: service?,
    };
    (!fields.failed()).then_some(mapping)
}

const KNOWN: [&str; 15] = [
    "address",
    "circuit_breakers",
    "cluster_tag",
    "enable_ipv4",
    "enable_ipv6",
    "host",
    "idle_timeout_ms",
    "port",
    "resolver",
    "service",
    "stats_name",
    "tls",
    // How Emissary's webhook remembers what a v2 object said; v3alpha1 says the same without it.
    "v2ExplicitTLS",
    "v3StatsName",
    "weight",
];

/// In lower case; an empty text is none.
fn host(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    if fields.text("host")?.is_empty() {
        return None;
    }
    fields.parsed_by("host", |text| {
        let lower = text.to_ascii_lowercase();
        text.parse::<HostMatch>().map(|_| lower.into())
    })
}
