//! Which resolver finds the endpoints of a Mapping's service, and where.
//!
//! As in Emissary (`IRServiceResolverFactory`, `IRServiceResolver`): the Mapping names a resolver, else
//! the Module, else it is `kubernetes-service`. That one and `kubernetes-endpoint`, which is called
//! `endpoint` too, are there without being defined. An endpoint resolver takes the service's host for
//! `<Service>` or `<Service>.<namespace>`, whatever follows.
//!
//! Deliberately absent: Consul.

use nuncio_config::{
    ClusterOptions, Identity, Module, Qualified, Resolver, Resource, ServiceHost, Trust,
};

use super::named::Named;
use crate::{Discovery, ServicePort};

/// Why a Mapping has no endpoints.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unresolvable {
    #[error("resolver: there is no resolver {0}")]
    Unknown(Box<str>),
    #[error("resolver: {0} is a ConsulResolver, which is not supported")]
    Consul(Box<str>),
    #[error(
        "resolver: {resolver} would find the endpoints of {of}: annotations are trusted with those \
         of their own namespace only"
    )]
    Foreign { resolver: Box<str>, of: ServicePort },
}

/// The resolver that holds, by name.
pub(super) fn name<'r>(options: &'r ClusterOptions, module: &'r Module) -> &'r str {
    let own = options.resolver.as_deref();
    own.or(module.resolver.as_deref()).unwrap_or(SERVICE)
}

/// One name for all that mean the same resolver.
pub(crate) fn canonical(name: &str) -> &str {
    match alias(name) {
        Some(_) => KUBERNETES_ENDPOINT,
        None => name,
    }
}

/// The name that holds where neither Mapping nor Module says one.
pub(crate) const SERVICE: &str = "kubernetes-service";
const ENDPOINT: &str = "endpoint";
const KUBERNETES_ENDPOINT: &str = "kubernetes-endpoint";

/// Defining one of two names defines the other.
fn alias(name: &str) -> Option<&'static str> {
    match name {
        ENDPOINT => Some(KUBERNETES_ENDPOINT),
        KUBERNETES_ENDPOINT => Some(ENDPOINT),
        _ => None,
    }
}

/// Finds resolvers by name.
pub(super) struct Resolution<'r> {
    pub(super) named: &'r Named,
    pub(super) identity: &'r Identity,
}

impl Resolution<'_> {
    /// Where the endpoints of a resource's service come from.
    pub(super) fn discovery(
        &self,
        resource: &Resource,
        name: &str,
        (service, port): (&Qualified, u16),
    ) -> Result<Discovery, Unresolvable> {
        match self.resolver(name, &resource.namespace)? {
            Resolver::Service => Ok(Discovery::Dns),
            Resolver::Endpoint => {
                let Some(of) = self.service_port(&service.host, port) else {
                    return Ok(Discovery::Dns);
                };
                match self.may_read(&resource.namespace, &of) {
                    true => Ok(Discovery::Endpoints(Box::new(of))),
                    false => Err(Unresolvable::Foreign {
                        resolver: name.into(),
                        of,
                    }),
                }
            }
        }
    }

    /// [`Discovery::default`], when there is such a resolver.
    pub(super) fn known(&self, name: &str, namespace: &str) -> Result<Discovery, Unresolvable> {
        self.resolver(name, namespace).map(|_| Discovery::default())
    }

    fn resolver(&self, name: &str, namespace: &str) -> Result<Resolver, Unresolvable> {
        let defined = |name| self.named.resolver(name, namespace);
        if let Some(resolver) = defined(name).or_else(|| alias(name).and_then(defined)) {
            return Ok(resolver);
        }
        match name {
            SERVICE => Ok(Resolver::Service),
            ENDPOINT | KUBERNETES_ENDPOINT => Ok(Resolver::Endpoint),
            "consul" | "consul-endpoint" => Err(Unresolvable::Consul(name.into())),
            _ => Err(Unresolvable::Unknown(name.into())),
        }
    }

    /// `None` for what is no Service: an address, the gateway's own pod, or a complete DNS name.
    fn service_port(&self, host: &ServiceHost, port: u16) -> Option<ServicePort> {
        let ServiceHost::Name(host) = host else {
            return None;
        };
        // What ends with a dot is a name of its own, whatever is in the cluster.
        if &**host == "localhost" || host.ends_with('.') {
            return None;
        }
        let mut labels = host.split('.');
        let service = labels.next()?;
        let namespace = labels.next().unwrap_or(&self.identity.namespace);
        Some(ServicePort {
            namespace: namespace.into(),
            service: service.into(),
            port,
        })
    }

    /// The gateway may read all EndpointSlices, who annotates Services may not.
    fn may_read(&self, namespace: &str, of: &ServicePort) -> bool {
        match self.identity.annotations {
            Trust::Compatible => true,
            Trust::Hardened => {
                namespace == &*of.namespace || *namespace == *self.identity.namespace
            }
        }
    }
}
