//! A manifest file: Kubernetes objects, or documents of Ambassador's own, in a multi-document YAML (or
//! JSON) text.
//!
//! Invariant: every object that may be ours is listed, or there is an error; a document that cannot be
//! read harms itself alone.
//! Deliberately absent: what the objects say, whether they are ours after all (`AMBASSADOR_ID`), and
//! objects that other controllers look after. No `$VARIABLE` in a text is replaced.

mod configuration;
mod guess;
mod ingress;
mod object;
mod secret;

use std::sync::Arc;

use crate::report::Report;
use crate::yaml::{self, Limits};
use crate::{Diagnostic, Form, Labels, Lines, ObjectRef, Origin};
use configuration::Configuration;
use object::Reader;
pub use secret::{ManifestSecret, SecretForm, SecretValue};

/// What a manifest file holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// The objects, in the order they were written; documents of Ambassador's own come last, as one.
    pub objects: Vec<ManifestObject>,
    /// The IngressClasses that are Ambassador's.
    pub ingress_classes: Vec<Box<str>>,
    /// The Secrets, in the order they were written.
    pub secrets: Vec<ManifestSecret>,
    /// What could not be read.
    pub diagnostics: Vec<Diagnostic>,
}

/// One object of a manifest file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestObject {
    /// Which object it is.
    pub object: Arc<ObjectRef>,
    /// The line it begins at.
    pub line: u32,
    /// What it says to us; of a Service, its [`CONFIG_ANNOTATION`](crate::CONFIG_ANNOTATION).
    pub said: Option<Said>,
    /// The IngressClass that has to be Ambassador's for the object to be ours.
    pub ingress_class: Option<Box<str>>,
    /// The labels of a Service that says something.
    pub labels: Labels,
}

impl ManifestObject {
    /// Where what it says comes from, for [`parse`](crate::parse).
    pub fn origin(&self, file: &Arc<str>, said: &Said) -> Origin {
        Origin {
            object: Arc::clone(&self.object),
            file: Some(Arc::clone(file)),
            lines: said.lines,
            labels: self.labels.clone(),
        }
    }
}

/// A text, ready to be parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Said {
    /// What the text is.
    pub form: Form,
    /// The text.
    pub text: Box<str>,
    /// Where its lines stand in the file.
    pub lines: Lines,
}

/// Reads a manifest file. Never fails.
///
/// Objects may stand in documents of their own or in a `List`. Read are Services, custom resources of
/// `getambassador.io`, Ingresses and their classes, the ConfigMap `ambassador-config`, and Secrets, which
/// say nothing of themselves; other kinds are passed over. Lines are exact in objects and in literal block scalars (`|`); in other scalars
/// they are the line of the scalar.
pub fn read_manifest(file: &Arc<str>, text: &str) -> Manifest {
    let whole = Arc::new(ObjectRef {
        kind: "File".into(),
        namespace: "".into(),
        name: (**file).into(),
    });
    let mut report = Report::new(Origin {
        object: Arc::clone(&whole),
        file: Some(Arc::clone(file)),
        lines: Lines::From(1),
        labels: Labels::default(),
    });
    let mut manifest = Manifest::default();
    if text.len() > LIMITS.bytes {
        report.error(1, format!("longer than {} bytes, not read", LIMITS.bytes));
        manifest.diagnostics = report.finish();
        return manifest;
    }
    let text = yaml::normalised(text);
    let mut configuration = Configuration::default();
    for document in yaml::documents(&text) {
        report.enter(document.number);
        match yaml::load(&document, LIMITS) {
            Ok(Some(root)) if configuration::is_document(&root) => configuration.add(&document),
            Ok(Some(root)) => Reader::of(&document, &mut manifest, &mut report).read(&root),
            Ok(None) => {}
            Err(broken) => {
                if let Some(object) = guess::object(document.text) {
                    report.name_object(&Arc::new(object));
                }
                report.error(broken.line, broken.reason(|line| line));
            }
        }
    }
    manifest.objects.extend(configuration.object(whole));
    manifest.diagnostics = report.finish();
    manifest
}

/// Room for a dump of all Services of a big cluster, as one `List`.
const LIMITS: Limits = Limits {
    nodes: 2_000_000,
    bytes: 32 * 1024 * 1024,
};
