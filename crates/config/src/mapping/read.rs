//! Reads a Mapping from its keys.
//!
//! Invariant: either every key was understood, or there is an error and no Mapping.
//!
//! All versions are read alike, in the most lenient form any of them has: `true` for a header that
//! must be present is refused by the schema of v3alpha1 alone, so no live document there means
//! anything else by it.

pub(crate) mod breakers;
pub(crate) mod cluster;
pub(crate) mod cors;
pub(crate) mod headers;
mod host;
mod labels;
pub(crate) mod load_balancer;
mod matching;
pub(crate) mod overrides;
mod redirect;
mod remembered;
pub(crate) mod retry;
mod rewriting;
pub(crate) mod service;
mod upgrades;

use std::time::Duration;

use super::{HeaderOptions, Mapping, Priority, keys};
use crate::Rare;
use crate::fields::Fields;

/// Reads a Mapping; `None` after an error.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Mapping> {
    keys::review(fields);
    require(fields);
    if fields.failed() {
        return None;
    }
    let matching = matching::read(fields);
    let service = service::read(fields);
    let redirect = redirect::read(fields, service.as_ref());
    let rewriting = rewriting::read(fields);
    let timing = Timing::read(fields);
    let mapping = Mapping {
        precedence: fields.integer("precedence").unwrap_or(0),
        cluster: cluster::read(fields).into(),
        weight: fields.integer("weight"),
        shadow: fields.boolean("shadow").unwrap_or(false),
        redirect: redirect.map(Box::new),
        rewrite: rewriting.rewrite,
        regex_rewrite: rewriting.regex_rewrite.map(Box::new),
        host_rewrite: rewriting.host_rewrite.map(Box::new),
        auto_host_rewrite: rewriting.auto_host_rewrite,
        request_headers: Rare::from(HeaderOptions {
            remove: headers::removals(fields, "remove_request_headers"),
            add: headers::additions(fields, "add_request_headers"),
        }),
        response_headers: Rare::from(HeaderOptions {
            remove: headers::removals(fields, "remove_response_headers"),
            add: headers::additions(fields, "add_response_headers"),
        }),
        add_linkerd_headers: fields.boolean("add_linkerd_headers"),
        timeout: timing.timeout,
        idle_timeout: timing.idle_timeout,
        retry_policy: retry::read(fields).map(Box::new),
        priority: priority(fields, "priority").unwrap_or_default(),
        cors: cors::read(fields).map(Box::new),
        allow_upgrade: upgrades::read(fields),
        error_response_overrides: overrides::read(fields),
        bypass_error_response_overrides: fields
            .boolean("bypass_error_response_overrides")
            .unwrap_or(false),
        bypass_auth: fields.boolean("bypass_auth").unwrap_or(false),
        auth_context_extensions: labels::auth_context_extensions(fields),
        labels: labels::read(fields),
        headers: matching.headers,
        query_parameters: matching.query_parameters,
        method: matching.method,
        hostless: matching.hostless,
        host: matching.host,
        case: matching.case,
        path: matching.path?,
        service: service?,
    };
    (!fields.failed()).then_some(mapping)
}

/// Up to 0.32 `host_redirect` was the host to redirect to, and no service was needed beside it.
fn require(fields: &mut Fields<'_, '_>) {
    match redirect::host_text(fields) {
        Some(_) => fields.require(&["prefix"]),
        None => fields.require(&["prefix", "service"]),
    }
}

struct Timing {
    timeout: Option<Duration>,
    idle_timeout: Option<Duration>,
}

impl Timing {
    fn read(fields: &mut Fields<'_, '_>) -> Self {
        Self {
            timeout: fields.milliseconds("timeout_ms"),
            idle_timeout: fields.milliseconds("idle_timeout_ms"),
        }
    }
}

fn priority(fields: &mut Fields<'_, '_>, key: &str) -> Option<Priority> {
    fields.read(key, "`default` or `high`", |entry| {
        Some(match entry.value.text()? {
            "default" => Priority::Default,
            "high" => Priority::High,
            _ => return None,
        })
    })
}
