//! Which requests a Mapping takes: host, method, headers and query parameters.
//!
//! Invariant: what matches is the same; pseudo headers become the keys that they stand for.

use nuncio_config::Tree;

use super::document::Document;
use super::shape::{Draft, texts};
use crate::yaml::Yaml;

/// What a matching map may hold of pseudo headers.
const PSEUDO: [&str; 2] = [":authority", ":method"];

/// Writes which requests match.
pub(super) fn write(draft: &mut Draft<'_>) {
    draft.seen(&["host", "host_regex", "hostname", "method", "method_regex"]);
    draft.seen(&[
        "headers",
        "regex_headers",
        "query_parameters",
        "regex_query_parameters",
    ]);
    let document = draft.document;
    host(draft);
    let pseudo = |key: &str| document.get(key).and_then(|it| it.get(":method"));
    let pseudo = |key| pseudo(key).and_then(Tree::text);
    let (method, is_regex) = match (document.text("method"), pseudo("headers")) {
        (Some(method), _) => (Some(method), document.is_true("method_regex")),
        (None, Some(method)) => (Some(method), false),
        (None, None) => (pseudo("regex_headers"), true),
    };
    draft.set("method", method.map(Yaml::text));
    draft.set(
        "method_regex",
        method.filter(|_| is_regex).map(|_| Yaml::Bool(true)),
    );
    for (exact, regex, remembered) in [
        ("headers", "regex_headers", "v2BoolHeaders"),
        (
            "query_parameters",
            "regex_query_parameters",
            "v2BoolQueryParameters",
        ),
    ] {
        let (present, patterns) = matches(document, [exact, regex, remembered]);
        draft.set(
            exact,
            Some(Yaml::Map(present)).filter(|it| *it != Yaml::Map(Vec::new())),
        );
        draft.set(
            regex,
            Some(Yaml::Map(patterns)).filter(|it| *it != Yaml::Map(Vec::new())),
        );
    }
}

type Pairs = Vec<(String, Yaml)>;

/// Exact values and patterns; what has to be present only is an empty text.
fn matches(document: &Document, [exact, regex, remembered]: [&str; 3]) -> (Pairs, Pairs) {
    let of = |key: &str| {
        document
            .get(key)
            .map(Tree::entries)
            .unwrap_or_default()
            .iter()
    };
    let own = |key: &str| of(key).filter(|it| !PSEUDO.contains(&&*it.key));
    let names = document.get(remembered).map(texts).unwrap_or_default();
    let is_header = exact == "headers";
    let is_present = |name: &str| {
        let same = |it: &&str| *it == name || is_header && it.eq_ignore_ascii_case(name);
        names.iter().any(same)
    };
    let mut values: Pairs = own(exact)
        .filter_map(|it| {
            let present = it.value.plain_boolean() == Some(true);
            let text = if present { "" } else { it.value.text()? };
            Some((it.key.to_string(), Yaml::text(text)))
        })
        .collect();
    let mut patterns = Vec::new();
    for entry in own(regex) {
        let Some(text) = entry.value.text() else {
            continue;
        };
        match text == ".*" && is_present(&entry.key) {
            true => values.push((entry.key.to_string(), Yaml::text(""))),
            false => patterns.push((entry.key.to_string(), Yaml::text(text))),
        }
    }
    (values, patterns)
}

/// `hostname` goes before `host`, and either before `:authority`.
fn host(draft: &mut Draft<'_>) {
    let document = draft.document;
    let said = |key: &str| document.text(key).filter(|it| !it.is_empty());
    let authority = |key: &str| document.get(key).and_then(|it| it.get(":authority"));
    let exact = authority("headers").filter(|it| it.plain_boolean() != Some(true));
    let exact = exact.and_then(Tree::text);
    let pattern = authority("regex_headers").and_then(Tree::text);
    let is_regex = document.is_true("host_regex");
    let (hostname, regex) = match (said("hostname"), said("host")) {
        (Some(hostname), _) => (Some(hostname), None),
        (None, Some(host)) if is_regex => (None, Some(host)),
        (None, Some(host)) => (Some(host), None),
        (None, None) => (exact, pattern.filter(|_| exact.is_none())),
    };
    let is_written = |key| document.entry(key).is_some();
    let names_none = document.is_v3 && !is_written("host") && !is_written("hostname");
    match (hostname, regex) {
        (Some(hostname), _) => draft.set("hostname", Some(Yaml::text(hostname))),
        (None, Some(regex)) => {
            draft.set("host", Some(Yaml::text(regex)));
            draft.set("host_regex", Some(Yaml::Bool(true)));
        }
        (None, None) if names_none => {}
        (None, None) => draft.set("hostname", Some(Yaml::text("*"))),
    }
}
