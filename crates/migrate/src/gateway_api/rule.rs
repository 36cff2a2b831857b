//! Conditions and filters of one Mapping.

use std::time::Duration;

use nuncio_config::{
    HeaderMatch, HeaderOptions, HeaderValueMatch, HostMatch, Mapping, MethodMatch, PathMatch,
    QueryMatch, QueryValueMatch, Redirect, RedirectPath, Rewrite,
};

use super::unsaid::literal;
use crate::yaml::Yaml;

/// The hostname; `None` = any. An error names the key.
pub(super) fn hostname(host: &HostMatch) -> Result<Option<String>, &'static str> {
    let is_name = |text: &str| {
        let stands = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
        !text.is_empty() && text.chars().all(stands)
    };
    match host {
        HostMatch::Any => Ok(None),
        HostMatch::Exact(text) if is_name(text) => Ok(Some(text.to_ascii_lowercase())),
        HostMatch::Suffix(text) if text.starts_with('.') && is_name(text) => {
            Ok(Some(format!("*{}", text.to_ascii_lowercase())))
        }
        HostMatch::Exact(_) | HostMatch::Suffix(_) | HostMatch::Prefix(_) | HostMatch::Regex(_) => {
            Err("host")
        }
    }
}

/// What is matched; an error names the key that cannot be said.
pub(super) fn matched(mapping: &Mapping) -> Result<Yaml, &'static str> {
    let mut matched = vec![("path".to_owned(), path(&mapping.path))];
    match &mapping.method {
        None => {}
        Some(MethodMatch::Regex(_)) => return Err("method_regex"),
        Some(MethodMatch::Exact(method)) if METHODS.contains(&method.as_str()) => {
            matched.push(("method".to_owned(), Yaml::text(method.as_str())));
        }
        Some(MethodMatch::Exact(_)) => return Err("method"),
    }
    let headers: Option<Vec<Yaml>> = mapping.headers.iter().map(header).collect();
    let headers = headers.ok_or("headers")?;
    if !headers.is_empty() {
        matched.push(("headers".to_owned(), Yaml::List(headers)));
    }
    let queries: Vec<Yaml> = mapping.query_parameters.iter().map(query).collect();
    if !queries.is_empty() {
        matched.push(("queryParams".to_owned(), Yaml::List(queries)));
    }
    Ok(Yaml::Map(matched))
}

const METHODS: [&str; 9] = [
    "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
];

fn path(path: &PathMatch) -> Yaml {
    let (kind, value) = match path {
        PathMatch::Prefix(prefix) => {
            let text = prefix.as_str();
            let whole = text.strip_suffix('/').filter(|it| !it.is_empty());
            ("PathPrefix", whole.unwrap_or(text))
        }
        PathMatch::Exact(path) => ("Exact", path.as_str()),
        PathMatch::Regex(pattern) => ("RegularExpression", pattern.as_str()),
    };
    typed(kind, value)
}

/// What is different about a path.
pub(super) fn path_differs(path: &PathMatch) -> Option<&'static str> {
    match path {
        PathMatch::Prefix(prefix) if prefix.as_str() == "/" => None,
        PathMatch::Prefix(prefix) if prefix.as_str().ends_with('/') => {
            Some("a PathPrefix also matches the path without the last slash")
        }
        PathMatch::Prefix(_) => {
            Some("a PathPrefix takes whole segments: `/a` does not match `/ab`")
        }
        PathMatch::Exact(_) => None,
        PathMatch::Regex(_) => Some("the dialect of RegularExpression is the implementation's"),
    }
}

fn typed(kind: &str, value: &str) -> Yaml {
    Yaml::map([("type", Yaml::text(kind)), ("value", Yaml::text(value))])
}

fn condition(name: &str, kind: &str, value: &str) -> Yaml {
    Yaml::map([
        ("type", Yaml::text(kind)),
        ("name", Yaml::text(name)),
        ("value", Yaml::text(value)),
    ])
}

fn header(header: &HeaderMatch) -> Option<Yaml> {
    let name = header.name.as_str();
    Some(match &header.value {
        HeaderValueMatch::Exact(value) => condition(name, "Exact", value.to_str().ok()?),
        HeaderValueMatch::Present => condition(name, "RegularExpression", ".*"),
        HeaderValueMatch::Regex(pattern) => condition(name, "RegularExpression", pattern.as_str()),
    })
}

fn query(query: &QueryMatch) -> Yaml {
    match &query.value {
        QueryValueMatch::Exact(value) => condition(&query.name, "Exact", value),
        QueryValueMatch::Present => condition(&query.name, "RegularExpression", ".*"),
        QueryValueMatch::Regex(pattern) => {
            condition(&query.name, "RegularExpression", pattern.as_str())
        }
    }
}

/// What is done to requests and answers, shadows aside.
pub(super) fn filters(mapping: &Mapping) -> Vec<Yaml> {
    let mut filters = Vec::new();
    let directions = [
        (
            "RequestHeaderModifier",
            "requestHeaderModifier",
            &mapping.request_headers,
        ),
        (
            "ResponseHeaderModifier",
            "responseHeaderModifier",
            &mapping.response_headers,
        ),
    ];
    for (kind, key, headers) in directions {
        filters.extend(modifier(headers).map(|it| filter(kind, key, it)));
    }
    match &mapping.redirect {
        Some(redirect) => {
            let redirect = redirection(redirect, &mapping.path);
            filters.push(filter("RequestRedirect", "requestRedirect", redirect));
        }
        None => filters.extend(rewriting(mapping).map(|it| filter("URLRewrite", "urlRewrite", it))),
    }
    filters
}

pub(super) fn filter(kind: &str, key: &str, value: Yaml) -> Yaml {
    Yaml::map([("type", Yaml::text(kind)), (key, value)])
}

fn modifier(headers: &HeaderOptions) -> Option<Yaml> {
    let added = |append: bool| {
        let added = headers
            .add
            .iter()
            .flatten()
            .filter(|it| it.append == append);
        let pairs = added.filter_map(|it| {
            let value = Yaml::text(literal(&it.value)?);
            Some(Yaml::map([
                ("name", Yaml::text(it.name.as_str())),
                ("value", value),
            ]))
        });
        Yaml::List(pairs.collect())
    };
    let removed = headers.remove.iter().flatten().map(http_name);
    let all = [
        ("add", added(true)),
        ("set", added(false)),
        ("remove", Yaml::List(removed.collect())),
    ];
    let all = all
        .into_iter()
        .filter(|(_, it)| *it != Yaml::List(Vec::new()));
    let all: Vec<_> = all.map(|(key, it)| (key.to_owned(), it)).collect();
    (!all.is_empty()).then_some(Yaml::Map(all))
}

fn http_name(name: &impl AsRef<str>) -> Yaml {
    Yaml::text(name.as_ref())
}

fn redirection(redirect: &Redirect, matched: &PathMatch) -> Yaml {
    let (host, port) = match redirect.host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, port.parse::<u16>().ok()),
        Some(_) | None => (&*redirect.host, None),
    };
    let mut spec = vec![("hostname".to_owned(), Yaml::text(host))];
    let path = match (&redirect.path, matched) {
        (RedirectPath::Whole(path), _) => Some(full(path)),
        (RedirectPath::Prefix(path), PathMatch::Prefix(_)) => Some(prefix(path)),
        (RedirectPath::Prefix(path), PathMatch::Exact(_)) => Some(full(path)),
        (RedirectPath::Prefix(_), PathMatch::Regex(_))
        | (RedirectPath::Regex(_) | RedirectPath::Unchanged, _) => None,
    };
    spec.extend(path.map(|path| ("path".to_owned(), path)));
    spec.extend(port.map(|port| ("port".to_owned(), Yaml::Int(port.into()))));
    spec.push(("statusCode".to_owned(), Yaml::Int(redirect.status.into())));
    Yaml::Map(spec)
}

fn full(path: &str) -> Yaml {
    Yaml::map([
        ("type", Yaml::text("ReplaceFullPath")),
        ("replaceFullPath", Yaml::text(path)),
    ])
}

fn prefix(path: &str) -> Yaml {
    Yaml::map([
        ("type", Yaml::text("ReplacePrefixMatch")),
        ("replacePrefixMatch", Yaml::text(path)),
    ])
}

fn rewriting(mapping: &Mapping) -> Option<Yaml> {
    let mut rewriting = Vec::new();
    let host = mapping
        .host_rewrite
        .as_ref()
        .and_then(|it| it.to_str().ok());
    if let Some(host) = host.filter(|it| !it.contains(':')) {
        rewriting.push(("hostname".to_owned(), Yaml::text(host)));
    }
    let path = match (&mapping.rewrite, &mapping.path) {
        _ if mapping.regex_rewrite.is_some() => None,
        (Rewrite::Prefix(text), PathMatch::Prefix(it) | PathMatch::Exact(it))
            if **text == *it.as_str() =>
        {
            None
        }
        (Rewrite::Prefix(text), PathMatch::Prefix(_)) => Some(prefix(text)),
        (Rewrite::Prefix(text), PathMatch::Exact(_)) => Some(full(text)),
        (Rewrite::Prefix(_), PathMatch::Regex(_)) | (Rewrite::Untouched, _) => None,
    };
    rewriting.extend(path.map(|path| ("path".to_owned(), path)));
    (!rewriting.is_empty()).then_some(Yaml::Map(rewriting))
}

/// GEP-2257: whole numbers with units.
pub(super) fn duration(time: Duration) -> Yaml {
    let millis = time.as_millis();
    Yaml::text(match millis % 1000 {
        0 => format!("{}s", millis / 1000),
        _ => format!("{}s{}ms", millis / 1000, millis % 1000),
    })
}
