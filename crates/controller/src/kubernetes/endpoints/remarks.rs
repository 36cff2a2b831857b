//! What users are told of endpoints that cannot be had.
//!
//! Invariant: holds exactly what is wrong now; the pipeline is told all of it when it changes.
//! Deliberately absent: the Mappings that are affected, which only the pipeline knows.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, ObjectRef, Severity};

use super::name::ServiceName;
use crate::change::{Change, Feed};

/// What is wrong, by what it is about.
#[derive(Debug, Default)]
pub(super) struct Remarks {
    held: BTreeMap<Subject, Diagnostic>,
    changed: bool,
}

/// What a remark is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    /// The EndpointSlices of a namespace.
    Slices(Box<str>),
    /// A Service.
    Service(ServiceName),
    /// A port of a Service.
    Port(ServiceName, u16),
}

impl Remarks {
    /// The API server refuses to tell of `subject`.
    pub(super) fn refused(&mut self, subject: Subject, why: &str) {
        let what = match subject {
            Subject::Slices(_) => "list and watch endpointslices.discovery.k8s.io",
            Subject::Service(_) | Subject::Port(..) => "get services",
        };
        let why: String = why
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(300)
            .collect();
        let reason = format!("cannot {what}: {why}; names are resolved instead");
        self.hold(subject, Severity::Warning, &reason);
    }

    /// A cluster wants a port that its Service does not have.
    pub(super) fn no_such_port(&mut self, service: &ServiceName, port: u16) {
        let reason = format!(
            "the Service has no TCP port {port}: Mappings that use it with a \
             KubernetesEndpointResolver are answered with 503"
        );
        let subject = Subject::Port(service.clone(), port);
        self.hold(subject, Severity::Error, &reason);
    }

    /// Nothing is wrong with `subject` any more.
    pub(super) fn withdraw(&mut self, subject: &Subject) {
        self.changed |= self.held.remove(subject).is_some();
    }

    /// Whether the pipeline is to be told.
    pub(super) fn have_changed(&self) -> bool {
        self.changed
    }

    /// All there is to tell.
    pub(super) fn told(&mut self) -> Change {
        self.changed = false;
        Change::Listed {
            feed: Feed::Endpoints,
            objects: Vec::new(),
            diagnostics: self.held.values().cloned().collect(),
        }
    }

    fn hold(&mut self, subject: Subject, severity: Severity, reason: &str) {
        let diagnostic = Diagnostic {
            severity,
            at: subject.location(),
            resource: None,
            reason: reason.into(),
        };
        if self.held.get(&subject) != Some(&diagnostic) {
            self.held.insert(subject, diagnostic);
            self.changed = true;
        }
    }
}

impl Subject {
    fn location(&self) -> Location {
        let object = match self {
            Self::Slices(namespace) => ObjectRef {
                kind: "EndpointSlice".into(),
                namespace: namespace.clone(),
                name: "*".into(),
            },
            Self::Service(service) | Self::Port(service, _) => ObjectRef {
                kind: "Service".into(),
                namespace: service.namespace.clone(),
                name: service.name.clone(),
            },
        };
        Location {
            object: Arc::new(object),
            file: None,
            document: 0,
            line: 0,
        }
    }
}
