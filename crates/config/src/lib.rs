//! What users wrote: annotations, custom resources, Ingresses and manifest files, read into typed
//! resources and diagnostics.
//!
//! Invariant: reading never fails and never panics. A mistake is a [`Diagnostic`] that names the
//! object, the document and the line, and it harms only the document it stands in.
//! Deliberately absent: I/O, clocks, async, and any knowledge of how requests are routed.

mod annotation;
mod diagnostic;
mod document;
mod duration;
mod fields;
mod format;
mod host;
mod ingress;
mod labels;
mod listener;
mod location;
mod manifest;
mod mapping;
mod module;
mod name;
mod object;
mod pattern;
mod patterns;
mod quote;
mod rare;
mod report;
mod resource;
mod service;
mod tcp_mapping;
mod tenancy;
mod tls_context;
mod tracing;
mod tree;
mod yaml;

pub use annotation::{CONFIG_ANNOTATION, nth_document, parse_annotation};
pub use diagnostic::{Diagnostic, Severity};
pub use format::{FieldName, Format, InvalidFormat, Operator, Piece};
pub use host::{AcmeProvider, Host, InsecureAction, SecretRef};
pub use labels::{Labels, Selector};
pub use listener::{BindingNamespace, HostBinding, Listener, SecurityModel, Stack};
pub use location::{Lines, Location, ObjectRef, Origin};
pub use manifest::{
    Manifest, ManifestObject, ManifestSecret, Said, SecretForm, SecretValue, read_manifest,
};
pub use mapping::{
    Case, CircuitBreaker, ClusterOptions, Cors, DnsType, DomainLabels, ErrorResponseOverride,
    HashOn, HeaderAddition, HeaderMatch, HeaderOptions, HeaderValueMatch, HostMatch, InvalidHost,
    InvalidPath, Keepalive, LabelGroup, LabelSpecifier, LoadBalancer, Mapping, MethodMatch,
    OutlierDetection, OverrideBody, PathMatch, Prefix, Priority, QueryMatch, QueryValueMatch,
    Redirect, RedirectPath, RetryOn, RetryPolicy, Rewrite,
};
pub use module::{
    AccessLogFormat, AccessLogOptions, ClientCertDetails, ConnectionOptions, ForwardClientCert,
    Gzip, InternalMapping, IpAction, IpOf, IpRule, IpRules, MappingDefaults, Module,
    ModuleDefaults, UnderscoresAction,
};
pub use object::{Form, parse};
pub use pattern::{ByteSet, InvalidPattern, Outline, Pattern, Step, Substitution, Way};
pub use rare::{Rare, Usual};
pub use resource::{Identity, Kind, Parsed, Resolver, Resource, Trust};
pub use service::{InvalidService, Qualified, Qualifier, Scheme, Service, ServiceHost};
pub use tcp_mapping::TcpMapping;
pub use tls_context::{Alpn, CipherSuite, Curve, TlsContext, TlsModule, TlsVersion};
pub use tracing::{
    CollectorVersion, CustomTag, Percent, Propagation, TagValue, TraceSampling, TracingDriver,
    TracingService,
};
pub use tree::{Piece as ManifestPiece, Tree, TreeEntry, TreeValue, Unreadable, pieces};
