//! What Mappings name: v0 CircuitBreakers and OutlierDetections, and resolvers.
//!
//! Invariant: of one class, namespace and name there is one at most.
//! Deliberately absent: what is named, which the users of a name look at.

use std::collections::BTreeMap;

use nuncio_config::{CircuitBreaker, Identity, Kind, OutlierDetection, Resolver, Resource, Trust};

use super::told::{self, Told};

/// Kinds among which a name, in one namespace, is given once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Class {
    Mapping,
    Module,
    CircuitBreaker,
    OutlierDetection,
    /// Of every kind, as in Emissary.
    Resolver,
    TracingService,
    TlsContext,
    Host,
    Listener,
    TcpMapping,
}

impl Class {
    pub(crate) fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Mapping(_) => Self::Mapping,
            // Told apart by their names.
            Kind::Module(_) | Kind::TlsModule(_) => Self::Module,
            Kind::CircuitBreaker(_) => Self::CircuitBreaker,
            Kind::OutlierDetection(_) => Self::OutlierDetection,
            Kind::Resolver(_) => Self::Resolver,
            Kind::TracingService(_) => Self::TracingService,
            Kind::TlsContext(_) => Self::TlsContext,
            Kind::Host(_) => Self::Host,
            Kind::Listener(_) => Self::Listener,
            Kind::TcpMapping(_) => Self::TcpMapping,
        }
    }
}

/// What can be named.
#[derive(Debug)]
pub(crate) struct Named {
    by_name: BTreeMap<Class, BTreeMap<Box<str>, Namesakes>>,
    /// Whose namespace counts for all.
    identity: Identity,
}

/// Those of one class and name.
#[derive(Debug, Default)]
struct Namesakes {
    by_namespace: BTreeMap<Box<str>, Told>,
    /// In insertion order.
    inserted: Vec<Told>,
}

impl Named {
    pub(crate) fn new(identity: Identity) -> Self {
        Self {
            by_name: BTreeMap::new(),
            identity,
        }
    }

    pub(crate) fn add(&mut self, told: Told) {
        let Some(resource) = told.resource() else {
            return;
        };
        let class = self.by_name.entry(Class::of(&resource.kind)).or_default();
        let namesakes = class.entry(resource.name.clone()).or_default();
        let namespace = resource.namespace.clone();
        namesakes.by_namespace.insert(namespace, told.clone());
        told::insert(&mut namesakes.inserted, told);
    }

    pub(crate) fn remove(&mut self, told: &Told) {
        let Some(resource) = told.resource() else {
            return;
        };
        let Some(class) = self.by_name.get_mut(&Class::of(&resource.kind)) else {
            return;
        };
        let Some(namesakes) = class.get_mut(&resource.name) else {
            return;
        };
        namesakes.by_namespace.remove(&resource.namespace);
        told::take(&mut namesakes.inserted, told);
        if namesakes.inserted.is_empty() {
            class.remove(&resource.name);
        }
    }

    /// The CircuitBreaker that a resource of this namespace names.
    pub(super) fn breaker(&self, name: &str, namespace: &str) -> Option<&CircuitBreaker> {
        let Kind::CircuitBreaker(breaker) =
            &self.find(Class::CircuitBreaker, name, namespace)?.kind
        else {
            return None;
        };
        Some(breaker)
    }

    /// The OutlierDetection that a resource of this namespace names.
    pub(super) fn detection(&self, name: &str, namespace: &str) -> Option<&OutlierDetection> {
        let Kind::OutlierDetection(detection) =
            &self.find(Class::OutlierDetection, name, namespace)?.kind
        else {
            return None;
        };
        Some(detection)
    }

    /// The resolver that a resource of this namespace names.
    pub(super) fn resolver(&self, name: &str, namespace: &str) -> Option<Resolver> {
        let Kind::Resolver(resolver) = self.find(Class::Resolver, name, namespace)?.kind else {
            return None;
        };
        Some(resolver)
    }

    /// That of the namespace; else the first, since Ambassador looks for names in all namespaces. When
    /// annotations are not trusted, that of the gateway's namespace instead.
    fn find(&self, class: Class, name: &str, namespace: &str) -> Option<&Resource> {
        let Namesakes {
            by_namespace,
            inserted,
        } = self.by_name.get(&class)?.get(name)?;
        let other = match self.identity.annotations {
            Trust::Compatible => inserted.first(),
            Trust::Hardened => by_namespace.get(&self.identity.namespace),
        };
        by_namespace.get(namespace).or(other)?.resource()
    }
}
