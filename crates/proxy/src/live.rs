//! The snapshot in force, with the clusters as they run.
//!
//! Invariant: swapped as one value by one atomic store, so that no request sees routes of one
//! snapshot and clusters of another. A request keeps the value it began with.
//!
//! Deliberately absent: compiling. Snapshots come ready made.

mod challenges;
mod credentials;
mod made;
mod mappings;
mod terminations;
mod upstreams;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use bytes::Bytes;
use nuncio_config::Format;
use nuncio_routing::{
    ClusterIndex, Clusters, Credential, IdentitySource, Listening, MappingId, Route, RouteTable,
    ServicePort, Settings, Slots, Snapshot, Termination, TerminationIndex,
};
use nuncio_telemetry::{Certificate, MappingStats, TcpStats, Telemetry};
use nuncio_tls::{Demanded, Material, Unusable};
use nuncio_tracing::{SpanSender, Tracer};

use crate::downstream::ListenerKey;
use crate::error_pages::ErrorPages;
use crate::exchange::LogPlan;
use crate::upstream::{Background, Discovered, Originators, Resolver, Upstream};
use challenges::Challenges;
pub(crate) use credentials::Credentials;
pub(crate) use made::Made;
pub(crate) use terminations::Accepting;
use terminations::Terminations;
use upstreams::Upstreams;

/// What requests are served by.
#[derive(Debug)]
pub(crate) struct Live {
    snapshot: Arc<Snapshot>,
    /// Each at the place that its cluster has in [`Snapshot::clusters`].
    upstreams: Slots<Arc<Upstream>>,
    terminations: Arc<Terminations>,
    credentials: Arc<Credentials>,
    challenges: Arc<Challenges>,
    error_pages: Arc<ErrorPages>,
    log_plan: Arc<LogPlan>,
    tracer: Option<Arc<Tracer>>,
    telemetry: Arc<Telemetry>,
}

impl Live {
    pub(crate) fn routes(&self) -> &RouteTable {
        &self.snapshot.routes
    }

    /// Whether a source of configuration has been read. Before, nothing can be said to be absent.
    pub(crate) fn is_configured(&self) -> bool {
        self.snapshot.generation > 0
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.snapshot.settings
    }

    /// Whether Routes look at what the gateway says of where a request comes from.
    pub(crate) fn watches_forwarding(&self) -> bool {
        self.snapshot.demands.forwarding
    }

    /// What is listened on.
    pub(crate) fn listening(&self) -> &Listening {
        &self.snapshot.listening
    }

    /// How TLS is terminated, for a handshake that begins now.
    pub(crate) fn terminate(
        &self,
        index: TerminationIndex,
    ) -> Result<(Arc<Termination>, Arc<Accepting>), Arc<Unusable>> {
        let running = self.terminations.get(index);
        let running = running.ok_or(Unusable::Missing("the Termination"))?;
        let accepting = running.accepting(&self.credentials)?;
        Ok((Arc::clone(running.termination()), accepting))
    }

    /// How often a credential was told: what is demanded of clients is the same as long as this is.
    pub(crate) fn credentials_told(&self) -> u64 {
        self.credentials.told()
    }

    /// What is demanded of clients now; `None` while what verifies them is missing.
    pub(crate) fn demanded(&self, index: TerminationIndex) -> Option<Demanded> {
        let running = self.terminations.get(index)?;
        running.demanded(&self.credentials)
    }

    /// What an authority is to be told that asks for `path` to have a name proven.
    pub(crate) fn challenge(&self, path: &str) -> Option<Bytes> {
        self.challenges.answer(path)
    }

    /// What lines of the access log look like.
    pub(crate) fn log_plan(&self) -> &LogPlan {
        &self.log_plan
    }

    /// What requests are traced by, if they are.
    pub(crate) fn tracer(&self) -> Option<&Tracer> {
        self.tracer.as_deref()
    }

    /// The text of a file that an error is answered with; `None` when it cannot be read.
    pub(crate) fn error_page(&self, name: &str) -> Option<&Format> {
        self.error_pages.get(name)
    }

    /// Where the Mapping of a Route counts; looked up by the first request only.
    pub(crate) fn mapping_stats<'r>(&self, route: &'r Route) -> Option<&'r MappingStats> {
        let MappingId { namespace, name } = &*route.mapping;
        let find = || self.telemetry.mapping(namespace, name);
        route.attachment.get_or_attach(find)
    }

    /// Where connections are counted that a Listener of this prefix carries; not to be asked for each.
    pub(crate) fn tcp_stats(&self, prefix: &str) -> Arc<TcpStats> {
        self.telemetry.tcp(prefix)
    }

    pub(crate) fn upstream(&self, index: ClusterIndex) -> Option<&Arc<Upstream>> {
        self.upstreams.get(index.as_usize())
    }
}

/// Takes snapshots into force.
#[derive(Debug)]
pub struct Switch {
    live: Arc<ArcSwap<Live>>,
    upstreams: Upstreams,
    credentials: Arc<Credentials>,
    discovered: Arc<Discovered>,
    /// The way of spans to collectors.
    spans: SpanSender,
    _exporting: Background,
    /// One at a time: two snapshots installed at once could both carry over the same clusters.
    installing: Mutex<()>,
}

impl Switch {
    /// Starts with `snapshot`; its generation is 0 when no source has been read yet, and requests
    /// without a route are then answered with 503.
    pub fn new(snapshot: Arc<Snapshot>, telemetry: Arc<Telemetry>, resolver: Resolver) -> Self {
        let nothing = Live {
            snapshot: Arc::new(Snapshot {
                clusters: Clusters::default(),
                ..Snapshot::clone(&snapshot)
            }),
            upstreams: Slots::default(),
            terminations: Arc::default(),
            credentials: Arc::new(Credentials::new()),
            challenges: Arc::default(),
            error_pages: Arc::default(),
            log_plan: LogPlan::of(&snapshot.settings.access_log),
            tracer: None,
            telemetry: Arc::clone(&telemetry),
        };
        let (spans, exporter) = nuncio_tracing::channel(telemetry.spans());
        let exporting = resolver.run(exporter.run());
        telemetry.count_dns(resolver.stats());
        let discovered = Discovered::new(resolver);
        let credentials = Arc::clone(&nothing.credentials);
        let originators = Originators::new(&credentials);
        let live = Arc::new(ArcSwap::from_pointee(nothing));
        let switch = Self {
            credentials,
            upstreams: Upstreams::new(telemetry, (&discovered, originators), &live),
            live,
            discovered,
            spans,
            _exporting: exporting,
            installing: Mutex::default(),
        };
        switch.install(snapshot);
        switch
    }

    /// Serves requests by `snapshot` from now on; those under way end by the one they began with.
    ///
    /// Clusters that are the same as before keep their connections, endpoints and counters. Costs
    /// what differs from the snapshot before.
    pub fn install(&self, snapshot: Arc<Snapshot>) {
        let _installing = self
            .installing
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.discovered.want(&snapshot.demands.endpoints);
        let before = self.live.load_full();
        let upstreams = self.upstreams.next(&before, &snapshot);
        let error_pages = ErrorPages::next(&before.error_pages, &snapshot.demands.error_pages);
        let log_plan = match before.snapshot.settings == snapshot.settings {
            true => Arc::clone(&before.log_plan),
            false => LogPlan::of(&snapshot.settings.access_log),
        };
        let tracer = tracer(&before, &snapshot);
        let live = Arc::new(Live {
            terminations: before
                .terminations
                .next(&snapshot.listening, &before.credentials),
            credentials: Arc::clone(&before.credentials),
            challenges: Arc::clone(&before.challenges),
            snapshot,
            upstreams,
            error_pages,
            log_plan,
            tracer,
            telemetry: Arc::clone(&before.telemetry),
        });
        let demands = [&before, &live].map(|live| &live.snapshot.demands.credentials);
        if !Arc::ptr_eq(demands[0], demands[1]) {
            self.credentials.tidy();
        }
        self.upstreams.retire(self.live.swap(live));
    }

    /// Takes the ready endpoints of a Service's port into use, at once and without a snapshot, in
    /// every cluster that is told its endpoints. `None` when they cannot be known any more: then the
    /// cluster's name is resolved, or the port forgotten if no cluster of the snapshot has it.
    pub fn set_endpoints(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        self.discovered.set(of, addresses);
    }

    /// Takes the material of a credential into use with the next handshake, at once and without a
    /// snapshot, wherever it is named now or by a later snapshot. `None` when there is none any more:
    /// then handshakes that need it are refused, unless nobody asks for it by the snapshot in force.
    pub fn set_credential(&self, credential: &Credential, material: Option<Material>) {
        let snapshot = self.snapshot();
        let demanded = &snapshot.demands.credentials;
        match material.is_none() && !demanded.contains(credential) {
            true => self.credentials.forget(credential),
            false => self.credentials.set(credential, material),
        }
    }

    /// Answers the challenges of authorities by these from now on, by token, at once and without a
    /// snapshot.
    pub fn set_challenges(&self, answers: BTreeMap<Box<str>, Box<str>>) {
        self.live.load().challenges.set(answers);
    }

    /// Others whenever [`Switch::certificates`] may be others.
    pub(crate) fn certificates_as_of(&self) -> (Arc<Listening>, u64) {
        let told = self.credentials.told();
        (Arc::clone(&self.snapshot().listening), told)
    }

    /// The certificates that are served by a Listener, as far as there are any.
    pub(crate) fn certificates(&self, key: ListenerKey) -> Vec<Certificate> {
        let listening = Arc::clone(&self.snapshot().listening);
        let Some(listener) = key.find(&listening) else {
            return Vec::new();
        };
        let places = listener.terminations.values();
        let identities = places.filter_map(|place| Some(&listening.termination(*place)?.identity));
        let certificate = |identity: &IdentitySource| {
            Some(Certificate {
                name: identity.to_string().into(),
                not_after: self.credentials.expiry(identity)?,
            })
        };
        identities.filter_map(certificate).collect()
    }

    /// Has the spans that were told sent to their collectors, and waits until that has been tried.
    pub async fn flush_spans(&self) {
        self.spans.flush().await;
    }

    /// Where spans go.
    pub(crate) fn spans(&self) -> &SpanSender {
        &self.spans
    }

    /// The snapshot in force.
    pub fn snapshot(&self) -> Arc<Snapshot> {
        Arc::clone(&self.live.load().snapshot)
    }

    pub(crate) fn live(&self) -> Arc<Live> {
        self.live.load_full()
    }

    /// Whether `live` is still in force.
    pub(crate) fn is_current(&self, live: &Arc<Live>) -> bool {
        Arc::ptr_eq(&self.live.load(), live)
    }
}

/// What requests are traced by; the same as before, with all spans under way, if it is to be.
fn tracer(before: &Live, snapshot: &Snapshot) -> Option<Arc<Tracer>> {
    let tracing = snapshot.settings.tracing.as_ref()?;
    let is_same = before.snapshot.settings.tracing.as_ref() == Some(tracing);
    match (&before.tracer, is_same) {
        (Some(tracer), true) => Some(Arc::clone(tracer)),
        (Some(_) | None, _) => Some(Arc::new(Tracer::new(tracing, |name| {
            std::env::var(name).ok()
        }))),
    }
}

#[cfg(test)]
mod tests;
