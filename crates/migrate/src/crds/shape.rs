//! The forms of values, and how each is written in v3alpha1.

use nuncio_config::{Tree, TreeValue};

use super::document::Document;
use crate::remark::{Remark, Weight};
use crate::yaml::Yaml;

/// What a value is in v3alpha1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Flag,
    Number,
    Text,
    /// A list of texts, or one.
    Texts,
    /// Names and texts.
    TextMap,
    /// `add_*_headers`
    Additions,
    Cors,
    /// As it was read, with numbers and booleans that were in quotes as such.
    Nested,
}

/// A value in its form; `None` where it is none that the form knows.
pub(super) fn shaped(tree: &Tree, shape: Shape) -> Option<Yaml> {
    match shape {
        Shape::Flag => tree.boolean().map(Yaml::Bool),
        Shape::Number => tree.integer().map(Yaml::Int),
        Shape::Text => tree.text().map(Yaml::text),
        Shape::Texts => Some(Yaml::List(
            texts(tree).into_iter().map(Yaml::text).collect(),
        )),
        Shape::TextMap => Some(text_map(tree)),
        Shape::Additions => Some(additions(tree)),
        Shape::Cors => Some(cors(tree)),
        Shape::Nested => Some(nested(tree)),
    }
}

/// The elements of a list, or the one text.
pub(super) fn texts(tree: &Tree) -> Vec<&str> {
    match tree.text() {
        Some(text) => vec![text],
        None => tree.items().iter().filter_map(Tree::text).collect(),
    }
}

fn text_map(tree: &Tree) -> Yaml {
    let entries = tree.entries().iter();
    let pairs = entries.filter_map(|it| Some((it.key.to_string(), Yaml::text(it.value.text()?))));
    Yaml::Map(pairs.collect())
}

/// `{X: v}` is `{X: {value: v}}`.
fn additions(tree: &Tree) -> Yaml {
    let entries = tree.entries().iter().filter_map(|entry| {
        let value = entry.value.get("value").unwrap_or(&entry.value).text()?;
        let mut addition = vec![("value".to_owned(), Yaml::text(value))];
        let append = entry.value.get("append").and_then(Tree::boolean);
        addition.extend(append.map(|append| ("append".to_owned(), Yaml::Bool(append))));
        Some((entry.key.to_string(), Yaml::Map(addition)))
    });
    Yaml::Map(entries.collect())
}

/// Texts with commas are lists.
fn cors(tree: &Tree) -> Yaml {
    let mut cors = Vec::new();
    for key in ["origins", "methods", "headers", "exposed_headers"] {
        if let Some(value) = tree.get(key) {
            let elements = texts(value).into_iter().flat_map(|text| text.split(','));
            let elements = elements.map(str::trim).filter(|text| !text.is_empty());
            cors.push((key.to_owned(), Yaml::texts(elements)));
        }
    }
    if let Some(credentials) = tree.get("credentials").and_then(Tree::boolean) {
        cors.push(("credentials".to_owned(), Yaml::Bool(credentials)));
    }
    if let Some(seconds) = tree.get("max_age").and_then(Tree::text) {
        cors.push(("max_age".to_owned(), Yaml::text(seconds)));
    }
    Yaml::Map(cors)
}

/// Keys of nested values that are numbers, whatever was written.
const NUMBERS: [&str; 16] = [
    "interval",
    "idle_time",
    "max_connections",
    "max_pending_requests",
    "max_requests",
    "max_retries",
    "num_retries",
    "on_status_code",
    "port",
    "additionalPort",
    "healthy_threshold",
    "unhealthy_threshold",
    "min",
    "max",
    "max_bytes",
    "probes",
];

/// Keys of nested values that are texts, whatever was written.
const TEXTS: [&str; 9] = [
    "matchLabels",
    "name",
    "path",
    "ttl",
    "header",
    "value",
    "per_try_timeout",
    "pattern",
    "substitution",
];

pub(super) fn nested(tree: &Tree) -> Yaml {
    match &tree.value {
        TreeValue::Map(entries) => {
            let entries = entries
                .iter()
                .filter(|it| it.value.value != TreeValue::Null);
            let pairs = entries.map(|it| (it.key.to_string(), member(&it.key, &it.value)));
            Yaml::Map(pairs.collect())
        }
        TreeValue::List(items) => Yaml::List(items.iter().map(nested).collect()),
        TreeValue::Null | TreeValue::Literal(_) | TreeValue::Text(_) | TreeValue::Block(_) => {
            Yaml::of(tree)
        }
    }
}

fn member(key: &str, value: &Tree) -> Yaml {
    if key == "matchLabels" {
        return text_map(value);
    }
    let known = match key {
        _ if NUMBERS.contains(&key) => value.integer().map(Yaml::Int),
        _ if TEXTS.contains(&key) => value.text().map(Yaml::text),
        "source_ip" | "cert_required" | "secret_namespacing" => value.boolean().map(Yaml::Bool),
        _ => None,
    };
    known.unwrap_or_else(|| nested(value))
}

/// A spec that is being written.
pub(super) struct Draft<'d> {
    pub(super) document: &'d Document,
    pub(super) spec: Vec<(String, Yaml)>,
    pub(super) remarks: Vec<Remark>,
    /// The keys that were seen to.
    done: Vec<&'static str>,
}

impl<'d> Draft<'d> {
    /// Begins with whose it is: always a list.
    pub(super) fn of(document: &'d Document) -> Self {
        let ids = document.get("ambassador_id");
        let ids = ids.or_else(|| document.get("ambassadorId")).map(texts);
        let ids = ids.filter(|ids| !ids.is_empty()).map(Yaml::texts);
        let spec = ids.map(|ids| ("ambassador_id".to_owned(), ids));
        Self {
            document,
            spec: spec.into_iter().collect(),
            remarks: Vec::new(),
            done: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, key: &str, value: Option<Yaml>) {
        self.spec.extend(value.map(|value| (key.to_owned(), value)));
    }

    /// Carries a key over in its form.
    pub(super) fn carry(&mut self, key: &'static str, shape: Shape) {
        let value = self.document.get(key).and_then(|it| shaped(it, shape));
        self.done.push(key);
        self.set(key, value);
    }

    /// Carries a key over that is called otherwise now.
    pub(super) fn rename(&mut self, old: &'static str, new: &'static str, shape: Shape) {
        self.done.extend([old, new]);
        let written = self.document.get(new).or_else(|| self.document.get(old));
        let value = written.and_then(|it| shaped(it, shape));
        self.set(new, value);
    }

    /// Says that a key was seen to in another way.
    pub(super) fn seen(&mut self, keys: &[&'static str]) {
        self.done.extend(keys);
    }

    pub(super) fn lose(&mut self, key: &str, reason: &str) {
        let line = self.document.line_of(key);
        self.remarks
            .push(Remark::on(Weight::Lost, line, key, reason));
    }

    /// What nobody saw to is told of.
    pub(super) fn finish(mut self) -> (Yaml, Vec<Remark>) {
        for entry in self.document.entries() {
            if !self.done.contains(&&*entry.key) {
                let reason = "not written: v3alpha1 has no such key";
                let remark = Remark::on(Weight::Lost, entry.line, &entry.key, reason);
                self.remarks.push(remark);
            }
        }
        (Yaml::Map(self.spec), self.remarks)
    }
}
