//! Which requests a group takes.
//!
//! The group key is Emissary's (`IRHTTPMapping._group_id`): prefix, host, method, headers and
//! precedence. Emissary runs these texts together, so that header `a: bc` equals header `ab: c`;
//! here they are kept apart.

use http::{HeaderName, HeaderValue};
use nuncio_config::{
    HeaderMatch, HeaderValueMatch, HostMatch, Mapping, MethodMatch, PathMatch, Pattern, Prefix,
    QueryMatch,
};

/// The group key: Mappings whose keys are equal belong together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Matching<'r> {
    pub(super) precedence: i64,
    pub(super) path: PathMatch,
    /// In lower case.
    pub(super) host: HostMatch,
    pub(super) method: Option<&'r MethodMatch>,
    /// Sorted.
    pub(super) headers: Vec<(&'r HeaderName, Wanted<'r>)>,
    /// Sorted.
    pub(super) query_parameters: Vec<&'r QueryMatch>,
}

impl<'r> Matching<'r> {
    /// Everything under a prefix.
    pub(super) fn prefix(prefix: Prefix) -> Self {
        Self {
            precedence: 0,
            path: PathMatch::Prefix(prefix),
            host: HostMatch::Any,
            method: None,
            headers: Vec::new(),
            query_parameters: Vec::new(),
        }
    }

    pub(super) fn of(mapping: &'r Mapping) -> Self {
        let mut headers: Vec<_> = mapping.headers.iter().map(header).collect();
        headers.sort_unstable_by_key(|(name, value)| (name.as_str(), *value));
        let mut query_parameters: Vec<_> = mapping.query_parameters.iter().collect();
        query_parameters.sort_unstable_by_key(|wanted| (&*wanted.name, &wanted.value));
        Self {
            precedence: mapping.precedence,
            path: mapping.path.clone(),
            host: lower_case(&mapping.host),
            method: mapping.method.as_ref(),
            headers,
            query_parameters,
        }
    }

    /// How many bytes the host has.
    pub(super) fn host_len(&self) -> usize {
        match &self.host {
            HostMatch::Any => 0,
            HostMatch::Exact(text) | HostMatch::Suffix(text) | HostMatch::Prefix(text) => {
                text.len()
            }
            HostMatch::Regex(_) => 0,
        }
    }

    /// The headers as rules.
    pub(super) fn header_matches(&self) -> Box<[HeaderMatch]> {
        let rule = |(name, value): &(&HeaderName, Wanted<'_>)| HeaderMatch {
            name: (*name).clone(),
            value: match value {
                Wanted::Exact(value) => HeaderValueMatch::Exact((*value).clone()),
                Wanted::Present => HeaderValueMatch::Present,
                Wanted::Regex(pattern) => HeaderValueMatch::Regex((*pattern).clone()),
            },
        };
        self.headers.iter().map(rule).collect()
    }
}

/// [`HeaderValueMatch`] with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Wanted<'r> {
    Present,
    Exact(&'r HeaderValue),
    Regex(&'r Pattern),
}

fn header(header: &HeaderMatch) -> (&HeaderName, Wanted<'_>) {
    let wanted = match &header.value {
        HeaderValueMatch::Exact(value) => Wanted::Exact(value),
        HeaderValueMatch::Present => Wanted::Present,
        HeaderValueMatch::Regex(pattern) => Wanted::Regex(pattern),
    };
    (&header.name, wanted)
}

fn lower_case(host: &HostMatch) -> HostMatch {
    let lower = |text: &str| text.to_ascii_lowercase().into();
    match host {
        HostMatch::Any => HostMatch::Any,
        HostMatch::Exact(text) => HostMatch::Exact(lower(text)),
        HostMatch::Suffix(text) => HostMatch::Suffix(lower(text)),
        HostMatch::Prefix(text) => HostMatch::Prefix(lower(text)),
        HostMatch::Regex(pattern) => HostMatch::Regex(pattern.clone()),
    }
}
