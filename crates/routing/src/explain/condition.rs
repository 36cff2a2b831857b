//! The conditions of a Route, one by one, in the words of a Mapping.
//!
//! Invariant: a Route [matches](Route::matches) and is the Host's exactly when nothing is [missed],
//! weights aside.

use std::fmt::{self, Write};

use http::HeaderValue;
use nuncio_config::{
    Case, HeaderMatch, HeaderValueMatch, HostMatch, MethodMatch, PathMatch, QueryMatch,
    QueryValueMatch,
};

use crate::route::{header_matches, host_matches, method_matches, path_matches, query_matches};
use crate::{MappingSelector, RequestHead, Route};

/// What a request has not, of what a Route wants.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Missed<'r> {
    /// The condition that failed first.
    pub(super) first: Option<Unmet<'r>>,
    /// Whether the path did.
    pub(super) path: bool,
    /// How many other conditions did.
    pub(super) others: usize,
}

/// A condition that does not hold.
#[derive(Clone, Copy, Debug)]
pub(super) enum Unmet<'r> {
    Host,
    Labels,
    Path,
    Method(&'r MethodMatch),
    Header(&'r HeaderMatch),
    Query(&'r QueryMatch),
}

/// Compares a Route with a request of a Host.
pub(super) fn missed<'r>(
    route: &'r Route,
    head: &RequestHead<'_>,
    of: &MappingSelector,
) -> Missed<'r> {
    let host = !host_matches(&route.host, head.host);
    let path = !path_matches(&route.path, route.case, head.path);
    let method = route.method.as_ref();
    let method = method.filter(|wanted| !method_matches(wanted, head));
    let headers = route.headers.iter();
    let headers = headers.filter(|wanted| !header_matches(wanted, head));
    let query = head.query.unwrap_or_default();
    let parameters = route.query_parameters.iter();
    let parameters = parameters.filter(|wanted| !query_matches(wanted, query));
    let labels = !route.selected_by.has(of);
    let place = [
        host.then_some(Unmet::Host),
        labels.then_some(Unmet::Labels),
        path.then_some(Unmet::Path),
    ];
    let mut unmet = place
        .into_iter()
        .flatten()
        .chain(method.map(Unmet::Method))
        .chain(headers.map(Unmet::Header))
        .chain(parameters.map(Unmet::Query));
    let first = unmet.next();
    let all = unmet.count() + usize::from(first.is_some());
    Missed {
        first,
        path,
        others: all - usize::from(path),
    }
}

impl Unmet<'_> {
    /// The condition, and what is wrong with it.
    pub(super) fn told(self, route: &Route, head: &RequestHead<'_>) -> (String, String) {
        match self {
            Self::Host => ("host".into(), host_reason(&route.host, head.host)),
            Self::Labels => ("labels".into(), "the Host does not select it".into()),
            Self::Path => ("path".into(), path_reason(route, head.path)),
            Self::Method(wanted) => ("method".into(), method_reason(wanted, head)),
            Self::Header(wanted) => header_reason(wanted, head),
            Self::Query(wanted) => query_reason(wanted),
        }
    }
}

/// All conditions of a Route on one line.
pub(super) fn rule(route: &Route) -> String {
    let mut rule = String::new();
    let mut add = |condition: fmt::Arguments<'_>| {
        let separator = if rule.is_empty() { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(rule, "{separator}{condition}");
    };
    match &route.host {
        HostMatch::Any => {}
        HostMatch::Exact(text) => add(format_args!("host {text}")),
        HostMatch::Suffix(text) => add(format_args!("host *{text}")),
        HostMatch::Prefix(text) => add(format_args!("host {text}*")),
        HostMatch::Regex(pattern) => add(format_args!("host_regex {:?}", pattern.as_str())),
    }
    let case = match route.case {
        Case::Sensitive => "",
        Case::Insensitive => " in any case",
    };
    match &route.path {
        PathMatch::Prefix(text) => add(format_args!("prefix {}{case}", text.as_str())),
        PathMatch::Exact(text) => add(format_args!("prefix_exact {}{case}", text.as_str())),
        PathMatch::Regex(pattern) => add(format_args!("prefix_regex {:?}", pattern.as_str())),
    }
    match &route.method {
        None => {}
        Some(MethodMatch::Exact(method)) => add(format_args!("method {method}")),
        Some(MethodMatch::Regex(pattern)) => {
            add(format_args!("method_regex {:?}", pattern.as_str()));
        }
    }
    for header in &route.headers {
        add(format_args!(
            "header {} {}",
            header.name,
            Value::of_header(&header.value)
        ));
    }
    for wanted in &route.query_parameters {
        add(format_args!(
            "query parameter {:?} {}",
            wanted.name,
            Value::of_query(&wanted.value)
        ));
    }
    rule
}

fn host_reason(wanted: &HostMatch, host: &str) -> String {
    match wanted {
        HostMatch::Any => String::new(),
        HostMatch::Exact(text) if without_port(host).eq_ignore_ascii_case(text) => {
            format!("{host:?} has a port, and {text:?} has none")
        }
        HostMatch::Exact(text) => format!("{host:?} is not {text:?}"),
        HostMatch::Suffix(text) => format!("{host:?} does not end with {text:?}"),
        HostMatch::Prefix(text) => format!("{host:?} does not begin with {text:?}"),
        HostMatch::Regex(pattern) => format!("{host:?} does not match {:?}", pattern.as_str()),
    }
}

fn without_port(host: &str) -> &str {
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

fn path_reason(route: &Route, path: &str) -> String {
    match &route.path {
        PathMatch::Prefix(prefix) if prefix.as_str().strip_suffix('/') == Some(path) => {
            format!("{path:?} lacks the final slash of {:?}", prefix.as_str())
        }
        PathMatch::Prefix(prefix) => {
            format!("{path:?} does not begin with {:?}", prefix.as_str())
        }
        PathMatch::Exact(exact) => format!("{path:?} is not {:?}", exact.as_str()),
        PathMatch::Regex(pattern) => {
            format!("{path:?} does not match {:?} as a whole", pattern.as_str())
        }
    }
}

fn method_reason(wanted: &MethodMatch, head: &RequestHead<'_>) -> String {
    match wanted {
        MethodMatch::Exact(method) => format!("{} is not {method}", head.method),
        MethodMatch::Regex(pattern) => {
            format!("{} does not match {:?}", head.method, pattern.as_str())
        }
    }
}

fn header_reason(wanted: &HeaderMatch, head: &RequestHead<'_>) -> (String, String) {
    let condition = format!("header {}", wanted.name);
    let wants = Value::of_header(&wanted.value);
    let reason = match head.headers.get(&wanted.name).map(HeaderValue::to_str) {
        None => format!("it is missing and must be {wants}"),
        Some(Ok(sent)) => format!("{sent:?} is not {wants}"),
        Some(Err(_)) => format!("it is not {wants}"),
    };
    (condition, reason)
}

fn query_reason(wanted: &QueryMatch) -> (String, String) {
    let condition = format!("query parameter {:?}", wanted.name);
    let reason = format!("it is not {}", Value::of_query(&wanted.value));
    (condition, reason)
}

/// What a value must be.
enum Value<'a> {
    Present,
    Exact(&'a str),
    Bytes,
    Regex(&'a str),
}

impl<'a> Value<'a> {
    fn of_header(value: &'a HeaderValueMatch) -> Self {
        match value {
            HeaderValueMatch::Present => Self::Present,
            HeaderValueMatch::Exact(value) => value.to_str().map_or(Self::Bytes, Self::Exact),
            HeaderValueMatch::Regex(pattern) => Self::Regex(pattern.as_str()),
        }
    }

    fn of_query(value: &'a QueryValueMatch) -> Self {
        match value {
            QueryValueMatch::Present => Self::Present,
            QueryValueMatch::Exact(text) => Self::Exact(text),
            QueryValueMatch::Regex(pattern) => Self::Regex(pattern.as_str()),
        }
    }
}

impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Present => f.write_str("present"),
            Self::Exact(text) => write!(f, "{text:?}"),
            Self::Bytes => f.write_str("certain bytes"),
            Self::Regex(pattern) => write!(f, "a match of {pattern:?}"),
        }
    }
}
