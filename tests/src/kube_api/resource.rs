//! The kinds that are served.

/// A kind of object. Those of `getambassador.io` are served once they are installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// `v1` Service.
    Services,
    /// `v1` Secret.
    Secrets,
    /// `v1` ConfigMap.
    ConfigMaps,
    /// `v1` Namespace.
    Namespaces,
    /// `v1` Event.
    Events,
    /// `discovery.k8s.io/v1` EndpointSlice.
    EndpointSlices,
    /// `networking.k8s.io/v1` Ingress.
    Ingresses,
    /// `networking.k8s.io/v1` IngressClass.
    IngressClasses,
    /// `coordination.k8s.io/v1` Lease.
    Leases,
    /// `apiextensions.k8s.io/v1` CustomResourceDefinition: read only, those that are installed.
    CustomResourceDefinitions,
    /// `getambassador.io` Mapping.
    Mappings,
    /// `getambassador.io` Module.
    Modules,
    /// `getambassador.io` KubernetesServiceResolver.
    ServiceResolvers,
    /// `getambassador.io` KubernetesEndpointResolver.
    EndpointResolvers,
    /// `getambassador.io` TracingService.
    TracingServices,
    /// `getambassador.io` Host.
    Hosts,
    /// `getambassador.io` TLSContext.
    TlsContexts,
    /// `getambassador.io` Listener.
    Listeners,
    /// `getambassador.io` TCPMapping.
    TcpMappings,
}

/// What the paths of a kind are made of.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    /// Empty for the core group.
    pub(super) group: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespaced: bool,
    /// Whether `status` is written apart from the rest.
    pub(super) status: bool,
}

/// The group whose kinds are installed by [`FakeApi::install`](super::FakeApi::install).
pub(super) const AMBASSADOR: &str = "getambassador.io";

impl Resource {
    /// Every kind.
    pub(super) const ALL: [Self; 19] = [
        Self::Services,
        Self::Secrets,
        Self::ConfigMaps,
        Self::Namespaces,
        Self::Events,
        Self::EndpointSlices,
        Self::Ingresses,
        Self::IngressClasses,
        Self::Leases,
        Self::CustomResourceDefinitions,
        Self::Mappings,
        Self::Modules,
        Self::ServiceResolvers,
        Self::EndpointResolvers,
        Self::TracingServices,
        Self::Hosts,
        Self::TlsContexts,
        Self::Listeners,
        Self::TcpMappings,
    ];

    /// The kinds of `getambassador.io`.
    pub const CUSTOM: [Self; 9] = [
        Self::Mappings,
        Self::Modules,
        Self::ServiceResolvers,
        Self::EndpointResolvers,
        Self::TracingServices,
        Self::Hosts,
        Self::TlsContexts,
        Self::Listeners,
        Self::TcpMappings,
    ];

    /// The object's kind.
    pub fn kind(self) -> &'static str {
        self.shape().kind
    }

    /// Its name in paths.
    pub fn plural(self) -> &'static str {
        self.shape().plural
    }

    /// Its group; empty for the core's.
    pub fn group(self) -> &'static str {
        self.shape().group
    }

    pub(super) fn find(group: &str, plural: &str) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|resource| resource.group() == group && resource.plural() == plural)
    }

    pub(super) fn is_custom(self) -> bool {
        self.group() == AMBASSADOR
    }

    pub(super) fn shape(self) -> Shape {
        let of = |group, plural, kind| Shape {
            group,
            plural,
            kind,
            namespaced: true,
            status: group == AMBASSADOR,
        };
        let wide = |shape: Shape| Shape {
            namespaced: false,
            ..shape
        };
        let with_status = |shape: Shape| Shape {
            status: true,
            ..shape
        };
        let definitions = "customresourcedefinitions";
        match self {
            Self::Services => with_status(of("", "services", "Service")),
            Self::Secrets => of("", "secrets", "Secret"),
            Self::ConfigMaps => of("", "configmaps", "ConfigMap"),
            Self::Namespaces => wide(of("", "namespaces", "Namespace")),
            Self::Events => of("", "events", "Event"),
            Self::EndpointSlices => of("discovery.k8s.io", "endpointslices", "EndpointSlice"),
            Self::Ingresses => with_status(of("networking.k8s.io", "ingresses", "Ingress")),
            Self::IngressClasses => wide(of("networking.k8s.io", "ingressclasses", "IngressClass")),
            Self::Leases => of("coordination.k8s.io", "leases", "Lease"),
            Self::CustomResourceDefinitions => wide(of(
                "apiextensions.k8s.io",
                definitions,
                "CustomResourceDefinition",
            )),
            Self::Mappings => of(AMBASSADOR, "mappings", "Mapping"),
            Self::Modules => of(AMBASSADOR, "modules", "Module"),
            Self::ServiceResolvers => of(
                AMBASSADOR,
                "kubernetesserviceresolvers",
                "KubernetesServiceResolver",
            ),
            Self::EndpointResolvers => of(
                AMBASSADOR,
                "kubernetesendpointresolvers",
                "KubernetesEndpointResolver",
            ),
            Self::TracingServices => of(AMBASSADOR, "tracingservices", "TracingService"),
            Self::Hosts => of(AMBASSADOR, "hosts", "Host"),
            Self::TlsContexts => of(AMBASSADOR, "tlscontexts", "TLSContext"),
            Self::Listeners => of(AMBASSADOR, "listeners", "Listener"),
            Self::TcpMappings => of(AMBASSADOR, "tcpmappings", "TCPMapping"),
        }
    }
}
