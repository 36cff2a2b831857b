//! What one listening address counts, and the two things that live on it: connections and requests.
//!
//! Invariant: whatever was opened is closed exactly once on the page, also when the task that held
//! it is cancelled or panics; that is why [`DownstreamConnection`] and [`ActiveRequest`] count when
//! dropped.

mod connection;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use crate::family::{Scope, Stat};
use crate::histogram::Histogram;
use crate::http::HttpStats;
use crate::names;
use crate::request::{Protocol, Transport};
use crate::series::{Scoped, Series};
use crate::statsd::Timers;
use crate::status::Classes;
use crate::tcp::TcpStats;
use crate::value::{Counter, Gauge};
pub use connection::DownstreamConnection;

/// The numbers of one listening address.
#[derive(Debug)]
pub struct ListenerStats {
    pub(crate) count: ListenerCounts,
    pub(crate) per_http: ListenerHttp,
    certificates: Mutex<Arc<[Certificate]>>,
    http: Arc<HttpStats>,
    series: Series,
}

#[derive(Debug, Default)]
pub(crate) struct ListenerCounts {
    pub(crate) downstream_cx_total: Counter,
    pub(crate) downstream_cx_active: Gauge,
    pub(crate) downstream_cx_destroy: Counter,
    pub(crate) downstream_cx_overflow: Counter,
    pub(crate) downstream_cx_overload_reject: Counter,
    pub(crate) downstream_global_cx_overflow: Counter,
    pub(crate) downstream_cx_proxy_proto_error: Counter,
    pub(crate) downstream_cx_length_ms: Histogram,
    pub(crate) ssl_connection_error: Counter,
    pub(crate) ssl_fail_verify_error: Counter,
    pub(crate) ssl_fail_verify_no_cert: Counter,
    pub(crate) ssl_handshake: Counter,
    pub(crate) ssl_no_certificate: Counter,
    pub(crate) ssl_session_reused: Counter,
}

/// What is counted per listener and connection manager together.
#[derive(Debug)]
#[repr(C, align(128))]
pub(crate) struct ListenerHttp {
    pub(crate) downstream_rq_completed: Counter,
    pub(crate) downstream_rq_xx: Classes,
    series: Series,
}

/// A certificate a listener serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// Its name among the certificates of the listener; sorted and unique on the page.
    pub name: Box<str>,
    /// When it ceases to be valid.
    pub not_after: SystemTime,
}

/// Why a connection was turned away at the door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The listener has as many as it may.
    ListenerFull,
    /// The whole process has as many as it may.
    ProcessFull,
    /// There is no memory left for one more.
    MemoryShort,
}

/// A TLS handshake that succeeded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Handshake {
    /// It went on with an earlier session.
    pub resumed: bool,
    /// The client said by a certificate who it is.
    pub certified: bool,
}

/// Why a TLS handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeFailure {
    /// The client has no certificate, and has to have one.
    NoCertificate,
    /// Its certificate is not accepted.
    BadCertificate,
    /// What it sent is no handshake, or asks for what is not served.
    Protocol,
    /// It left, or took too long.
    Abandoned,
}

impl ListenerStats {
    pub(crate) fn new(address: SocketAddr, http: Arc<HttpStats>, timers: &Arc<Timers>) -> Self {
        // Envoy's address tag has underscores for colons: 0.0.0.0_8080, [__]_8080.
        let address = address.to_string().replace(':', "_");
        let label = ("envoy_listener_address", address.as_str());
        let scope = Scoped {
            full: &format!("envoy.listener.{address}."),
            bare: "envoy.listener.",
        };
        let http_scope = Scoped {
            full: &format!("{}http.{}.", scope.full, http.prefix()),
            bare: "envoy.listener.http.",
        };
        let http_label = ("envoy_http_conn_manager_prefix", http.prefix());
        Self {
            count: ListenerCounts::default(),
            per_http: ListenerHttp {
                downstream_rq_completed: Counter::new(),
                downstream_rq_xx: Classes::default(),
                series: Series::new(timers, &[http_label, label], http_scope),
            },
            certificates: Mutex::default(),
            series: Series::new(timers, &[label], scope),
            http,
        }
    }

    /// The connection manager behind this listener.
    pub fn http(&self) -> &Arc<HttpStats> {
        &self.http
    }

    /// A connection was accepted, before any handshake.
    pub fn accepted(self: &Arc<Self>, transport: Transport) -> DownstreamConnection {
        self.connection_opened();
        self.http.connection_opened(transport);
        DownstreamConnection::of_http(self, transport)
    }

    /// As [`Self::accepted`], of a connection that is carried as it is.
    pub fn carried(self: &Arc<Self>, by: &TcpStats) -> DownstreamConnection {
        self.connection_opened();
        by.connection_opened();
        DownstreamConnection::of_tcp(self)
    }

    /// A connection was turned away before it became one.
    pub fn rejected(&self, why: Rejection) {
        match why {
            Rejection::ListenerFull => self.count.downstream_cx_overflow.inc(),
            Rejection::ProcessFull => self.count.downstream_global_cx_overflow.inc(),
            Rejection::MemoryShort => self.count.downstream_cx_overload_reject.inc(),
        }
    }

    /// A connection began with no PROXY header, and is not served.
    pub fn proxy_header_failed(&self) {
        self.count.downstream_cx_proxy_proto_error.inc();
    }

    /// A request head arrived, or what was meant to be one.
    pub fn request_started(self: &Arc<Self>, protocol: Protocol) -> ActiveRequest {
        self.http.request_started(protocol);
        ActiveRequest {
            listener: Arc::clone(self),
            protocol,
            told: None,
            is_answered_early: false,
            is_unfinished: false,
            recorded: false,
        }
    }

    /// The certificates now served; replaces those told before.
    pub fn set_certificates(&self, mut certificates: Vec<Certificate>) {
        certificates.sort_by(|a, b| (&a.name, a.not_after).cmp(&(&b.name, b.not_after)));
        certificates.dedup_by(|later, earlier| later.name == earlier.name);
        *self
            .certificates
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = certificates.into();
    }

    pub(crate) fn certificates(&self) -> Arc<[Certificate]> {
        Arc::clone(
            &self
                .certificates
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    pub(crate) fn responded(&self, status: u16) {
        self.per_http.downstream_rq_completed.inc();
        self.per_http.downstream_rq_xx.count(status);
    }

    fn connection_opened(&self) {
        self.count.downstream_cx_total.inc();
        self.count.downstream_cx_active.inc();
    }

    fn connection_closed(&self, open_for: Duration) {
        self.count.downstream_cx_active.dec();
        self.count.downstream_cx_destroy.inc();
        self.series.time(
            &self.count.downstream_cx_length_ms,
            names::DOWNSTREAM_CX_LENGTH_MS,
            open_for,
        );
    }
}

impl Scope for ListenerStats {
    const FAMILY: &'static str = "envoy_listener_";
    const STATS: &'static [Stat<Self>] = names::LISTENER;

    fn series(&self) -> &Series {
        &self.series
    }
}

impl Scope for ListenerHttp {
    const FAMILY: &'static str = "envoy_listener_http_";
    const STATS: &'static [Stat<Self>] = names::LISTENER_HTTP;

    fn series(&self) -> &Series {
        &self.series
    }
}

/// A request being served. It ends in a [`RequestRecord`](crate::RequestRecord); dropped without
/// one, its task died and the client's stream was reset by us.
#[derive(Debug)]
pub struct ActiveRequest {
    listener: Arc<ListenerStats>,
    protocol: Protocol,
    told: Option<u16>,
    is_answered_early: bool,
    is_unfinished: bool,
    recorded: bool,
}

impl ActiveRequest {
    /// The listener it came in by.
    pub fn listener(&self) -> &ListenerStats {
        &self.listener
    }

    /// The client is told another status than what became of the request: a gRPC client has its
    /// error in the message.
    pub fn told(&mut self, status: u16) {
        self.told = Some(status);
    }

    /// Its answer began before all of it had come.
    pub fn answered_early(&mut self) {
        self.is_answered_early = true;
    }

    /// It is over, and not all of it has come.
    pub fn left_unfinished(&mut self) {
        self.is_unfinished = true;
    }

    pub(crate) fn is_answered_early(&self) -> bool {
        self.is_answered_early
    }

    pub(crate) fn is_unfinished(&self) -> bool {
        self.is_unfinished
    }

    pub(crate) fn status_told(&self) -> Option<u16> {
        self.told
    }

    pub(crate) fn finished(mut self) {
        self.recorded = true;
    }
}

impl Drop for ActiveRequest {
    fn drop(&mut self) {
        let http = &self.listener.http;
        http.request_ended(self.protocol);
        if !self.recorded {
            http.count.downstream_rq_tx_reset.inc();
            http.count.downstream_rq_rx_reset.inc();
        }
    }
}

/// Since the epoch, and 0 before it.
pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
