//! One Route: which requests it takes, and what happens to them.
//!
//! Invariant: `host` is in lower case, and `share` already counts the members of the group that
//! stand before this one.
//! Deliberately absent: doing any of it. The proxy forwards, redirects and changes headers.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::header::{GetAll, HOST};
use http::{HeaderName, HeaderValue};
use nuncio_config::{
    Case, Cors, DomainLabels, ErrorResponseOverride, HashOn, HeaderAddition, HeaderMatch,
    HeaderValueMatch, HostMatch, Location, MethodMatch, PathMatch, Priority, QueryMatch,
    QueryValueMatch, Rare, Resource, RetryOn, Rewrite, Substitution, Usual,
};

use crate::{Attachment, ClusterIndex, Draw, Order, Redirect, RequestHead, SelectedBy};

/// One member of a group of Mappings (or a built-in probe), ready to be matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The Mapping it was made from.
    pub mapping: Arc<MappingId>,
    /// Where that Mapping was written; `None` for what is built in.
    pub at: Option<Location>,
    /// Where it stands among all Routes.
    pub order: Order,
    /// The Mapping's `precedence`.
    pub precedence: i64,
    /// Which paths match.
    pub path: PathMatch,
    /// Whether [`Self::path`] tells upper and lower case apart.
    pub case: Case,
    /// Which hosts match, in lower case.
    pub host: HostMatch,
    /// Which method matches; `None` = any.
    pub method: Option<MethodMatch>,
    /// Headers that must all match, sorted by name.
    pub headers: Box<[HeaderMatch]>,
    /// Query parameters that must all match, sorted by name.
    pub query_parameters: Box<[QueryMatch]>,
    /// Which requests of the group it takes.
    pub share: Share,
    /// Which Hosts have it by labels.
    pub selected_by: SelectedBy,
    /// What happens to the request.
    pub action: Action,
    /// What happens to the response, whoever gives it.
    pub response: ResponseRules,
    /// What whoever runs it keeps with it.
    pub attachment: Attachment,
}

/// What happens to a response.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseRules {
    /// Headers removed and added.
    pub headers: Rare<HeaderRules>,
    /// Which pages of other origins may read it; `None` = nothing is said of it.
    pub cors: Option<Arc<Cors>>,
    /// Other bodies for errors; each status at most once.
    pub error_overrides: Arc<[ErrorResponseOverride]>,
}

/// Headers removed, and then added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderRules {
    /// Removed.
    pub remove: Vec<HeaderName>,
    /// Added, in this order.
    pub add: Vec<HeaderAddition>,
}

impl HeaderRules {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.add.is_empty()
    }
}

impl Usual for HeaderRules {
    const USUAL: &'static Self = &Self {
        remove: Vec::new(),
        add: Vec::new(),
    };
}

/// Names a Mapping. The same name may be used in two namespaces. Shown as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MappingId {
    /// The Mapping's namespace; for what is built in, the gateway's.
    pub namespace: Box<str>,
    /// The Mapping's name.
    pub name: Box<str>,
}

impl MappingId {
    pub(crate) fn of(resource: &Resource) -> Self {
        Self {
            namespace: resource.namespace.clone(),
            name: resource.name.clone(),
        }
    }
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
    Forward(Box<Forward>),
    /// The client is sent elsewhere.
    Redirect(Box<Redirect>),
    /// The gateway answers it.
    Probe(Probe),
}

/// How a request goes to its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// Where it goes.
    pub cluster: ClusterIndex,
    /// How many bytes of the path [`Rewrite::Prefix`] replaces; all of it for an exact path.
    pub prefix_len: usize,
    /// What becomes of the path.
    pub rewrite: Rewrite,
    /// What becomes of the path instead, if there is one.
    pub regex_rewrite: Option<Box<Substitution>>,
    /// What becomes of the host.
    pub host: HostRewrite,
    /// Headers removed and added.
    pub request_headers: Rare<HeaderRules>,
    /// Time for the whole response; `None` = no limit.
    pub timeout: Option<Duration>,
    /// Silence of the exchange that ends it; `None` = never.
    pub idle_timeout: Option<Duration>,
    /// When and how often it is sent again; `None` = never.
    pub retry: Option<Retry>,
    /// Which of the cluster's limits hold.
    pub priority: Priority,
    /// What a hashing load balancer looks at.
    pub hash_on: Option<Box<HashOn>>,
    /// Tokens of `Upgrade` that are passed on, in lower case.
    pub upgrades: Box<[Box<str>]>,
    /// Where a copy goes.
    pub shadow: Option<Shadow>,
    /// Whether no authentication service is asked. Kept for when there is one.
    pub bypass_auth: bool,
    /// Told to a rate limit service. Kept for when there is one.
    pub labels: Box<[DomainLabels]>,
}

/// What becomes of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum HostRewrite {
    /// As the client sent it.
    #[default]
    Keep,
    /// This one.
    To(Box<HeaderValue>),
    /// `auto_host_rewrite`: the name of the cluster, as resolved. (Envoy takes the name from DNS,
    /// and so changes nothing for a cluster that is an address.)
    Upstream,
}

/// When and how often a request is sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// What is tried again.
    pub on: RetryOn,
    /// How often after the first attempt.
    pub num_retries: u32,
    /// Time for each attempt; `None` = the whole response's only.
    pub per_try_timeout: Option<Duration>,
}

/// A copy of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shadow {
    /// Where it goes.
    pub cluster: ClusterIndex,
    /// Of how many percent of the requests.
    pub percent: u8,
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

/// Where authorities look whether a name is somebody's (RFC 8555 section 8.3), by plain HTTP.
const ACME_CHALLENGES: &str = "/.well-known/acme-challenge/";

impl Route {
    /// Whether it is served however a request came: it is there for the challenges of ACME and for
    /// nothing else.
    pub fn is_of_challenges(&self) -> bool {
        matches!(&self.path, PathMatch::Prefix(prefix) if prefix.as_str() == ACME_CHALLENGES)
    }

    /// Whether no path in particular is its.
    pub(crate) fn takes_any_path(&self) -> bool {
        matches!(&self.path, PathMatch::Prefix(prefix) if prefix.as_str() == "/")
    }

    /// Whether this Route alone, without the others, would take the request, if its Host
    /// [has](SelectedBy::has) it.
    pub fn matches(&self, head: &RequestHead<'_>, draw: Draw) -> bool {
        self.share.admits(draw)
            && path_matches(&self.path, self.case, head.path)
            && host_matches(&self.host, head.host)
            && self.accepts(head)
    }

    /// The conditions that are left once path, host and Draw are known to fit.
    pub(crate) fn accepts(&self, head: &RequestHead<'_>) -> bool {
        self.method
            .as_ref()
            .is_none_or(|method| method_matches(method, head))
            && self
                .headers
                .iter()
                .all(|wanted| header_matches(wanted, head))
            && self
                .query_parameters
                .iter()
                .all(|wanted| query_matches(wanted, head.query.unwrap_or_default()))
    }

    /// Whether [`Self::accepts`] has anything to look at.
    pub(crate) fn is_conditional(&self) -> bool {
        self.method.is_some() || !self.headers.is_empty() || !self.query_parameters.is_empty()
    }
}

pub(crate) fn path_matches(wanted: &PathMatch, case: Case, path: &str) -> bool {
    match (wanted, case) {
        (PathMatch::Prefix(prefix), Case::Sensitive) => path.starts_with(prefix.as_str()),
        (PathMatch::Prefix(prefix), Case::Insensitive) => path
            .as_bytes()
            .get(..prefix.as_str().len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_str().as_bytes())),
        (PathMatch::Exact(exact), Case::Sensitive) => path == exact.as_str(),
        (PathMatch::Exact(exact), Case::Insensitive) => path.eq_ignore_ascii_case(exact.as_str()),
        (PathMatch::Regex(pattern), _) => pattern.matches(path.as_bytes()),
    }
}

pub(crate) fn method_matches(wanted: &MethodMatch, head: &RequestHead<'_>) -> bool {
    match wanted {
        MethodMatch::Exact(method) => method == head.method,
        MethodMatch::Regex(pattern) => pattern.matches(head.method.as_str().as_bytes()),
    }
}

/// Of several parameters with one name the first counts (Envoy, `QueryParamsMulti::getFirstValue`).
pub(crate) fn query_matches(wanted: &QueryMatch, query: &str) -> bool {
    let value = query.split('&').find_map(|parameter| {
        let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
        (*name == *wanted.name).then_some(value)
    });
    let Some(value) = value else { return false };
    match &wanted.value {
        QueryValueMatch::Exact(text) => *value == **text,
        QueryValueMatch::Present => true,
        QueryValueMatch::Regex(pattern) => pattern.matches(value.as_bytes()),
    }
}

/// Hosts compare without regard to case (RFC 9110, 4.2.3; Envoy's domains do as well), although the
/// `:authority` match that Emissary generates does not: routing by case only helps to slip past a
/// rule. The port counts, as in Emissary.
pub(crate) fn host_matches(pattern: &HostMatch, host: &str) -> bool {
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
        HostMatch::Regex(pattern) => pattern.matches(host.as_bytes()),
    }
}

pub(crate) fn header_matches(wanted: &HeaderMatch, head: &RequestHead<'_>) -> bool {
    // Over HTTP/2 there is no `host` header; Envoy reads `:authority` under both names.
    if wanted.name == HOST {
        return match &wanted.value {
            HeaderValueMatch::Exact(value) => head.host.as_bytes() == value.as_bytes(),
            HeaderValueMatch::Present => true,
            HeaderValueMatch::Regex(pattern) => pattern.matches(head.host.as_bytes()),
        };
    }
    match &wanted.value {
        HeaderValueMatch::Exact(value) => {
            joined_equals(&head.headers.get_all(&wanted.name), value.as_bytes())
        }
        HeaderValueMatch::Present => head.headers.contains_key(&wanted.name),
        HeaderValueMatch::Regex(pattern) => {
            let values = head.headers.get_all(&wanted.name);
            values.iter().next().is_some() && pattern.matches_bytes(joined(&values))
        }
    }
}

/// The values, joined by commas.
fn joined(values: &GetAll<'_, HeaderValue>) -> impl Iterator<Item = u8> {
    values.into_iter().enumerate().flat_map(|(nth, value)| {
        let comma = (nth > 0).then_some(b',');
        comma.into_iter().chain(value.as_bytes().iter().copied())
    })
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
