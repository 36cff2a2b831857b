//! What sources tell the pipeline.
//!
//! Invariant: a `Change` carries only what compiling needs. An object without our annotation never
//! becomes one, except as a removal.
//! Deliberately absent: where objects come from, and what their text means.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Instant;

use nuncio_config::{Diagnostic, Form, Lines, ObjectRef, Origin};

use crate::pipeline::Patience;

/// A stream of objects that is complete in itself: its list replaces all that it told before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feed {
    /// Manifest files, all directories together.
    Directories,
    /// Kubernetes Services.
    Services,
    /// `Mapping` of `getambassador.io`.
    Mappings,
    /// `Module` of `getambassador.io`.
    Modules,
    /// `KubernetesServiceResolver` of `getambassador.io`.
    ServiceResolvers,
    /// `KubernetesEndpointResolver` of `getambassador.io`.
    EndpointResolvers,
    /// `TracingService` of `getambassador.io`.
    TracingServices,
    /// `Host` of `getambassador.io`.
    Hosts,
    /// `TLSContext` of `getambassador.io`.
    TlsContexts,
    /// `Listener` of `getambassador.io`.
    Listeners,
    /// `TCPMapping` of `getambassador.io`.
    TcpMappings,
    /// Kubernetes Ingresses of our class.
    Ingresses,
    /// The ConfigMap `ambassador-config`, one object for each of its keys.
    ConfigMap,
    /// What is wrong with the endpoints that Mappings want; tells diagnostics only.
    Endpoints,
    /// What is wrong with the certificates and keys that TLS wants; tells diagnostics only.
    Credentials,
    /// What is wrong with certificates that authorities are asked for; tells diagnostics only.
    Issuances,
}

/// Whether the gateway can do its work without a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Need {
    /// Nothing is published before its first complete list.
    Required,
    /// Neither a refusal nor trouble with it keeps anything else from being live.
    Optional,
}

impl Feed {
    pub(crate) const ALL: [Self; 13] = [
        Self::Directories,
        Self::Services,
        Self::Mappings,
        Self::Modules,
        Self::ServiceResolvers,
        Self::EndpointResolvers,
        Self::TracingServices,
        Self::Hosts,
        Self::TlsContexts,
        Self::Listeners,
        Self::TcpMappings,
        Self::Ingresses,
        Self::ConfigMap,
    ];

    /// How metrics call it.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Directories => "directories",
            Self::Services => "services",
            Self::Mappings => "mappings",
            Self::Modules => "modules",
            Self::ServiceResolvers => "service_resolvers",
            Self::EndpointResolvers => "endpoint_resolvers",
            Self::TracingServices => "tracing_services",
            Self::Hosts => "hosts",
            Self::TlsContexts => "tls_contexts",
            Self::Listeners => "listeners",
            Self::TcpMappings => "tcp_mappings",
            Self::Ingresses => "ingresses",
            Self::ConfigMap => "config_map",
            Self::Endpoints => "endpoint_slices",
            Self::Credentials => "credentials",
            Self::Issuances => "certificates",
        }
    }

    pub(crate) fn need(self) -> Need {
        match self {
            Self::Directories | Self::Services => Need::Required,
            Self::Mappings
            | Self::Modules
            | Self::ServiceResolvers
            | Self::EndpointResolvers
            | Self::TracingServices
            | Self::Hosts
            | Self::TlsContexts
            | Self::Listeners
            | Self::TcpMappings
            | Self::Ingresses
            | Self::ConfigMap
            | Self::Endpoints
            | Self::Credentials
            | Self::Issuances => Need::Optional,
        }
    }
}

/// An object that says something to us, and the text that says it.
#[derive(Clone, Debug)]
pub(crate) struct Announced {
    pub(crate) origin: Origin,
    pub(crate) form: Form,
    pub(crate) text: Arc<str>,
    /// Equal for equal text at an equal place of an object with equal labels, so that a resync costs no parsing. Two texts of one
    /// object that collide would harm only that object.
    pub(crate) fingerprint: u64,
    /// When it reached this process.
    pub(crate) at: Instant,
}

impl Announced {
    pub(crate) fn new(origin: Origin, form: Form, text: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        form.hash(&mut hasher);
        text.hash(&mut hasher);
        origin.file.hash(&mut hasher);
        match origin.lines {
            Lines::From(first) => (0_u8, first).hash(&mut hasher),
            Lines::At(only) => (1_u8, only).hash(&mut hasher),
        }
        origin.labels.hash(&mut hasher);
        Self {
            origin,
            form,
            text: Arc::from(text),
            fingerprint: hasher.finish(),
            at: Instant::now(),
        }
    }
}

/// One step of a source.
#[derive(Debug)]
pub(crate) enum Change {
    /// Everything the feed has, complete: what it told before and is not here is gone.
    Listed {
        feed: Feed,
        objects: Vec<Announced>,
        diagnostics: Vec<Diagnostic>,
    },
    /// One object was created or changed.
    Applied { feed: Feed, object: Announced },
    /// One object was deleted, or lost its annotation. Unknown ones are ignored.
    Removed { feed: Feed, object: ObjectRef },
    /// The source refuses the feed. What it told before stays in force until it lists again.
    Refused { feed: Feed, diagnostic: Diagnostic },
    /// The source does not know the feed's kind, at least now. What was told before stays in force;
    /// what was saved and never told by this source goes when it says so again.
    Absent { feed: Feed },
    /// The source refuses the feed no longer.
    Granted { feed: Feed },
    /// The time is over that was set for waiting.
    Waited { patience: Patience },
}

#[cfg(test)]
mod tests {
    use nuncio_config::Labels;

    use super::*;

    #[test]
    fn other_labels_are_another_version_of_an_object() {
        let object = Arc::new(ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: "web".into(),
        });
        let fingerprint = |app: &str| {
            let labels = Labels::from_iter([("app".into(), app.into())]);
            let origin = Origin::api(Arc::clone(&object)).labelled(labels);
            Announced::new(origin, Form::Documents, "text").fingerprint
        };
        assert_eq!(fingerprint("shop"), fingerprint("shop"));
        assert_ne!(fingerprint("shop"), fingerprint("blog"));
    }
}
