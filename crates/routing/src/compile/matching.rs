//! Which requests a group takes.
//!
//! The group key is Emissary's (`IRHTTPMapping._group_id`): prefix, host, method, headers, query
//! parameters and precedence, all of them as texts. Whether a text is exact or a regular expression
//! is not in the key, so Mappings that differ only there meet in one group, which then refuses the
//! later one (`IRHTTPMappingGroup.CoreMappingKeys`). Emissary runs the texts together, so that
//! header `a: bc` equals header `ab: c`; here they are kept apart.

use std::borrow::Cow;
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use nuncio_config::{
    HeaderMatch, HeaderValueMatch, HostMatch, Mapping, MethodMatch, PathMatch, Pattern, Prefix,
    QueryMatch, QueryValueMatch,
};

/// Which requests one Mapping takes, spelled so that equal rules are equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Matching<'r> {
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

/// The group key: Mappings whose keys are equal belong together. Spelled as one text, in which every
/// part stands after its length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct GroupKey(Arc<[u8]>);

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

    pub(crate) fn of(mapping: &'r Mapping) -> Self {
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

    /// What decides to which group it belongs.
    pub(crate) fn key(&self) -> GroupKey {
        let mut key = Spelling::default();
        key.part(Some(&self.precedence.to_be_bytes()));
        key.part(Some(self.path.as_str().as_bytes()));
        key.part(Some(host_text(&self.host).as_bytes()));
        key.part(self.method.map(|method| method.as_str().as_bytes()));
        key.number(self.headers.len());
        for (name, value) in &self.headers {
            key.part(Some(name.as_str().as_bytes()));
            key.part(value.written());
        }
        for wanted in &self.query_parameters {
            key.part(Some(wanted.name.as_bytes()));
            key.part(query_written(&wanted.value).map(str::as_bytes));
        }
        GroupKey(key.0.into())
    }

    /// The first of its attributes that another Mapping with the same key has otherwise: a text
    /// that is a regular expression in one of them only. `None` = they take the same requests.
    pub(super) fn disagreement(&self, other: &Self) -> Option<&'static str> {
        match (&self.path, &other.path) {
            (a, b) if a == b => {}
            (PathMatch::Regex(_), _) | (_, PathMatch::Regex(_)) => return Some("prefix_regex"),
            (PathMatch::Prefix(_) | PathMatch::Exact(_), _) => return Some("prefix_exact"),
        }
        if self.host != other.host {
            return Some("host_regex");
        }
        if self.method != other.method {
            return Some("method_regex");
        }
        if self.headers != other.headers {
            return Some("regex_headers");
        }
        (self.query_parameters != other.query_parameters).then_some("regex_query_parameters")
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

/// A [`GroupKey`] in the making.
#[derive(Default)]
struct Spelling(Vec<u8>);

impl Spelling {
    fn part(&mut self, text: Option<&[u8]>) {
        // No text is that long: it would not fit into an annotation.
        self.number(text.map_or(usize::MAX, <[u8]>::len));
        self.0.extend_from_slice(text.unwrap_or_default());
    }

    fn number(&mut self, number: usize) {
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        self.0.extend_from_slice(&number.to_be_bytes());
    }
}

/// [`HeaderValueMatch`] with an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Wanted<'r> {
    Present,
    Exact(&'r HeaderValue),
    Regex(&'r Pattern),
}

impl<'r> Wanted<'r> {
    /// The value as Emissary orders by it.
    pub(super) fn text(self) -> &'r [u8] {
        self.written().unwrap_or(b"*")
    }

    fn written(self) -> Option<&'r [u8]> {
        match self {
            Self::Present => None,
            Self::Exact(value) => Some(value.as_bytes()),
            Self::Regex(pattern) => Some(pattern.as_str().as_bytes()),
        }
    }
}

/// The value as Emissary orders by it.
pub(super) fn query_text(value: &QueryValueMatch) -> &str {
    query_written(value).unwrap_or("*")
}

fn query_written(value: &QueryValueMatch) -> Option<&str> {
    match value {
        QueryValueMatch::Present => None,
        QueryValueMatch::Exact(text) => Some(text),
        QueryValueMatch::Regex(pattern) => Some(pattern.as_str()),
    }
}

/// The host as Emissary has it.
pub(super) fn host_text(host: &HostMatch) -> Cow<'_, str> {
    match host {
        HostMatch::Any => Cow::Borrowed("*"),
        HostMatch::Exact(text) => Cow::Borrowed(text),
        HostMatch::Suffix(text) => Cow::Owned(format!("*{text}")),
        HostMatch::Prefix(text) => Cow::Owned(format!("{text}*")),
        HostMatch::Regex(pattern) => Cow::Borrowed(pattern.as_str()),
    }
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
