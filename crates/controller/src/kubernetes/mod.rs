//! Objects from the Kubernetes API.
//!
//! Every kind has its own watch and fails alone. Of Services the metadata alone is asked for: their
//! annotations are all that compiling reads. What is ours as a whole (custom resources, Ingresses,
//! the ConfigMap) is read as a whole. Of Secrets those alone are read that TLS wants.
//!
//! What may be read is found out by trying, each kind apart: Ambassador's first permissions
//! (Services, ConfigMaps, Secrets) suffice, and a group that is not installed is looked for again
//! quietly.
//!
//! Invariant: a failed list or watch leaves what was known before in force. What is forbidden is
//! reported once and lived without.
//! Deliberately absent: caches of Kubernetes objects. What is written to the API server stands apart,
//! in `write_back`.

mod acme;
mod announcer;
mod client;
mod config_map;
mod cover;
mod dump;
mod endpoints;
mod failure;
mod ingress;
mod object;
mod options;
mod outage;
mod refusal;
mod retry;
mod secrets;
mod token;
mod trimmed;
mod watch;
mod write_back;

use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use nuncio_config::Identity;
use nuncio_telemetry::Telemetry;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::JoinSet;

use crate::change::{Change, Feed};
pub use acme::{AcmeOptions, AcmeTimes};
pub(crate) use acme::{Issuances, Onlooker, Surroundings, board_of, parts, unavailable};
use announcer::Announcer;
pub use client::{ClientError, client_for, kube_client};
use config_map::{CONFIG_MAP, Files};
pub use dump::{Dump, DumpError, dump};
pub(crate) use endpoints::{Endpoints, Sight, Touched};
use ingress::{ClassReader, INGRESS_CLASSES, INGRESSES, Ingresses, Interest, Lookups};
pub use options::{KubernetesOptions, Pace};
pub(crate) use outage::Outage;
pub(crate) use secrets::{Heard as SecretHeard, Secrets};
use watch::{Candidates, Custom, Depth, Kind, Server, Target, Watch};
pub(crate) use write_back::Writing;
pub use write_back::{LeaseTimes, PublishedService, States, WriteBack};

/// The feeds that this source lists.
pub(crate) const FEEDS: [Feed; 12] = [
    Feed::Services,
    Feed::Mappings,
    Feed::Modules,
    Feed::ServiceResolvers,
    Feed::EndpointResolvers,
    Feed::TracingServices,
    Feed::Hosts,
    Feed::TlsContexts,
    Feed::Listeners,
    Feed::TcpMappings,
    Feed::Ingresses,
    Feed::ConfigMap,
];

const SERVICES: Kind = Kind {
    feed: Feed::Services,
    name: "Service",
    plural: "services",
};

const CUSTOM: [Kind; 9] = [
    Kind {
        feed: Feed::Mappings,
        name: "Mapping",
        plural: "mappings",
    },
    Kind {
        feed: Feed::Modules,
        name: "Module",
        plural: "modules",
    },
    Kind {
        feed: Feed::ServiceResolvers,
        name: "KubernetesServiceResolver",
        plural: "kubernetesserviceresolvers",
    },
    Kind {
        feed: Feed::EndpointResolvers,
        name: "KubernetesEndpointResolver",
        plural: "kubernetesendpointresolvers",
    },
    Kind {
        feed: Feed::TracingServices,
        name: "TracingService",
        plural: "tracingservices",
    },
    Kind {
        feed: Feed::Hosts,
        name: "Host",
        plural: "hosts",
    },
    Kind {
        feed: Feed::TlsContexts,
        name: "TLSContext",
        plural: "tlscontexts",
    },
    Kind {
        feed: Feed::Listeners,
        name: "Listener",
        plural: "listeners",
    },
    Kind {
        feed: Feed::TcpMappings,
        name: "TCPMapping",
        plural: "tcpmappings",
    },
];

/// What is followed, and for whom.
pub(crate) struct Following<'a> {
    pub(crate) client: Client,
    /// Only objects of this namespace; of all when `None`.
    pub(crate) namespace: Option<&'a str>,
    pub(crate) options: &'a KubernetesOptions,
    pub(crate) identity: &'a Identity,
    pub(crate) telemetry: &'a Arc<Telemetry>,
    pub(crate) outage: &'a Arc<Outage>,
    /// How long the first lists wait.
    pub(crate) first_list: Duration,
    /// Hears of Services, whether or not they are ours.
    pub(crate) touched: &'a Arc<Touched>,
}

/// Watches every kind, each by itself. Returns when nobody listens any more.
pub(crate) async fn watch(following: Following<'_>, changes: &mpsc::Sender<Change>) {
    let pace = following.options.pace.clone();
    let server = Arc::new(Server::new(
        (following.client.clone(), following.outage),
        (pace, following.first_list),
        following.telemetry,
    ));
    let (stale, _) = channel::channel(());
    let lookups = Arc::new(Lookups::new(stale.clone()));
    let mut watches = JoinSet::new();
    let hearers = (Arc::clone(following.touched), Arc::clone(&lookups));
    let announcer = Announcer::of_services(SERVICES, hearers, changes.clone());
    let services = Candidates::Known(following.target("v1", SERVICES, Depth::Metadata));
    watches.spawn(Watch::new(SERVICES, &server, services, announcer).run());
    for kind in CUSTOM {
        let announcer = Announcer::of_custom(kind, changes.clone());
        watches.spawn(Watch::new(kind, &server, following.custom(kind), announcer).run());
    }
    let files = Candidates::Known(config_map::target(&following.identity.namespace));
    watches.spawn(Watch::new(CONFIG_MAP, &server, files, Files::new(changes.clone())).run());
    following.ingresses(&mut watches, &server, (lookups, stale), changes);
    // The first to end, by a panic or because nobody listens, ends all.
    drop(watches.join_next().await);
}

impl Following<'_> {
    /// Watches Ingresses and, as soon as they may be read, their classes.
    fn ingresses(
        &self,
        watches: &mut JoinSet<()>,
        server: &Arc<Server>,
        (lookups, stale): (Arc<Lookups>, channel::Sender<()>),
        changes: &mpsc::Sender<Change>,
    ) {
        let (interest, mut interested) = channel::channel(Interest::None);
        let (known, classes) = channel::channel(None);
        let told = (interest, classes);
        let follower = Ingresses::new(server, lookups, told, changes.clone());
        let target = self.target("networking.k8s.io/v1", INGRESSES, Depth::Whole);
        let ingresses = Watch::new(INGRESSES, server, Candidates::Known(target), follower);
        watches.spawn(ingresses.relisting_on(stale.subscribe()).run());
        let api = ("networking.k8s.io/v1", INGRESS_CLASSES.plural);
        let target = Target::new(api, None, Depth::Whole);
        let outlets = (known, interested.clone());
        let reader = ClassReader::new(self.identity, outlets, stale);
        let classes = Watch::new(INGRESS_CLASSES, server, Candidates::Known(target), reader);
        watches.spawn(async move {
            let begun = interested.wait_for(|interest| *interest != Interest::None);
            if begun.await.is_ok() {
                classes.run().await;
            }
        });
    }

    /// A kind in the namespaces and by the selectors that are followed.
    fn target(&self, group_version: &str, kind: Kind, depth: Depth) -> Target {
        Target {
            labels: self.options.labels.clone(),
            fields: self.options.fields.clone(),
            ..Target::new((group_version, kind.plural), self.namespace, depth)
        }
    }

    fn custom(&self, kind: Kind) -> Candidates {
        Candidates::Custom(Custom {
            plural: kind.plural,
            namespace: self.namespace.map(str::to_owned),
            labels: self.options.labels.clone(),
            fields: self.options.fields.clone(),
        })
    }
}
