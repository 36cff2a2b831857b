//! What users are told of credentials that cannot be had.
//!
//! Invariant: says which Secret or file, which key and why; never what is in it.

use std::collections::BTreeMap;

use nuncio_config::{ObjectRef, Severity};
use nuncio_routing::{Credential, SecretName};

use super::place::Place;
use crate::change::{Change, Feed, Need};
use crate::remark::{self, quoted};

/// What is wrong now.
#[derive(Debug)]
pub(super) struct Remarks {
    all: remark::Remarks<Subject>,
    /// The Secrets of each namespace that are refused.
    refused: BTreeMap<Box<str>, BTreeMap<Box<str>, Need>>,
}

/// What a remark is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    /// The Secrets of a namespace.
    Namespace(Box<str>),
    /// Whether there is something at a place.
    Place(Place),
    /// What it is wanted for.
    Credential(Credential),
}

/// Names that are told of those that are refused.
const NAMED: usize = 5;

impl Remarks {
    pub(super) fn new() -> Self {
        Self {
            all: remark::Remarks::new(Feed::Credentials),
            refused: BTreeMap::new(),
        }
    }

    /// Something is wrong with a credential.
    pub(super) fn wrong(
        &mut self,
        of: &Credential,
        place: &Place,
        (severity, reason): (Severity, String),
    ) {
        let diagnostic = remark::of(place.object(), severity, reason);
        self.all.hold(Subject::Credential(of.clone()), diagnostic);
    }

    /// Nothing is wrong with it any more.
    pub(super) fn well(&mut self, of: &Credential) {
        self.all.withdraw(&Subject::Credential(of.clone()));
    }

    /// There is nothing at a place.
    pub(super) fn missing(&mut self, place: &Place, what: &str) {
        self.nothing(place, format!("{what}; what needs it for TLS goes without"));
    }

    /// There is nothing at a place where there was something.
    pub(super) fn deleted(&mut self, place: &Place, what: &str) {
        self.nothing(place, format!("{what}; what was read before stays in use"));
    }

    fn nothing(&mut self, place: &Place, reason: String) {
        let diagnostic = remark::of(place.object(), Severity::Error, reason);
        self.all.hold(Subject::Place(place.clone()), diagnostic);
    }

    /// There is something, or nobody wants to know.
    pub(super) fn not_missing(&mut self, place: &Place) {
        self.all.withdraw(&Subject::Place(place.clone()));
    }

    /// The API server refuses to tell of a Secret.
    pub(super) fn refused(&mut self, secret: &SecretName, need: Need, why: &str) {
        let refused = self.refused.entry(secret.namespace.clone()).or_default();
        if refused.insert(secret.name.clone(), need) != Some(need) {
            self.tell_of_refused(&secret.namespace, why);
        }
    }

    /// It does not, or nobody wants to know.
    pub(super) fn not_refused(&mut self, secret: &SecretName) {
        let namespace = &secret.namespace;
        let Some(refused) = self.refused.get_mut(namespace) else {
            return;
        };
        refused.remove(&secret.name);
        if refused.is_empty() {
            self.refused.remove(namespace);
            self.all.withdraw(&Subject::Namespace(namespace.clone()));
        }
    }

    /// Whether the pipeline is to be told.
    pub(super) fn have_changed(&self) -> bool {
        self.all.have_changed()
    }

    /// All there is to tell.
    pub(super) fn told(&mut self) -> Change {
        self.all.told()
    }

    fn tell_of_refused(&mut self, namespace: &str, why: &str) {
        let Some(refused) = self.refused.get(namespace) else {
            return;
        };
        let mut names: Vec<&str> = refused.keys().take(NAMED).map(|name| &**name).collect();
        if refused.len() > NAMED {
            names.push("...");
        }
        let reason = format!(
            "cannot list and watch secrets: {}; not read: {}",
            quoted(why),
            names.join(", ")
        );
        let object = ObjectRef {
            kind: "Secret".into(),
            namespace: namespace.into(),
            name: "*".into(),
        };
        let severity = match refused.values().any(|need| *need == Need::Required) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let diagnostic = remark::of(object, severity, reason);
        self.all
            .hold(Subject::Namespace(namespace.into()), diagnostic);
    }
}
