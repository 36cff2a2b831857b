//! `kind: Mapping`: which requests go to which service.
//!
//! Invariant: every value was checked when it was parsed; what matches and rewrites later cannot
//! meet text that is not HTTP.
//! Deliberately absent: defaults of the `ambassador` Module, ordering, grouping and matching.

mod cluster;
mod cors;
mod headers;
mod host;
pub(crate) mod keys;
mod labels;
mod overrides;
mod path;
pub(crate) mod read;
mod redirect;
mod retry;

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

pub use cluster::{
    CircuitBreaker, ClusterOptions, DnsType, HashOn, Keepalive, LoadBalancer, OutlierDetection,
    Priority,
};
pub use cors::Cors;
pub use headers::{HeaderAddition, HeaderOptions};
pub use host::{HostMatch, InvalidHost};
pub use labels::{DomainLabels, LabelGroup, LabelSpecifier};
pub use overrides::{ErrorResponseOverride, OverrideBody};
pub use path::{InvalidPath, Prefix, Rewrite};
pub use redirect::{Redirect, RedirectPath};
pub use retry::{RetryOn, RetryPolicy};

use crate::{Pattern, Rare, Service, Substitution};

/// One route as its author described it. Field names are Ambassador's. There are thousands of them,
/// so what few of them say is boxed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// `prefix`, `prefix_exact`, `prefix_regex`: which paths match.
    pub path: PathMatch,
    /// `case_sensitive`; means nothing to a [`PathMatch::Regex`].
    pub case: Case,
    /// Which hosts match.
    pub host: HostMatch,
    /// Whether no host is written where one is expected (v3alpha1): Hosts have the Mapping by its labels
    /// alone. Elsewhere it is as if `*` were written.
    pub hostless: bool,
    /// Which method matches; `None` = any.
    pub method: Option<MethodMatch>,
    /// `headers` and `regex_headers`, all of which must match, in the order written. `:authority`
    /// is in [`Self::host`] instead.
    pub headers: Vec<HeaderMatch>,
    /// `query_parameters` and `regex_query_parameters`, all of which must match, in the order
    /// written.
    pub query_parameters: Vec<QueryMatch>,
    /// First element of the ordering: higher goes first, may be negative.
    pub precedence: i64,
    /// Where requests go.
    pub service: Service,
    /// What the connections to the service are like.
    pub cluster: Rare<ClusterOptions>,
    /// Share of the group's requests in percent, as written: it may lie outside 0..=100. Of a
    /// shadow: the share that is copied.
    pub weight: Option<i64>,
    /// Whether requests are copied to the service instead of sent there.
    pub shadow: bool,
    /// The answer, if it is a redirect.
    pub redirect: Option<Box<Redirect>>,
    /// What becomes of the path.
    pub rewrite: Rewrite,
    /// `regex_rewrite`: goes before [`Self::rewrite`].
    pub regex_rewrite: Option<Box<Substitution>>,
    /// What becomes of the host; `None` = as the client sent it.
    pub host_rewrite: Option<Box<HeaderValue>>,
    /// Whether the host becomes the name of the upstream.
    pub auto_host_rewrite: bool,
    /// What is done to the request's headers.
    pub request_headers: Rare<HeaderOptions>,
    /// What is done to the response's headers.
    pub response_headers: Rare<HeaderOptions>,
    /// Whether `l5d-dst-override` is added; `None` = as the Module says.
    pub add_linkerd_headers: Option<bool>,
    /// Time for the whole response. `None` = the gateway's default, zero = no limit.
    pub timeout: Option<Duration>,
    /// `idle_timeout_ms`: silence that ends an exchange; zero = never. `None` = Envoy's 5 minutes.
    pub idle_timeout: Option<Duration>,
    /// When a request is sent again; `None` = as the Module says.
    pub retry_policy: Option<Box<RetryPolicy>>,
    /// Which of the cluster's limits hold.
    pub priority: Priority,
    /// `None` = as the Module says.
    pub cors: Option<Box<Cors>>,
    /// `allow_upgrade` and `use_websocket`: tokens of `Upgrade` that are passed on, in lower case.
    pub allow_upgrade: Box<[Box<str>]>,
    /// Bodies of errors; `None` = as the Module says.
    pub error_response_overrides: Option<Box<[ErrorResponseOverride]>>,
    /// Whether errors keep their bodies.
    pub bypass_error_response_overrides: bool,
    /// Whether no authentication service is asked. Kept for when there is one.
    pub bypass_auth: bool,
    /// `auth_context_extensions`: told to a gRPC authentication service. Kept for when there is one.
    pub auth_context_extensions: Box<[(Box<str>, Box<str>)]>,
    /// Told to a rate limit service. Kept for when there is one.
    pub labels: Box<[DomainLabels]>,
}

/// Which paths match. The query does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PathMatch {
    /// Those that begin with this text, without regard to segments.
    Prefix(Prefix),
    /// This one.
    Exact(Prefix),
    /// Those that match as a whole.
    Regex(Pattern),
}

impl PathMatch {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Prefix(text) | Self::Exact(text) => text.as_str(),
            Self::Regex(pattern) => pattern.as_str(),
        }
    }

    /// The text as written, shared.
    pub fn text(&self) -> Arc<str> {
        match self {
            Self::Prefix(text) | Self::Exact(text) => text.text(),
            Self::Regex(pattern) => pattern.text(),
        }
    }
}

/// Whether upper and lower case are told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Case {
    /// They are.
    #[default]
    Sensitive,
    /// They are not (ASCII).
    Insensitive,
}

/// Which method matches.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum MethodMatch {
    /// This one.
    Exact(Method),
    /// `method_regex`: those that match as a whole.
    Regex(Pattern),
}

impl MethodMatch {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Exact(method) => method.as_str(),
            Self::Regex(pattern) => pattern.as_str(),
        }
    }
}

/// One header that must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMatch {
    /// The header, in lower case.
    pub name: HeaderName,
    /// What its value must be.
    pub value: HeaderValueMatch,
}

/// What the value of a header must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValueMatch {
    /// Exactly these bytes.
    Exact(HeaderValue),
    /// Anything: `true` was written, or an empty text.
    Present,
    /// `regex_headers`: what matches as a whole.
    Regex(Pattern),
}

/// One query parameter that must match. Names and values are compared as they came, without
/// decoding, as Envoy does; of several with the name the first counts.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueryMatch {
    /// The parameter.
    pub name: Box<str>,
    /// What its value must be.
    pub value: QueryValueMatch,
}

/// What the value of a query parameter must be.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum QueryValueMatch {
    /// Exactly this text.
    Exact(Box<str>),
    /// Anything: `true` was written.
    Present,
    /// `regex_query_parameters`: what matches as a whole.
    Regex(Pattern),
}

#[cfg(test)]
mod tests {
    use super::Mapping;

    #[test]
    fn what_few_mappings_say_makes_no_other_mapping_larger() {
        assert!(size_of::<Mapping>() <= 400);
    }
}
