//! What comes in and what goes out.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::yaml::Yaml;

/// A text that is read.
#[derive(Clone, Debug)]
pub struct Source {
    /// What it is called in the report.
    pub name: Arc<str>,
    /// The manifest.
    pub text: String,
    /// Whether its lines mean anything to a person: not those of a cluster's answers.
    pub has_lines: bool,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Custom resources of `getambassador.io/v3alpha1`.
    Crds,
    /// `gateway.networking.k8s.io`
    GatewayApi,
}

/// An object to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// Its kind.
    pub kind: Box<str>,
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
    /// Where it comes from, on one line.
    pub from: Box<str>,
    pub(crate) yaml: Yaml,
}

impl Object {
    /// The manifest, a comment on where it comes from above it.
    pub fn text(&self) -> String {
        format!("# from {}\n{}", self.from, self.yaml.document())
    }

    /// A name for a file of its own.
    pub fn file_name(&self) -> String {
        let kind = self.kind.to_ascii_lowercase();
        format!("{}.{kind}.{}.yaml", self.namespace, self.name)
    }
}

/// What an object begins with: version, kind, and metadata.
pub(crate) struct Head<'h> {
    pub(crate) version: &'h str,
    pub(crate) kind: &'h str,
    pub(crate) namespace: &'h str,
    pub(crate) name: &'h str,
    pub(crate) labels: Vec<(Box<str>, Box<str>)>,
}

impl Head<'_> {
    /// The object with this spec.
    pub(crate) fn with(self, spec: Yaml, from: &str) -> Object {
        let mut metadata = vec![
            ("name".to_owned(), Yaml::text(self.name)),
            ("namespace".to_owned(), Yaml::text(self.namespace)),
        ];
        if !self.labels.is_empty() {
            let labels = self.labels.into_iter();
            let labels = labels.map(|(key, value)| (key.into(), Yaml::text(value)));
            metadata.push(("labels".to_owned(), Yaml::Map(labels.collect())));
        }
        Object {
            kind: self.kind.into(),
            namespace: self.namespace.into(),
            name: self.name.into(),
            from: from.into(),
            yaml: Yaml::map([
                ("apiVersion", Yaml::text(self.version)),
                ("kind", Yaml::text(self.kind)),
                ("metadata", Yaml::Map(metadata)),
                ("spec", spec),
            ]),
        }
    }
}

/// The names that are taken, by kind and namespace.
#[derive(Debug, Default)]
pub(crate) struct Names(BTreeSet<(String, String, String)>);

impl Names {
    /// A name that Kubernetes takes and nobody has, as near to the one wanted as can be.
    pub(crate) fn take(&mut self, kind: &str, namespace: &str, wanted: &str) -> String {
        let wanted = kubernetes_name(wanted);
        let numbered = (2..).map(|number: u64| format!("{wanted}-{number}"));
        let mut candidates = std::iter::once(wanted.clone()).chain(numbered);
        candidates
            .find(|name| {
                let place = (kind.to_owned(), namespace.to_owned(), name.clone());
                self.0.insert(place)
            })
            .unwrap_or(wanted)
    }
}

/// RFC 1123, as Kubernetes has it.
pub(crate) fn kubernetes_name(wanted: &str) -> String {
    let stands = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let name: String = wanted
        .chars()
        .take(240)
        .map(|c| c.to_ascii_lowercase())
        .map(|c| if stands(c) { c } else { '-' })
        .collect();
    let name = name.trim_matches(['-', '.']);
    match name {
        "" => "unnamed".to_owned(),
        name => name.to_owned(),
    }
}
