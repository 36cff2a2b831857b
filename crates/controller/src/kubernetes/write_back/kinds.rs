//! The kinds of objects that are written about.
//!
//! Deliberately absent: discovery. Of the versions of `getambassador.io` the newest that answers is
//! used; in which an object is read, in that its status is written.

use kube::core::{ApiResource, DynamicObject};
use kube::{Api, Client};

use crate::change::Feed;

/// How objects of a kind are reached.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::kubernetes) struct Kind {
    pub(super) kind: &'static str,
    pub(super) plural: &'static str,
    group: &'static str,
    versions: &'static [&'static str],
    /// Who tells of all of them.
    pub(super) feed: Feed,
}

const fn core(kind: &'static str, plural: &'static str, feed: Feed) -> Kind {
    Kind {
        kind,
        plural,
        group: "",
        versions: &["v1"],
        feed,
    }
}

const fn custom(kind: &'static str, plural: &'static str, feed: Feed) -> Kind {
    Kind {
        kind,
        plural,
        group: "getambassador.io",
        versions: &["v3alpha1", "v2", "v1"],
        feed,
    }
}

pub(super) const SERVICE: Kind = core("Service", "services", Feed::Services);
pub(super) const INGRESS: Kind = Kind {
    kind: "Ingress",
    plural: "ingresses",
    group: "networking.k8s.io",
    versions: &["v1"],
    feed: Feed::Ingresses,
};

/// The kinds that say whether they are live in their status.
pub(super) const STATED: [Kind; 8] = [
    custom("Mapping", "mappings", Feed::Mappings),
    custom("Module", "modules", Feed::Modules),
    custom(
        "KubernetesServiceResolver",
        "kubernetesserviceresolvers",
        Feed::ServiceResolvers,
    ),
    custom(
        "KubernetesEndpointResolver",
        "kubernetesendpointresolvers",
        Feed::EndpointResolvers,
    ),
    custom("TracingService", "tracingservices", Feed::TracingServices),
    custom("TLSContext", "tlscontexts", Feed::TlsContexts),
    custom("Listener", "listeners", Feed::Listeners),
    custom("TCPMapping", "tcpmappings", Feed::TcpMappings),
];

const OTHERS: [Kind; 5] = [
    SERVICE,
    INGRESS,
    core("ConfigMap", "configmaps", Feed::ConfigMap),
    core("Secret", "secrets", Feed::Credentials),
    // Its `state` is of another set of words, about certificates that are ordered.
    custom("Host", "hosts", Feed::Hosts),
];

impl Kind {
    /// The kind of that name; `None` for what is no object of the API.
    pub(in crate::kubernetes) fn named(kind: &str) -> Option<&'static Self> {
        const STATED_KINDS: &[Kind] = &STATED;
        const OTHER_KINDS: &[Kind] = &OTHERS;
        let mut all = STATED_KINDS.iter().chain(OTHER_KINDS);
        all.find(|known| known.kind == kind)
    }

    /// Whether it has a status that the gateway writes.
    pub(super) fn has_status(&self) -> bool {
        STATED.contains(self) || *self == INGRESS
    }

    /// The kind's objects in each of its versions, with that; of one namespace or of all.
    pub(super) fn apis<'a>(
        &'a self,
        client: &'a Client,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = (String, Api<DynamicObject>)> + 'a {
        self.versions.iter().map(move |version| {
            let resource = self.resource(version);
            let api = match namespace {
                Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource),
                None => Api::all_with(client.clone(), &resource),
            };
            (resource.api_version, api)
        })
    }

    /// The kind's objects in the version in which `object` was read.
    pub(super) fn api_of(
        &self,
        client: &Client,
        namespace: &str,
        object: &DynamicObject,
    ) -> Api<DynamicObject> {
        let types = object.types.as_ref();
        let read = types.and_then(|types| types.api_version.rsplit('/').next());
        let version = self.versions.iter().find(|known| Some(**known) == read);
        let version = version.or(self.versions.first()).copied().unwrap_or("v1");
        Api::namespaced_with(client.clone(), namespace, &self.resource(version))
    }

    fn resource(&self, version: &str) -> ApiResource {
        let api_version = match self.group {
            "" => version.to_owned(),
            group => format!("{group}/{version}"),
        };
        ApiResource {
            group: self.group.to_owned(),
            version: version.to_owned(),
            api_version,
            kind: self.kind.to_owned(),
            plural: self.plural.to_owned(),
        }
    }
}
