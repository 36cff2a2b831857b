//! `labels`, and `rate_limits` before them, as v3alpha1 has them.

use nuncio_config::Tree;

use super::document::Document;
use super::shape::texts;
use crate::yaml::Yaml;

/// All labels of a Mapping, by domain.
pub(super) fn of(document: &Document) -> Option<Yaml> {
    let domains = document.get("labels").map(Tree::entries);
    let mut labels: Vec<(String, Yaml)> = domains
        .unwrap_or_default()
        .iter()
        .map(|domain| {
            let groups = domain.value.items().iter().map(group);
            (domain.key.to_string(), Yaml::List(groups.collect()))
        })
        .collect();
    let limits = document.get("rate_limits").map(Tree::items);
    let limits = limits.unwrap_or_default().iter().enumerate();
    let limits: Vec<Yaml> = limits.map(|(number, it)| legacy(number, it)).collect();
    if !limits.is_empty() {
        match labels.iter_mut().find(|(domain, _)| domain == "ambassador") {
            Some((_, Yaml::List(groups))) => groups.extend(limits),
            Some(_) | None => labels.push(("ambassador".to_owned(), Yaml::List(limits))),
        }
    }
    (!labels.is_empty()).then_some(Yaml::Map(labels))
}

fn group(group: &Tree) -> Yaml {
    let named = group.entries().iter().map(|entry| {
        let specifiers = entry.value.items().iter().map(specifier);
        (entry.key.to_string(), Yaml::List(specifiers.collect()))
    });
    Yaml::Map(named.collect())
}

fn specifier(item: &Tree) -> Yaml {
    if let Some(text) = item.text() {
        return short(text);
    }
    if let Some(value) = item.get("generic_key").and_then(Tree::text) {
        let key = item.get("v3Key").and_then(Tree::text);
        return generic_key(value, key.filter(|key| !key.is_empty()));
    }
    let [entry] = item.entries() else {
        return Yaml::of(item);
    };
    match entry.value.get("header").and_then(Tree::text) {
        Some(header) => {
            let omit = entry.value.get("omit_if_not_present");
            request_header(&entry.key, header, omit.and_then(Tree::boolean))
        }
        None => structured(&entry.key, &entry.value),
    }
}

/// Up to v2 a text names a kind of label, else it is the value of a generic key.
fn short(text: &str) -> Yaml {
    match text {
        "remote_address" | "source_cluster" | "destination_cluster" => {
            Yaml::map([(text, Yaml::map([("key", Yaml::text(text))]))])
        }
        value => generic_key(value, None),
    }
}

fn generic_key(value: &str, key: Option<&str>) -> Yaml {
    let mut label = vec![("value".to_owned(), Yaml::text(value))];
    label.extend(key.map(|key| ("key".to_owned(), Yaml::text(key))));
    Yaml::map([("generic_key", Yaml::Map(label))])
}

fn request_header(key: &str, header: &str, omit: Option<bool>) -> Yaml {
    let mut label = vec![
        ("key".to_owned(), Yaml::text(key)),
        ("header_name".to_owned(), Yaml::text(header)),
    ];
    label.extend(omit.map(|omit| ("omit_if_not_present".to_owned(), Yaml::Bool(omit))));
    Yaml::map([("request_headers", Yaml::Map(label))])
}

/// As v3alpha1 has it already.
fn structured(kind: &str, value: &Tree) -> Yaml {
    let entries = value
        .entries()
        .iter()
        .filter(|it| &*it.key != "v2Shorthand");
    let pairs = entries.map(|it| {
        let text = it.value.text().map(Yaml::text);
        let value = match &*it.key {
            "omit_if_not_present" => it.value.boolean().map(Yaml::Bool),
            _ => text,
        };
        (
            it.key.to_string(),
            value.unwrap_or_else(|| Yaml::of(&it.value)),
        )
    });
    Yaml::map([(kind, Yaml::Map(pairs.collect()))])
}

/// As Ambassador 0.50 to 1.14 translate them.
fn legacy(number: usize, limit: &Tree) -> Yaml {
    let mut specifiers: Vec<Yaml> = ["source_cluster", "destination_cluster", "remote_address"]
        .map(short)
        .into();
    let descriptor = limit.get("descriptor").and_then(Tree::text);
    specifiers.extend(descriptor.map(|value| generic_key(value, None)));
    let headers = limit.get("headers").map(texts).unwrap_or_default();
    let headers = headers.into_iter();
    specifiers.extend(headers.map(|header| request_header(header, header, Some(true))));
    let name = format!("v0_ratelimit_{number:02}");
    Yaml::map([(name.as_str(), Yaml::List(specifiers))])
}
