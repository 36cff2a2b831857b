//! What is named by others: v0 CircuitBreakers and OutlierDetections, resolvers, and contexts of TLS.
//!
//! Invariant: of one class, namespace and name there is one at most.
//! Deliberately absent: what is named, which the users of a name look at.

use std::collections::BTreeMap;

use nuncio_config::{CircuitBreaker, Identity, Kind, OutlierDetection, Resolver, Resource, Trust};

use super::contexts::{Context, SERVER};
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
    TlsModule,
    Host,
    Listener,
    TcpMapping,
}

impl Class {
    pub(crate) fn of(kind: &Kind) -> Self {
        match kind {
            Kind::Mapping(_) => Self::Mapping,
            Kind::Module(_) => Self::Module,
            Kind::TlsModule(_) => Self::TlsModule,
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
    /// The Module `tls` that counts.
    tls_module: Option<Told>,
    /// The Module `ambassador` that counts, if it says what the Module `tls` does.
    tls_of_module: Option<Told>,
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
            tls_module: None,
            tls_of_module: None,
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

    /// Lets another Module `tls` count. Answers which one did before.
    pub(crate) fn set_tls_module(&mut self, module: Option<Told>) -> Option<Told> {
        std::mem::replace(&mut self.tls_module, module)
    }

    /// Lets the `tls` of another Module `ambassador` count. Answers whether it says anything else.
    pub(crate) fn set_tls_of_module(&mut self, module: Option<Told>) -> bool {
        let before = std::mem::replace(&mut self.tls_of_module, module);
        let [before, now] = [&before, &self.tls_of_module].map(|it| it.as_ref()?.resource());
        before != now
    }

    /// The Module `tls`, or the Module `ambassador` that says the same, which goes before.
    fn tls_module(&self) -> Option<&Resource> {
        let told = self.tls_of_module.as_ref().or(self.tls_module.as_ref());
        told.and_then(Told::resource)
    }

    /// The context that a resource of this namespace names: a TLSContext, else one of the Module `tls`.
    pub(super) fn context(&self, name: &str, namespace: &str) -> Option<Context<'_>> {
        let context = self.find(Class::TlsContext, name, namespace);
        let of_module = || Context::of_module(self.tls_module()?, name);
        context.and_then(Context::of).or_else(of_module)
    }

    /// All contexts, in the order in which they lay claim to hosts: the Module's `server`, then
    /// TLSContexts in insertion order.
    pub(super) fn contexts(&self) -> impl Iterator<Item = Context<'_>> {
        let server = self
            .tls_module()
            .and_then(|module| Context::of_module(module, SERVER));
        let namesakes = self.by_name.get(&Class::TlsContext);
        let all = namesakes.into_iter().flat_map(BTreeMap::values);
        let mut all: Vec<_> = all.flat_map(|namesakes| &namesakes.inserted).collect();
        all.sort_by_key(|told| told.insertion());
        let resources = all.into_iter().filter_map(Told::resource);
        server.into_iter().chain(resources.filter_map(Context::of))
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
