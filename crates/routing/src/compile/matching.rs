//! Which requests a group takes.
//!
//! The group key is Emissary's (`IRHTTPMapping._group_id`): prefix, host, method, headers and
//! precedence. Emissary runs these texts together, so that header `a: bc` equals header `ab: c`;
//! here they are kept apart.

use http::{HeaderName, HeaderValue, Method};
use nuncio_config::{HeaderMatch, HeaderValueMatch, HostMatch, Mapping};

/// The group key: Mappings whose keys are equal belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Matching<'r> {
    pub(super) precedence: i64,
    pub(super) prefix: &'r str,
    /// In lower case.
    pub(super) host: HostMatch,
    pub(super) method: Option<&'r Method>,
    /// Sorted; no value = any.
    pub(super) headers: Vec<(&'r HeaderName, Option<&'r HeaderValue>)>,
}

impl<'r> Matching<'r> {
    /// Everything under a prefix.
    pub(super) fn prefix(prefix: &'r str) -> Self {
        Self {
            precedence: 0,
            prefix,
            host: HostMatch::Any,
            method: None,
            headers: Vec::new(),
        }
    }

    pub(super) fn of(mapping: &'r Mapping) -> Self {
        let mut headers: Vec<_> = mapping.headers.iter().map(header).collect();
        headers.sort_unstable_by_key(|(name, value)| (name.as_str(), *value));
        Self {
            precedence: mapping.precedence,
            prefix: mapping.prefix.as_str(),
            host: lower_case(&mapping.host),
            method: mapping.method.as_ref(),
            headers,
        }
    }

    /// How many bytes the host has.
    pub(super) fn host_len(&self) -> usize {
        match &self.host {
            HostMatch::Any => 0,
            HostMatch::Exact(text) | HostMatch::Suffix(text) | HostMatch::Prefix(text) => {
                text.len()
            }
        }
    }

    /// The headers as rules.
    pub(super) fn header_matches(&self) -> Box<[HeaderMatch]> {
        let rule = |(name, value): &(&HeaderName, Option<&HeaderValue>)| HeaderMatch {
            name: (*name).clone(),
            value: match value {
                Some(value) => HeaderValueMatch::Exact((*value).clone()),
                None => HeaderValueMatch::Present,
            },
        };
        self.headers.iter().map(rule).collect()
    }
}

fn header(header: &HeaderMatch) -> (&HeaderName, Option<&HeaderValue>) {
    match &header.value {
        HeaderValueMatch::Exact(value) => (&header.name, Some(value)),
        HeaderValueMatch::Present => (&header.name, None),
    }
}

fn lower_case(host: &HostMatch) -> HostMatch {
    let lower = |text: &str| text.to_ascii_lowercase().into();
    match host {
        HostMatch::Any => HostMatch::Any,
        HostMatch::Exact(text) => HostMatch::Exact(lower(text)),
        HostMatch::Suffix(text) => HostMatch::Suffix(lower(text)),
        HostMatch::Prefix(text) => HostMatch::Prefix(lower(text)),
    }
}
