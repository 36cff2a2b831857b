//! All handles of the process, found by name.
//!
//! Invariant: one name, one handle; that is what keeps series unique when two clusters share a name.
//! Deliberately absent: anything a request would do; the locks here are taken when configuration
//! changes and when a writer looks.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock, PoisonError, RwLock, Weak};

use crate::access_log::{AccessLog, AccessLogCounts, AccessLogWriter};
use crate::cluster::ClusterStats;
use crate::clusters::Clusters;
use crate::configured::Configured;
use crate::control::ControlStats;
use crate::dns::DnsStats;
use crate::family::Scope;
use crate::guard::{Guard, SeriesLimit};
use crate::http::HttpStats;
use crate::label::ClusterLabel;
use crate::listener::ListenerStats;
use crate::mapping::MappingStats;
use crate::mappings::Mappings;
use crate::page::{Page, Selection};
use crate::process::Memory;
use crate::series::{Names, Series};
use crate::server::ServerStats;
use crate::statsd::Timers;
use crate::tcp::TcpStats;
use crate::trace::SpanCounts;

/// Who this process is, for the labels of `ambassador_diagnostics_info` and `nuncio_build_info`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of the gateway.
    pub version: Box<str>,
    /// The commit it was built from, hexadecimal.
    pub commit: Box<str>,
    /// `AMBASSADOR_ID`.
    pub ambassador_id: Box<str>,
    /// Ambassador's identifier of the cluster it runs in.
    pub cluster_id: Box<str>,
    /// Whether it watches one namespace only.
    pub single_namespace: bool,
}

/// Everything that is counted.
#[derive(Debug)]
pub struct Telemetry {
    pub(crate) build: BuildInfo,
    pub(crate) server: Arc<ServerStats>,
    pub(crate) control: ControlStats,
    pub(crate) timers: Arc<Timers>,
    cluster_label: ClusterLabel,
    pub(crate) access_log_counts: Arc<AccessLogCounts>,
    access_log: OnceLock<AccessLog>,
    pub(crate) spans: Arc<SpanCounts>,
    https: Named<HttpStats>,
    tcps: Named<TcpStats>,
    listeners: Named<ListenerStats>,
    clusters: Clusters,
    pub(crate) mappings: Mappings,
    configured: OnceLock<Weak<dyn Configured>>,
    pub(crate) guard: Guard,
    dns: OnceLock<Arc<DnsStats>>,
}

/// Handles by name, hence in the order of the page.
type Named<T> = RwLock<BTreeMap<Box<str>, Arc<T>>>;

/// All handles at one moment, brought up to date, for a writer.
#[derive(Debug)]
pub(crate) struct Handles {
    pub(crate) https: Vec<Arc<HttpStats>>,
    pub(crate) tcps: Vec<Arc<TcpStats>>,
    pub(crate) listeners: Vec<Arc<ListenerStats>>,
    /// Also those that have left the configuration, until they have been told to the end.
    pub(crate) clusters: Vec<Arc<ClusterStats>>,
    pub(crate) memory: Option<Memory>,
}

impl Telemetry {
    /// Nothing counted yet.
    pub fn new(build: BuildInfo) -> Arc<Self> {
        Self::calling(build, ClusterLabel::default())
    }

    /// Nothing counted yet; clusters are called so.
    pub fn calling(build: BuildInfo, cluster_label: ClusterLabel) -> Arc<Self> {
        let timers = Arc::new(Timers::default());
        Arc::new(Self {
            server: Arc::new(ServerStats::new(&timers, &build.commit)),
            build,
            control: ControlStats::default(),
            timers,
            cluster_label,
            access_log_counts: Arc::default(),
            access_log: OnceLock::new(),
            spans: Arc::default(),
            https: RwLock::default(),
            tcps: RwLock::default(),
            listeners: RwLock::default(),
            clusters: Clusters::default(),
            mappings: Mappings::default(),
            configured: OnceLock::new(),
            guard: Guard::default(),
            dns: OnceLock::new(),
        })
    }

    /// The handle of a connection manager, as `ingress_http`.
    pub fn http(&self, prefix: &str) -> Arc<HttpStats> {
        let http = self.unexpected_http(prefix);
        http.expect();
        http
    }

    /// As [`Self::http`], of a listener that speaks no HTTP; shown from the first connection that does
    /// all the same, once it may.
    pub fn unexpected_http(&self, prefix: &str) -> Arc<HttpStats> {
        entry(&self.https, prefix, || HttpStats::new(prefix, &self.timers))
    }

    /// The handle of what carries connections, as `ingress_tcp_5432`.
    pub fn tcp(&self, prefix: &str) -> Arc<TcpStats> {
        entry(&self.tcps, prefix, || TcpStats::new(prefix, &self.timers))
    }

    /// The handle of a bound address. An address asked for again keeps the connection manager it
    /// had.
    pub fn listener(&self, address: SocketAddr, http: &Arc<HttpStats>) -> Arc<ListenerStats> {
        entry(&self.listeners, &address.to_string(), || {
            ListenerStats::new(address, Arc::clone(http), &self.timers)
        })
    }

    /// Which of a cluster's names it is counted by.
    pub fn cluster_label(&self) -> ClusterLabel {
        self.cluster_label
    }

    /// The handle of a cluster by the name it is counted by, to be told of by
    /// [`Self::clusters_changed`]. A cluster that is back goes on where the last one of its name
    /// stopped.
    pub fn cluster(&self, name: impl Into<Arc<str>>) -> Arc<ClusterStats> {
        let given = name.into();
        let name = match printable(&given) {
            Cow::Borrowed(_) => given,
            Cow::Owned(other) => other.into(),
        };
        let added = || self.server.count.cluster_added.inc();
        self.clusters.of(&name, &self.timers, added)
    }

    /// The handle of a cluster by the name it is counted by, if there is one.
    pub fn known_cluster(&self, name: &str) -> Option<Arc<ClusterStats>> {
        self.clusters.find(&printable(name))
    }

    /// Another configuration runs: it has the clusters that have `arrived`, and no longer those that
    /// have `departed`, each named as often as there are clusters of its name. As with Envoy, those
    /// of which there is none any more leave the page.
    pub fn clusters_changed<'s>(
        &self,
        arrived: impl IntoIterator<Item = &'s ClusterStats>,
        departed: impl IntoIterator<Item = &'s ClusterStats>,
    ) {
        let count = &self.server.count;
        self.clusters.change(arrived, departed, count);
        count.update_success.inc();
    }

    /// Makes room where clusters have left and nobody has their handles any more; gives how many
    /// have left that still need theirs.
    pub fn let_go_of_clusters(&self) -> usize {
        self.clusters.let_go(&self.timers)
    }

    /// The handle of a Mapping, for the Route that had its first request. A Mapping that is back
    /// goes on where the last one of its name stopped.
    pub fn mapping(&self, namespace: &str, name: &str) -> Arc<MappingStats> {
        self.mappings.of(namespace, name)
    }

    /// Mappings whose handles nobody has: their Routes are gone, or have others in their place that
    /// had no request yet. Those are to be given the handles, since their counts stay on the page.
    pub fn unused_mappings(&self) -> Vec<Arc<MappingStats>> {
        self.mappings.unused()
    }

    /// Makes room where nobody has the handle of a Mapping.
    pub fn let_go_of_mappings(&self) {
        self.mappings.let_go();
    }

    /// How many handles of Mappings there are.
    pub fn known_mappings(&self) -> usize {
        self.mappings.known()
    }

    /// The ids of handles that there are or that may come back.
    pub(crate) fn remembered_clusters(&self) -> HashSet<u32> {
        self.clusters.remembered()
    }

    /// The ids of handles that will not come back, since this was last asked.
    pub(crate) fn forgotten_clusters(&self) -> Vec<u32> {
        self.clusters.forgotten()
    }

    /// The process as a whole.
    pub fn server(&self) -> &ServerStats {
        &self.server
    }

    /// Turns the access log on, before workers start; once in the life of the process.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub fn start_access_log(&self) -> io::Result<AccessLogWriter> {
        let (log, writer) = AccessLogWriter::start(&self.access_log_counts)?;
        // A second one would write nothing, and harm nothing.
        drop(self.access_log.set(log));
        Ok(writer)
    }

    /// Where lines of the access log go; `None` while it is off.
    pub fn access_log(&self) -> Option<&AccessLog> {
        self.access_log.get()
    }

    /// What becomes of spans.
    pub fn spans(&self) -> &Arc<SpanCounts> {
        &self.spans
    }

    /// Configuration.
    pub fn control(&self) -> &ControlStats {
        &self.control
    }

    /// Asks `configured` from now on, while it is there; once in the life of the process.
    pub fn ask(&self, configured: Weak<dyn Configured>) {
        // A second one would know the same.
        drop(self.configured.set(configured));
    }

    /// How many series a page may have from now on; without, there is no limit.
    pub fn limit_series(&self, limit: SeriesLimit) {
        self.guard.set(limit);
    }

    /// Shows what is asked of name servers; once in the life of the process.
    pub fn count_dns(&self, stats: &Arc<DnsStats>) {
        // There is one resolver.
        drop(self.dns.set(Arc::clone(stats)));
    }

    pub(crate) fn dns(&self) -> Option<&DnsStats> {
        self.dns.get().map(|stats| &**stats)
    }

    /// Who knows the configuration that runs.
    pub(crate) fn configured(&self) -> Option<Arc<dyn Configured>> {
        self.configured.get()?.upgrade()
    }

    /// Begins a page of `nuncio_*` and `process_*` in OpenMetrics 1.0, with exemplars.
    pub fn openmetrics(&self) -> Page {
        Page::openmetrics(self)
    }

    /// Begins a page of `nuncio_*` and `process_*` as delimited
    /// `io.prometheus.client.MetricFamily`, with exemplars and native histograms.
    pub fn protobuf(&self) -> Page {
        Page::protobuf(self)
    }

    /// Begins a Prometheus page, in text format 0.0.4.
    pub fn page(&self, selection: Selection) -> Page {
        Page::of(self, selection)
    }

    /// Appends the whole Prometheus page.
    pub fn render(&self, out: &mut Vec<u8>) {
        let mut page = self.page(Selection::default());
        while page.write(self, out) {}
    }

    /// What all handles are called, by their ids.
    pub(crate) fn names(&self) -> impl Iterator<Item = (u32, Names)> {
        let (https, listeners) = (values(&self.https), values(&self.listeners));
        let tcps = values(&self.tcps);
        let mut names = Vec::new();
        let mut add = |series: &Series| names.push((series.id, series.names().clone()));
        https.iter().for_each(|http| add(http.series()));
        tcps.iter().for_each(|tcp| add(tcp.series()));
        for listener in &listeners {
            add(listener.series());
            add(listener.per_http.series());
        }
        add(self.server.series());
        self.clusters.each(|cluster| add(cluster.series()));
        names.into_iter()
    }

    /// Everything there is to write, with the numbers that live elsewhere brought up to date.
    pub(crate) fn handles(&self) -> Handles {
        let listeners = values(&self.listeners);
        let connections = listeners
            .iter()
            .map(|l| l.count.downstream_cx_active.value())
            .sum();
        let memory = Memory::read();
        let mut https = values(&self.https);
        https.retain(|http| http.is_shown());
        self.server.refresh(memory, connections);
        self.server.follow_control(&self.control);
        self.server.follow_http2(&https);
        Handles {
            https,
            tcps: values(&self.tcps),
            listeners,
            clusters: self.clusters.all(),
            memory,
        }
    }
}

fn entry<T>(named: &Named<T>, name: &str, make: impl FnOnce() -> T) -> Arc<T> {
    if let Some(known) = named
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .get(name)
    {
        return Arc::clone(known);
    }
    let mut named = named.write().unwrap_or_else(PoisonError::into_inner);
    Arc::clone(named.entry(name.into()).or_insert_with(|| Arc::new(make())))
}

fn values<T>(named: &Named<T>) -> Vec<Arc<T>> {
    named
        .read()
        .unwrap_or_else(PoisonError::into_inner)
        .values()
        .map(Arc::clone)
        .collect()
}

/// NUL ends the page for Prometheus' lexer. Replaced before looking up, lest two names become one
/// series twice.
fn printable(name: &str) -> Cow<'_, str> {
    if name.contains('\0') {
        name.replace('\0', "_").into()
    } else {
        name.into()
    }
}
