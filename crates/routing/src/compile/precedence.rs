//! In which order Routes are tried.
//!
//! The order is that of Emissary 4.1 (`IRHTTPMapping._route_weight`, `IR.ordered_groups`):
//! descending order of this key, ties in reversed order of insertion.
//!
//! ```text
//! [ precedence,
//!   len(prefix),
//!   sum over headers of len(name) + len(value or "*"),
//!   prefix,
//!   "name-value" of each header, sorted by name ... ]
//! ```
//!
//! Three facts of Emissary are easily overlooked:
//!
//! - The host is the header `:authority` and the method is the header `:method`, in this order after
//!   all others. The key's own `method` element is always `GET`, so it decides nothing.
//! - A Mapping that names no host has `hostname: "*"` (its conversion to `v3alpha1` sees to that,
//!   and the built-in probes have it), and that counts: 11 characters.
//! - Hosts decide no order beyond these characters. Without Host resources there is one virtual host
//!   `*` (`HostFactory.finalize`) with all routes in it, so for a request to `example.com` the
//!   Mapping with prefix `/foo/` and no host goes before the one with `host: example.com` and
//!   prefix `/`.
//!
//! Deliberately absent: conversions inside Emissary that change lengths. It turns the header match
//! `true` of a `v1` or `v2` Mapping into the regex `.*`, which would put it before short exact
//! values; here it counts as the `*` that Ambassador had from 0.28 to 1.14.

use nuncio_config::HostMatch;

use super::matching::{Matching, Wanted};

/// The ordering key: what is greater is tried first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    precedence: i64,
    prefix_len: usize,
    headers_len: usize,
    prefix: Box<str>,
    headers: Vec<Box<[u8]>>,
}

impl Precedence {
    pub(super) fn of(matching: &Matching<'_>) -> Self {
        let Matching {
            precedence,
            path,
            host,
            method,
            headers,
            query_parameters: _,
        } = matching;
        let prefix = path.as_str();
        let named = headers
            .iter()
            .map(|(name, value)| key(name.as_str(), value_text(*value)));
        let host = [key(":authority", authority(host).as_bytes())];
        let method = method
            .iter()
            .map(|method| key(":method", method.as_str().as_bytes()));
        let headers: Vec<_> = named.chain(host).chain(method).collect();
        Self {
            precedence: *precedence,
            prefix_len: characters(prefix.as_bytes()),
            // The `-` between name and value does not count.
            headers_len: headers.iter().map(|key| characters(key) - 1).sum(),
            prefix: prefix.into(),
            headers,
        }
    }
}

fn key(name: &str, value: &[u8]) -> Box<[u8]> {
    [name.as_bytes(), b"-", value].concat().into()
}

fn value_text(wanted: Wanted<'_>) -> &[u8] {
    match wanted {
        Wanted::Present => b"*",
        Wanted::Exact(value) => value.as_bytes(),
        Wanted::Regex(pattern) => pattern.as_str().as_bytes(),
    }
}

fn authority(host: &HostMatch) -> String {
    match host {
        HostMatch::Any => "*".to_owned(),
        HostMatch::Exact(text) => text.to_string(),
        HostMatch::Suffix(text) => format!("*{text}"),
        HostMatch::Prefix(text) => format!("{text}*"),
        HostMatch::Regex(pattern) => pattern.as_str().to_owned(),
    }
}

/// The length of UTF-8 as Python counts it.
fn characters(utf8: &[u8]) -> usize {
    utf8.iter()
        .filter(|byte| !matches!(byte, 0x80..=0xBF))
        .count()
}
