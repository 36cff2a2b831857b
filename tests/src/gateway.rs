//! A data path under test: annotation text in, a listening gateway out.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_proxy::{
    Limits, Listener, ListenerKey, Phase, Probes, Resolver, Shared, Switch, Workers,
};
use nuncio_routing::{Probe, Snapshot, compile};
use nuncio_telemetry::{AccessLogWriter, BuildInfo, Telemetry};

use crate::control::eventually;
use crate::counters::Counters;
use crate::names::NameServer;

/// A running data path on loopback. Ends when dropped.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    /// What is listened on: addresses as they were asked for.
    listening: Vec<(SocketAddr, ListenerKey)>,
    switch: Arc<Switch>,
    telemetry: Arc<Telemetry>,
    workers: Workers,
    access_log: Option<AccessLogWriter>,
}

impl Gateway {
    /// Serves what `annotation` says with one worker, so that upstream connections are shared.
    ///
    /// # Panics
    /// When the annotation has a mistake, or the system has no port.
    pub fn start(annotation: &str) -> Self {
        Self::begin(snapshot(annotation, 1), 1)
    }

    /// As [`Gateway::start`], asking this name server for the names of upstreams.
    pub fn start_with_names(annotation: &str, names: &NameServer) -> Self {
        let resolver = Resolver::from_name_server(names.address()).unwrap();
        Self::begin_with(snapshot(annotation, 1), 1, resolver)
    }

    /// As [`Gateway::start`], with that many workers.
    pub fn with_workers(count: usize, annotation: &str) -> Self {
        Self::begin(snapshot(annotation, 1), count)
    }

    /// As [`Gateway::start`], with these limits.
    pub fn with_limits(limits: Limits, annotation: &str) -> Self {
        let telemetry = Telemetry::new(BuildInfo::default());
        let resolver = Resolver::from_system().unwrap();
        Self::serve(snapshot(annotation, 1), 1, (telemetry, resolver, limits))
    }

    /// As [`Gateway::start`], where health checks on the data port are answered by `probes`.
    pub fn with_probes(probes: Arc<Probes>, annotation: &str) -> Self {
        let telemetry = Telemetry::new(BuildInfo::default());
        let switch = Switch::new(
            Arc::new(snapshot(annotation, 1)),
            Arc::clone(&telemetry),
            Resolver::from_system().unwrap(),
        );
        Self::share(
            1,
            Shared {
                switch: Arc::new(switch),
                probes,
                telemetry,
                limits: Arc::default(),
            },
        )
    }

    /// As [`Gateway::start`], with the access log on.
    pub fn with_access_log(annotation: &str) -> Self {
        let telemetry = Telemetry::new(BuildInfo::default());
        let writer = telemetry.start_access_log().unwrap();
        let mut gateway = Self::serve(
            snapshot(annotation, 1),
            1,
            (
                telemetry,
                Resolver::from_system().unwrap(),
                Limits::COMPATIBLE,
            ),
        );
        gateway.access_log = Some(writer);
        gateway
    }

    /// A data path that no source of configuration has been read for.
    pub fn unconfigured() -> Self {
        Self::begin(snapshot("", 0), 1)
    }

    /// As [`Gateway::unconfigured`], asking this name server for the names of upstreams.
    pub fn unconfigured_with_names(names: &NameServer) -> Self {
        let resolver = Resolver::from_name_server(names.address()).unwrap();
        Self::begin_with(snapshot("", 0), 1, resolver)
    }

    /// Where snapshots and endpoints are put in.
    pub fn switch(&self) -> &Arc<Switch> {
        &self.switch
    }

    fn begin(snapshot: Snapshot, workers: usize) -> Self {
        Self::begin_with(snapshot, workers, Resolver::from_system().unwrap())
    }

    fn begin_with(snapshot: Snapshot, workers: usize, resolver: Resolver) -> Self {
        let telemetry = Telemetry::new(BuildInfo::default());
        Self::serve(snapshot, workers, (telemetry, resolver, Limits::COMPATIBLE))
    }

    fn serve(
        snapshot: Snapshot,
        workers: usize,
        (telemetry, resolver, limits): (Arc<Telemetry>, Resolver, Limits),
    ) -> Self {
        let switch = Switch::new(Arc::new(snapshot), Arc::clone(&telemetry), resolver);
        Self::share(
            workers,
            Shared {
                switch: Arc::new(switch),
                probes: probes(),
                telemetry,
                limits: Arc::new(limits),
            },
        )
    }

    fn share(workers: usize, shared: Shared) -> Self {
        let listener = Listener::bind(LOCAL, ListenerKey::Http).unwrap();
        let address = listener.address();
        let workers = Workers::start(vec![listener], workers, &shared).unwrap();
        let Shared {
            switch, telemetry, ..
        } = shared;
        Self {
            address,
            listening: vec![(LOCAL, ListenerKey::Http)],
            switch,
            telemetry,
            workers,
            access_log: None,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Listens at one more address for this; where.
    ///
    /// # Panics
    /// When the system has no port.
    pub fn listen(&mut self, key: ListenerKey) -> SocketAddr {
        self.listening.push((LOCAL, key));
        let failed = self.workers.listen(&self.listening);
        assert!(failed.is_empty(), "{failed:?}");
        self.address_of(key)
    }

    /// Listens for this no more.
    pub fn close(&mut self, key: ListenerKey) {
        self.listening.retain(|(_, other)| *other != key);
        assert!(self.workers.listen(&self.listening).is_empty());
    }

    /// Its threads.
    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    fn address_of(&self, key: ListenerKey) -> SocketAddr {
        let all = self.workers.addresses().into_iter();
        let mut of_key = all.filter(|(_, other)| *other == key);
        of_key.next().unwrap().0
    }

    /// Serves what `annotation` says from now on.
    ///
    /// # Panics
    /// When the annotation has a mistake.
    pub fn install(&self, annotation: &str) {
        let generation = self.switch.snapshot().generation + 1;
        self.switch
            .install(Arc::new(snapshot(annotation, generation)));
    }

    /// Begins to ask clients to leave.
    pub fn drain(&self) {
        self.workers.enter(Phase::Draining);
    }

    /// Accepts no more.
    pub fn stop(&self) {
        self.workers.enter(Phase::Stopping);
    }

    /// Whether nothing is left.
    pub fn is_done(&self) -> bool {
        self.workers.are_done()
    }

    /// Waits until nothing is left.
    pub async fn done(&self) {
        eventually("every worker has ended", || self.is_done()).await;
    }

    /// Ends everything, the last lines of the access log written.
    pub async fn finish(mut self) {
        self.stop();
        self.done().await;
        if let Some(writer) = self.access_log.take() {
            writer.finish(LAST_LINES);
        }
    }

    /// The Prometheus page.
    pub fn page(&self) -> String {
        let mut page = Vec::new();
        self.telemetry.render(&mut page);
        String::from_utf8(page).unwrap()
    }

    /// The counters of the Prometheus page.
    pub fn counters(&self) -> Counters {
        Counters::parse(&self.page())
    }

    /// The value of a gauge, over all series of its family.
    pub fn gauge(&self, family: &str) -> f64 {
        let page = self.page();
        let values = page.lines().filter_map(|line| {
            let (series, value) = line.rsplit_once(' ')?;
            let is_of_family = series.split('{').next() == Some(family);
            is_of_family.then(|| value.parse::<f64>().unwrap())
        });
        values.sum()
    }

    /// Waits until `condition` holds for the counters, which move when things have ended.
    pub async fn until_counted(&self, what: &str, condition: impl Fn(&Counters) -> bool) {
        eventually(what, || condition(&self.counters())).await;
    }
}

/// Nobody stops reading in tests that look at lines.
const LAST_LINES: Duration = Duration::from_secs(20);

/// What the probes say.
pub const ALIVE: &str = "the probe says it is alive\n";

fn probes() -> Arc<Probes> {
    Arc::new(|probe| match probe {
        Probe::Alive => (200, ALIVE),
        Probe::Ready => (503, "not ready\n"),
    })
}

/// Where everything listens.
const LOCAL: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

fn snapshot(annotation: &str, generation: u64) -> Snapshot {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: "s".into(),
    };
    let identity = Identity::default();
    let parsed = parse_annotation(annotation, &Origin::api(Arc::new(object)), &identity);
    let snapshot = compile(&parsed.resources, parsed.diagnostics, &identity, generation);
    let mistakes: Vec<_> = snapshot
        .diagnostics
        .iter()
        .map(ToString::to_string)
        .collect();
    assert!(mistakes.is_empty(), "{mistakes:?}");
    snapshot
}

/// The annotation text of one Mapping; `more` are further lines.
pub fn mapping(prefix: &str, service: &str, more: &str) -> String {
    let name: String = prefix
        .chars()
        .map(|c| if c == '/' { '_' } else { c })
        .collect();
    named_mapping(&format!("m{name}"), prefix, service, more)
}

/// As [`mapping`], for several Mappings of one prefix.
pub fn named_mapping(name: &str, prefix: &str, service: &str, more: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: {name}\nprefix: {prefix}\n\
         service: {service}\n{more}\n"
    )
}
