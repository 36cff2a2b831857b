//! What users are told of endpoints that cannot be had.
//!
//! Deliberately absent: the Mappings that are affected, which only the pipeline knows.

use nuncio_config::{ObjectRef, Severity};

use super::name::ServiceName;
use crate::remark::{self, Remarks, quoted};

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

impl Remarks<Subject> {
    /// The API server refuses to tell of `subject`.
    pub(super) fn refused(&mut self, subject: Subject, why: &str) {
        let what = match subject {
            Subject::Slices(_) => "list and watch endpointslices.discovery.k8s.io",
            Subject::Service(_) | Subject::Port(..) => "get services",
        };
        let why = quoted(why);
        let reason = format!("cannot {what}: {why}; names are resolved instead");
        let diagnostic = remark::of(subject.object(), Severity::Warning, reason);
        self.hold(subject, diagnostic);
    }

    /// A cluster wants a port that its Service does not have.
    pub(super) fn no_such_port(&mut self, service: &ServiceName, port: u16) {
        let reason = format!(
            "the Service has no TCP port {port}: Mappings that use it with a \
             KubernetesEndpointResolver are answered with 503"
        );
        let subject = Subject::Port(service.clone(), port);
        let diagnostic = remark::of(subject.object(), Severity::Error, reason);
        self.hold(subject, diagnostic);
    }
}

impl Subject {
    fn object(&self) -> ObjectRef {
        match self {
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
        }
    }
}
