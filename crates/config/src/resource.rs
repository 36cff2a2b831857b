//! What one annotation yields: the documents that were understood, and what was wrong.
//!
//! Invariant: a [`Resource`] is valid throughout; a document with an error yields none, but for a
//! Module, which goes on without the keys that had one.

use std::fmt;

use crate::{
    CircuitBreaker, Diagnostic, Host, Labels, Listener, Location, Mapping, Module, ModuleDefaults,
    OutlierDetection, TcpMapping, TlsContext, TlsModule, TracingService,
};

/// Who this gateway is: decides which documents are meant for it, and what short names mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `AMBASSADOR_ID`: a document is ours when its `ambassador_id` contains it.
    pub ambassador_id: Box<str>,
    /// `AMBASSADOR_NAMESPACE`: where the gateway runs.
    pub namespace: Box<str>,
    /// What annotations may do beyond their own namespace.
    pub annotations: Trust,
    /// `DISABLE_STRICT_LABEL_SELECTORS`: whether one label of those that a selector wants will do.
    pub any_label: bool,
    /// What holds where the Module says nothing.
    pub defaults: ModuleDefaults,
}

/// How far those who may annotate a Service are trusted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Trust {
    /// As by Ambassador: a document may name another namespace, and be of any kind.
    #[default]
    Compatible,
    /// A document acts in the namespace of its object only, and what holds for the whole gateway
    /// counts only from the gateway's namespace.
    Hardened,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            ambassador_id: "default".into(),
            namespace: "default".into(),
            annotations: Trust::default(),
            any_label: false,
            defaults: ModuleDefaults::COMPATIBLE,
        }
    }
}

/// Everything read from one annotation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parsed {
    /// The documents that are live, in the order they were written.
    pub resources: Vec<Resource>,
    /// What was wrong, in the order of its lines.
    pub diagnostics: Vec<Diagnostic>,
}

impl Parsed {
    /// What one document became.
    pub(crate) fn of(resource: Option<Resource>) -> Self {
        Self {
            resources: resource.into_iter().collect(),
            diagnostics: Vec::new(),
        }
    }
}

/// One document that was understood and is meant for this gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The document's `name`.
    pub name: Box<str>,
    /// The document's `namespace`, else that of the object carrying it.
    pub namespace: Box<str>,
    /// `metadata.labels` of a custom resource, `metadata_labels` of a document, else those of the
    /// object carrying it.
    pub labels: Labels,
    /// Where the document begins.
    pub at: Location,
    /// What it describes.
    pub kind: Kind,
}

impl fmt::Display for Resource {
    /// `Mapping httpbin_mapping`, the form [`Diagnostic::resource`] takes.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind.as_str(), self.name)
    }
}

/// The kinds of documents that are understood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `kind: Mapping`: a route.
    Mapping(Box<Mapping>),
    /// `kind: Module, name: ambassador`: settings for the whole gateway.
    Module(Box<Module>),
    /// v0 `kind: CircuitBreaker`: limits that Mappings name by `circuit_breaker`.
    CircuitBreaker(CircuitBreaker),
    /// v0 `kind: OutlierDetection`, which Mappings name by `outlier_detection`.
    OutlierDetection(OutlierDetection),
    /// A way to find endpoints, which Mappings and the Module name by `resolver`.
    Resolver(Resolver),
    /// `kind: TracingService`: where spans are sent.
    TracingService(Box<TracingService>),
    /// `kind: TLSContext`
    TlsContext(Box<TlsContext>),
    /// `kind: Module, name: tls`: TLSContexts before there was that kind.
    TlsModule(Box<TlsModule>),
    /// `kind: Host`
    Host(Box<Host>),
    /// `kind: Listener`
    Listener(Box<Listener>),
    /// `kind: TCPMapping`
    TcpMapping(Box<TcpMapping>),
}

/// How a resolver finds endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolver {
    /// `kind: KubernetesServiceResolver`: by DNS, which gives the Service's own address.
    Service,
    /// `kind: KubernetesEndpointResolver`: the pods behind the Service.
    Endpoint,
}

impl Kind {
    /// The kind as documents spell it.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Mapping(_) => "Mapping",
            Self::Module(_) => "Module",
            Self::CircuitBreaker(_) => "CircuitBreaker",
            Self::OutlierDetection(_) => "OutlierDetection",
            Self::Resolver(Resolver::Service) => "KubernetesServiceResolver",
            Self::Resolver(Resolver::Endpoint) => "KubernetesEndpointResolver",
            Self::TracingService(_) => "TracingService",
            Self::TlsContext(_) => "TLSContext",
            Self::TlsModule(_) => "Module",
            Self::Host(_) => "Host",
            Self::Listener(_) => "Listener",
            Self::TcpMapping(_) => "TCPMapping",
        }
    }
}
