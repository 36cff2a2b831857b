//! What the connections to a service are like.

use std::time::Duration;

use super::{breakers, load_balancer};
use crate::fields::Fields;
use crate::mapping::{ClusterOptions, DnsType, Keepalive};
use crate::quote::quoted;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> ClusterOptions {
    ClusterOptions {
        grpc: fields.boolean("grpc").unwrap_or(false),
        load_balancer: load_balancer::read(fields),
        dns_type: dns_type(fields),
        respect_dns_ttl: fields.boolean("respect_dns_ttl"),
        connect_timeout: connect_timeout(fields),
        cluster_idle_timeout: fields.milliseconds("cluster_idle_timeout_ms"),
        cluster_max_connection_lifetime: fields.milliseconds("cluster_max_connection_lifetime_ms"),
        keepalive: keepalive(fields),
        circuit_breaker: fields.named("circuit_breaker"),
        outlier_detection: fields.named("outlier_detection"),
        ..of_connections(fields)
    }
}

/// What a TCPMapping says of them, too.
pub(crate) fn of_connections(fields: &mut Fields<'_, '_>) -> ClusterOptions {
    ClusterOptions {
        resolver: resolver(fields),
        cluster_tag: fields.named("cluster_tag"),
        stats_name: stats_name(fields),
        enable_ipv4: fields.boolean("enable_ipv4"),
        enable_ipv6: fields.boolean("enable_ipv6"),
        circuit_breakers: breakers::read(fields),
        ..ClusterOptions::default()
    }
}

/// Which resolver finds the endpoints. Whether there is one of the name is not known here.
pub(crate) fn resolver(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    fields.named("resolver")
}

/// Emissary ignores `idle_time`, which its documentation names instead of `time`; here it works.
pub(crate) fn keepalive(fields: &mut Fields<'_, '_>) -> Option<Keepalive> {
    fields.section("keepalive", |fields| {
        fields.review(&["time", "idle_time", "interval", "probes"]);
        let idle_time = fields.number("idle_time", 1..=LONGEST_KEEPALIVE);
        let time = fields.number("time", 1..=LONGEST_KEEPALIVE);
        if time.is_some() && idle_time.is_some() && time != idle_time {
            fields.in_vain("idle_time", " beside `time`");
        }
        Keepalive {
            time: time.or(idle_time),
            interval: fields.number("interval", 1..=LONGEST_KEEPALIVE),
            probes: fields.number("probes", 1..=MOST_PROBES),
        }
    })
}

/// Linux' `MAX_TCP_KEEPIDLE` and `MAX_TCP_KEEPINTVL`, in s, and `MAX_TCP_KEEPCNT`.
const LONGEST_KEEPALIVE: u32 = 32767;
const MOST_PROBES: u32 = 127;

pub(crate) fn stats_name(fields: &mut Fields<'_, '_>) -> Option<Box<str>> {
    let (name, old) = (fields.named("stats_name"), fields.named("v3StatsName"));
    if name.is_some() && old.is_some() && name != old {
        fields.in_vain("v3StatsName", " beside `stats_name`");
    }
    name.or(old)
}

fn connect_timeout(fields: &mut Fields<'_, '_>) -> Option<Duration> {
    let timeout = fields.milliseconds("connect_timeout_ms")?;
    if timeout.is_zero() {
        let line = fields.line_of("connect_timeout_ms");
        fields.error(
            line,
            "`connect_timeout_ms`: nothing can be connected in 0 ms",
        );
    }
    Some(timeout)
}

/// As in Emissary, what is neither of the two is told of and `strict_dns`.
fn dns_type(fields: &mut Fields<'_, '_>) -> Option<DnsType> {
    let written = fields.text("dns_type")?;
    Some(match written {
        "strict_dns" => DnsType::Strict,
        "logical_dns" => DnsType::Logical,
        _ => {
            let reason = format!(
                "`dns_type`: expected `strict_dns` or `logical_dns`, found {}; `strict_dns` is used",
                quoted(written)
            );
            fields.warning(fields.line_of("dns_type"), reason);
            DnsType::Strict
        }
    })
}
