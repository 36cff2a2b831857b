//! One Route: which requests it takes, and what happens to them.
//!
//! Invariant: `host` is in lower case, and `share` already counts the members of the group that
//! stand before this one.
//! Deliberately absent, until Mappings have them: regex, exact and case-insensitive paths, query
//! parameters, regex headers; redirects, shadows, and everything done to headers.

use std::fmt;
use std::time::Duration;

use http::header::{GetAll, HOST};
use http::{HeaderValue, Method};
use nuncio_config::{HeaderMatch, HeaderValueMatch, HostMatch, Location, Rewrite};

use crate::{ClusterIndex, Draw, RequestHead};

/// One member of a group of Mappings (or a built-in probe), ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The Mapping it was made from.
    pub mapping: MappingId,
    /// Where that Mapping was written; `None` for what is built in.
    pub at: Option<Location>,
    /// The Mapping's `precedence`.
    pub precedence: i64,
    /// The text that the path begins with, without regard to segments.
    pub prefix: Box<str>,
    /// Which hosts match, in lower case.
    pub host: HostMatch,
    /// Which method matches; `None` = any.
    pub method: Option<Method>,
    /// Headers that must all match, sorted by name.
    pub headers: Box<[HeaderMatch]>,
    /// Which requests of the group it takes.
    pub share: Share,
    /// What happens to the request.
    pub action: Action,
}

/// Names a Mapping. The same name may be used in two namespaces. Shown as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MappingId {
    /// The Mapping's namespace; for what is built in, the gateway's.
    pub namespace: Box<str>,
    /// The Mapping's name.
    pub name: Box<str>,
}

impl fmt::Display for MappingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Which part of a group's requests a member takes.
///
/// As in Envoy routes made by Emissary, the bound is cumulative: a member takes the Draws below its
/// bound that no earlier member has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Share {
    pub(crate) below: u8,
    pub(crate) percent: u8,
}

impl Share {
    /// All requests.
    pub const WHOLE: Self = Self {
        below: 100,
        percent: 100,
    };

    /// How many percent of the group's requests end up here.
    pub fn percent(self) -> u8 {
        self.percent
    }

    pub(crate) fn admits(self, draw: Draw) -> bool {
        draw.is_below(self.below)
    }
}

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes to a cluster.
    Forward(Forward),
    /// The gateway answers it.
    Probe(Probe),
}

/// How a request goes to its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where it goes.
    pub cluster: ClusterIndex,
    /// How many bytes of the path [`Rewrite::Prefix`] replaces.
    pub prefix_len: usize,
    /// What becomes of the path.
    pub rewrite: Rewrite,
    /// What becomes of the host; `None` = as the client sent it.
    pub host_rewrite: Option<HeaderValue>,
    /// Time for the whole response; `None` = no limit.
    pub timeout: Option<Duration>,
}

/// The health checks that answer on the data port too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probe {
    /// `/ambassador/v0/check_alive`
    Alive,
    /// `/ambassador/v0/check_ready`
    Ready,
}

impl Probe {
    /// The prefix it answers.
    pub fn prefix(self) -> &'static str {
        match self {
            Self::Alive => "/ambassador/v0/check_alive",
            Self::Ready => "/ambassador/v0/check_ready",
        }
    }

    /// The name of Emissary's internal Mapping.
    pub(crate) fn mapping_name(self) -> &'static str {
        match self {
            Self::Alive => "internal_liveness_probe_mapping",
            Self::Ready => "internal_readiness_probe_mapping",
        }
    }
}

impl Route {
    /// Whether this Route alone, without the others, would take the request.
    pub fn matches(&self, head: &RequestHead<'_>, draw: Draw) -> bool {
        self.share.admits(draw)
            && head.path.starts_with(&*self.prefix)
            && host_matches(&self.host, head.host)
            && self.accepts(head)
    }

    /// The conditions that are left once path, host and Draw are known to fit.
    pub(crate) fn accepts(&self, head: &RequestHead<'_>) -> bool {
        self.method
            .as_ref()
            .is_none_or(|method| method == head.method)
            && self
                .headers
                .iter()
                .all(|wanted| header_matches(wanted, head))
    }

    /// Whether [`Self::accepts`] has anything to look at.
    pub(crate) fn is_conditional(&self) -> bool {
        self.method.is_some() || !self.headers.is_empty()
    }
}

/// Hosts compare without regard to case (RFC 9110, 4.2.3; Envoy's domains do as well), although the
/// `:authority` match that Emissary generates does not: routing by case only helps to slip past a
/// rule. The port counts, as in Emissary.
fn host_matches(pattern: &HostMatch, host: &str) -> bool {
    let same = |part: Option<&str>, text: &str| part.is_some_and(|p| p.eq_ignore_ascii_case(text));
    match pattern {
        HostMatch::Any => true,
        HostMatch::Exact(text) => host.eq_ignore_ascii_case(text),
        HostMatch::Prefix(text) => same(host.get(..text.len()), text),
        HostMatch::Suffix(text) => same(
            host.len()
                .checked_sub(text.len())
                .and_then(|start| host.get(start..)),
            text,
        ),
    }
}

fn header_matches(wanted: &HeaderMatch, head: &RequestHead<'_>) -> bool {
    // Over HTTP/2 there is no `host` header; Envoy reads `:authority` under both names.
    if wanted.name == HOST {
        return match &wanted.value {
            HeaderValueMatch::Exact(value) => head.host.as_bytes() == value.as_bytes(),
            HeaderValueMatch::Present => true,
        };
    }
    match &wanted.value {
        HeaderValueMatch::Exact(value) => {
            joined_equals(&head.headers.get_all(&wanted.name), value.as_bytes())
        }
        HeaderValueMatch::Present => head.headers.contains_key(&wanted.name),
    }
}

/// Whether the values, joined by commas, are `wanted`: a header sent several times is one list
/// (RFC 9110, 5.3), and Envoy matches it so.
fn joined_equals(values: &GetAll<'_, HeaderValue>, wanted: &[u8]) -> bool {
    let mut values = values.iter().map(HeaderValue::as_bytes);
    let Some(mut rest) = values.next().and_then(|first| wanted.strip_prefix(first)) else {
        return false;
    };
    for value in values {
        let Some(tail) = rest
            .strip_prefix(b",")
            .and_then(|rest| rest.strip_prefix(value))
        else {
            return false;
        };
        rest = tail;
    }
    rest.is_empty()
}

#[cfg(test)]
mod tests;
