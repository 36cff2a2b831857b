//! What was done to the recorded Envoy, told to ours: some 160 requests of every kind.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nuncio_telemetry::{
    Breaker, Bytes, Certificate, Closed, ClusterStats, ConnectFailure, DownstreamConnection,
    Ending, Handshake, HandshakeFailure, ListenerStats, Outcome, Overflow, Protocol, RequestRecord,
    Reset, Resolution, RetryCause, RetryRefused, ShadowRecord, Side, Telemetry, Transport,
};

const TOOK: Duration = Duration::from_millis(3);
const LOCAL: Closed = closed(Side::Local, false);
const LOCAL_ACTIVE: Closed = closed(Side::Local, true);
const REMOTE: Closed = closed(Side::Remote, false);
const REMOTE_ACTIVE: Closed = closed(Side::Remote, true);

const fn closed(by: Side, with_active_request: bool) -> Closed {
    Closed {
        by,
        with_active_request,
    }
}

/// What differed between the two recordings.
pub(crate) struct Recording {
    /// Of the requests that were split between two clusters, those that went to the canary.
    pub(crate) canary: u64,
    /// Times each cluster's name was looked up.
    pub(crate) lookups: u64,
}

/// The gateway, as the recorded Envoy was set up.
struct Scene {
    http: Arc<ListenerStats>,
    https: Arc<ListenerStats>,
    httpbin: Arc<ClusterStats>,
    quote: Arc<ClusterStats>,
    cb: Arc<ClusterStats>,
    dead: Arc<ClusterStats>,
    od: Arc<ClusterStats>,
    secure: Arc<ClusterStats>,
}

/// Everything that was done.
pub(crate) fn replay(telemetry: &Arc<Telemetry>, recording: &Recording) {
    let scene = Scene::new(telemetry, recording.lookups);
    // Of 95 requests that were split between two clusters ten came over TLS.
    scene.good(85 - recording.canary, &scene.httpbin);
    scene.good(recording.canary, &scene.quote);
    scene.over_tls();
    scene.other_statuses();
    scene.troubles();
    scene.retries();
    scene.limits();
    scene.outlier();
    scene.shadows();
    scene.shutdown();
}

impl Scene {
    fn new(telemetry: &Arc<Telemetry>, lookups: u64) -> Self {
        let listener = |port: u16, prefix| {
            let http = telemetry.http(prefix);
            telemetry.listener(([127, 0, 0, 1], port).into(), &http)
        };
        let cluster = |name| {
            let cluster = telemetry.cluster(name);
            cluster.resolved(Resolution::Changed { endpoints: 1 });
            for _ in 1..lookups {
                cluster.resolved(Resolution::Unchanged);
            }
            cluster
        };
        let scene = Self {
            http: listener(18080, "ingress_http"),
            https: listener(18443, "ingress_https"),
            httpbin: cluster("httpbin"),
            quote: cluster("cluster_quote_default"),
            cb: cluster("cb"),
            dead: cluster("dead"),
            od: cluster("od"),
            secure: cluster("secure"),
        };
        scene.https.set_certificates(vec![Certificate {
            name: "unnamed_cert_e3b0c442".into(),
            not_after: SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_505_020),
        }]);
        scene
    }

    /// 200s; the first one needs a connection.
    fn good(&self, requests: u64, cluster: &Arc<ClusterStats>) {
        connected(cluster);
        for _ in 0..requests {
            self.request(answered(200), Some(cluster), |cluster| {
                drop(cluster.assigned());
            });
        }
    }

    fn over_tls(&self) {
        for (protocol, connections) in [(Protocol::Http1, 5), (Protocol::Http2, 4)] {
            for nth in 0..connections {
                let mut connection = self.https.accepted(Transport::Tls);
                connection.tls_established(Handshake::default());
                connection.speaks(protocol);
                // One connection was kept alive for a second request.
                let is_kept = nth == 0 && protocol == Protocol::Http1;
                for _ in 0..1 + u8::from(is_kept) {
                    drop(self.httpbin.assigned());
                    record(&self.https, protocol, answered(200), Some(&self.httpbin));
                }
                connection.closed(if is_kept { LOCAL } else { REMOTE });
            }
        }
        for _ in 0..2 {
            let connection = self.https.accepted(Transport::Tls);
            connection.tls_failed(HandshakeFailure::Protocol);
            connection.closed(REMOTE);
        }
        for _ in 0..2 {
            self.request(answered(200), Some(&self.secure), |cluster| {
                drop(cluster.assigned());
            });
        }
        connected(&self.secure);
    }

    fn other_statuses(&self) {
        for status in [301, 404, 429, 503] {
            for _ in 0..5 {
                self.request(answered(status), Some(&self.httpbin), |c| {
                    drop(c.assigned());
                });
            }
        }
        for outcome in [Outcome::NoRoute, Outcome::Direct { status: 301 }] {
            for _ in 0..5 {
                self.request(outcome, None, |_| {});
            }
        }
        for _ in 0..3 {
            self.request(Outcome::Filter { status: 401 }, Some(&self.httpbin), |_| {});
        }
    }

    fn troubles(&self) {
        for _ in 0..3 {
            self.request(Outcome::RouteTimeout, Some(&self.httpbin), |cluster| {
                assigned_anew(cluster, LOCAL_ACTIVE);
            });
            let gone = Outcome::UpstreamReset(Reset::Connection);
            self.request(gone, Some(&self.httpbin), |c| {
                assigned_anew(c, REMOTE_ACTIVE);
            });
        }
        for _ in 0..5 {
            self.request(Outcome::ConnectFailed, Some(&self.dead), |cluster| {
                let pending = cluster.pending();
                cluster.connect_failed(ConnectFailure::Refused, Protocol::Http1, TOOK);
                pending.failed();
            });
        }
        let mut connection = accepted(&self.http);
        let request = self.http.request_started(Protocol::Http1);
        assigned_anew(&self.httpbin, LOCAL_ACTIVE);
        finish(request, Outcome::ClientLeft, Some(&self.httpbin), false);
        connection.closed(REMOTE_ACTIVE);
        connection = accepted(&self.http);
        record(
            &self.http,
            Protocol::Http1,
            Outcome::Malformed { status: 400 },
            None,
        );
        connection.closed(LOCAL);
    }

    /// A response that is thrown away takes its connection with it.
    fn retries(&self) {
        for (discarded, last) in [(1, 200), (2, 503)] {
            for _ in 0..3 {
                let connection = accepted(&self.http);
                let request = self.http.request_started(Protocol::Http1);
                for _ in 0..discarded {
                    self.httpbin.retried(RetryCause::Response(503));
                    assigned_anew(&self.httpbin, LOCAL_ACTIVE);
                }
                drop(self.httpbin.assigned());
                if last == 503 {
                    self.httpbin.retry_refused(RetryRefused::LimitExceeded);
                }
                finish(request, answered(last), Some(&self.httpbin), true);
                connection.closed(REMOTE);
            }
        }
    }

    fn limits(&self) {
        let cb = &self.cb;
        connected(cb);
        connected(cb);
        cb.breaker_opened(Breaker::Connections);
        cb.breaker_opened(Breaker::Pending);
        drop(cb.pending());
        cb.overflowed(Overflow::Connections);
        for _ in 0..3 {
            self.request(answered(200), Some(cb), |cluster| drop(cluster.assigned()));
        }
        for _ in 0..5 {
            self.request(Outcome::Overflow, Some(cb), |cluster| {
                cluster.overflowed(Overflow::Pending);
            });
        }
        cb.breaker_closed(Breaker::Connections);
        cb.breaker_closed(Breaker::Pending);
    }

    fn outlier(&self) {
        let od = &self.od;
        connected(od);
        for nth in 0..4 {
            if nth == 3 {
                od.outlier_detected();
                drop(od.ejected());
                od.connection_closed(LOCAL, TOOK);
                od.panicked();
                connected(od);
            }
            self.request(answered(500), Some(od), |cluster| drop(cluster.assigned()));
        }
    }

    fn shadows(&self) {
        for _ in 0..3 {
            drop(self.quote.assigned());
            ShadowRecord {
                cluster: &self.quote,
                outcome: answered(200),
                upstream_time: Some(TOOK),
                upstream_received: 1,
                upstream_sent: 1,
            }
            .record();
        }
    }

    /// Connections that were open to the end.
    fn shutdown(&self) {
        for (cluster, open) in [
            (&self.httpbin, 1),
            (&self.quote, 1),
            (&self.cb, 2),
            (&self.od, 1),
            (&self.secure, 1),
        ] {
            for _ in 0..open {
                cluster.connection_closed(LOCAL, TOOK);
            }
        }
    }

    /// One request on a connection of its own, which the client closes.
    fn request(
        &self,
        outcome: Outcome,
        cluster: Option<&Arc<ClusterStats>>,
        upstream: impl FnOnce(&Arc<ClusterStats>),
    ) {
        let connection = accepted(&self.http);
        if let Some(cluster) = cluster {
            upstream(cluster);
        }
        record(&self.http, Protocol::Http1, outcome, cluster);
        connection.closed(REMOTE);
    }
}

fn accepted(listener: &Arc<ListenerStats>) -> DownstreamConnection {
    let mut connection = listener.accepted(Transport::Plain);
    connection.speaks(Protocol::Http1);
    connection
}

fn record(
    listener: &Arc<ListenerStats>,
    protocol: Protocol,
    outcome: Outcome,
    cluster: Option<&Arc<ClusterStats>>,
) {
    finish(listener.request_started(protocol), outcome, cluster, false);
}

fn finish(
    request: nuncio_telemetry::ActiveRequest,
    outcome: Outcome,
    cluster: Option<&Arc<ClusterStats>>,
    retried: bool,
) {
    let was_sent = outcome != Outcome::ConnectFailed;
    RequestRecord {
        request,
        cluster: cluster.map(Arc::as_ref),
        outcome,
        duration: TOOK,
        upstream_time: Some(TOOK),
        bytes: Bytes {
            downstream_received: 1,
            downstream_sent: 1,
            upstream_received: was_sent.into(),
            upstream_sent: was_sent.into(),
        },
        retried,
        mapping: None,
        trace: None,
    }
    .record();
}

/// A connection is made, for a request that waits for it.
fn connected(cluster: &Arc<ClusterStats>) {
    let pending = cluster.pending();
    cluster.connected(Protocol::Http1, TOOK);
    drop(pending);
}

/// An attempt on a connection of its own, which ends so.
fn assigned_anew(cluster: &Arc<ClusterStats>, closed: Closed) {
    connected(cluster);
    drop(cluster.assigned());
    cluster.connection_closed(closed, TOOK);
}

fn answered(status: u16) -> Outcome {
    Outcome::Upstream {
        status,
        ending: Ending::Complete,
    }
}
