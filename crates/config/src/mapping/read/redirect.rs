//! `host_redirect` and what goes with it.

use crate::fields::Fields;
use crate::mapping::path::check_location;
use crate::mapping::{Redirect, RedirectPath, keys};
use crate::quote::quoted;
use crate::{InvalidPattern, Service, Substitution};

/// The text of `host_redirect`: Ambassador up to 0.32 took the host to redirect to there, later ones
/// take `true` and the host from `service`.
pub(super) fn host_text<'n>(fields: &Fields<'n, '_>) -> Option<&'n str> {
    let value = &fields.entry("host_redirect")?.value;
    let text = value.text().filter(|text| !text.is_empty())?;
    value.boolean().is_none().then_some(text)
}

/// Reads the redirect, if the Mapping is one. A shadow is none: as in Emissary, it goes before.
pub(super) fn read(fields: &mut Fields<'_, '_>, service: Option<&Service>) -> Option<Redirect> {
    let wanted = is_redirect(fields);
    if wanted && fields.is_true("shadow") {
        fields.in_vain("host_redirect", " beside `shadow`");
        return None;
    }
    if !wanted {
        for key in PATHS.iter().chain(&["redirect_response_code"]) {
            fields.in_vain(key, " without `host_redirect`");
        }
        return None;
    }
    for key in FORWARDING {
        if fields
            .entry(key)
            .is_some_and(|entry| !keys::is_inert(&entry.value))
        {
            fields.in_vain(key, " in a redirect");
        }
    }
    let service = service?;
    // Before `tls` has its say: it is about connections.
    let written = fields.entry("service").and_then(|entry| entry.value.text());
    let host = host_text(fields).or(written).unwrap_or(&service.written);
    if let Some((scheme, _)) = host.split_once("://") {
        let key = if host_text(fields).is_some() {
            "host_redirect"
        } else {
            "service"
        };
        let scheme = quoted(&format!("{scheme}://"));
        let reason = format!("`{key}`: {scheme} has no effect: a redirect keeps the scheme");
        fields.warning(fields.line_of(key), reason);
    }
    Some(Redirect {
        host: authority(host).into(),
        path: path(fields),
        status: status(fields),
    })
}

fn is_redirect(fields: &mut Fields<'_, '_>) -> bool {
    let wanted = fields.read("host_redirect", "true, false or a host", |entry| {
        let value = &entry.value;
        value
            .boolean()
            .or_else(|| value.text().map(|text| !text.is_empty()))
    });
    wanted.unwrap_or(false)
}

/// The first of the keys counts, in Emissary's order.
fn path(fields: &mut Fields<'_, '_>) -> RedirectPath {
    let mut written = PATHS.into_iter().filter(|key| fields.entry(key).is_some());
    let Some(first) = written.next() else {
        return RedirectPath::Unchanged;
    };
    let others: Vec<_> = written.collect();
    for key in others {
        fields.in_vain(key, &format!(" beside `{first}`"));
    }
    let path = match first {
        "path_redirect" => location(fields, first).map(RedirectPath::Whole),
        "prefix_redirect" => location(fields, first).map(RedirectPath::Prefix),
        _ => substitution(fields, first).map(RedirectPath::Regex),
    };
    path.unwrap_or(RedirectPath::Unchanged)
}

fn location(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<str>> {
    fields.parsed_by(key, |text| check_location(text).map(|()| text.into()))
}

/// `{pattern, substitution}`; an empty mapping says nothing.
pub(super) fn substitution(fields: &mut Fields<'_, '_>, key: &str) -> Option<Substitution> {
    if fields.says_nothing(key) {
        return None;
    }
    let read = fields.section(key, |fields| {
        fields.review(&["pattern", "substitution"]);
        fields.require(&["pattern"]);
        let pattern = fields.text("pattern")?;
        // Without one, what matches is taken away.
        let substitution = match fields.entry("substitution") {
            Some(entry) => fields.text_of(entry)?,
            None => "",
        };
        let why = match fields.patterns().substitution(pattern, substitution) {
            Ok(substitution) => return Some(substitution),
            Err(why) => why,
        };
        let (key, text) = match why {
            InvalidPattern::Syntax(_) | InvalidPattern::TooLarge | InvalidPattern::TooMany => {
                ("pattern", pattern)
            }
            InvalidPattern::Group(_) | InvalidPattern::Escape | InvalidPattern::Long => {
                ("substitution", substitution)
            }
        };
        let reason = format!("{}: {} {why}", fields.name(key), quoted(text));
        fields.error(fields.line_of(key), reason);
        None
    });
    read.flatten()
}

fn status(fields: &mut Fields<'_, '_>) -> u16 {
    let status = fields.read(
        "redirect_response_code",
        "301, 302, 303, 307 or 308",
        |entry| {
            let status = u16::try_from(entry.value.integer()?).ok()?;
            matches!(status, 301 | 302 | 303 | 307 | 308).then_some(status)
        },
    );
    status.unwrap_or(301)
}

/// `host[:port]` of a service as written.
fn authority(written: &str) -> &str {
    let rest = written.split_once("://").map_or(written, |(_, rest)| rest);
    rest.split(['/', '?', '#']).next().unwrap_or(rest)
}

const PATHS: [&str; 3] = ["path_redirect", "prefix_redirect", "regex_redirect"];

/// What is about a request that is sent on, or about its answer.
const FORWARDING: [&str; 29] = [
    "add_linkerd_headers",
    "add_request_headers",
    "allow_upgrade",
    "auto_host_rewrite",
    "circuit_breaker",
    "circuit_breakers",
    "cluster_idle_timeout_ms",
    "cluster_max_connection_lifetime_ms",
    "cluster_tag",
    "connect_timeout_ms",
    "cors",
    "dns_type",
    "error_response_overrides",
    "grpc",
    "host_rewrite",
    "idle_timeout_ms",
    "keepalive",
    "load_balancer",
    "outlier_detection",
    "priority",
    "regex_rewrite",
    "remove_request_headers",
    "respect_dns_ttl",
    "retry_policy",
    "rewrite",
    "stats_name",
    "timeout_ms",
    "use_websocket",
    "weight",
];
