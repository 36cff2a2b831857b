//! What connections to upstreams move.

use std::sync::Arc;
use std::time::Duration;

use super::{Backlog, ClusterStats, ConnectFailure};
use crate::names;
use crate::request::{Closed, Protocol, Side};

impl ClusterStats {
    /// A connection was made; it took `connect_time`, TLS included. Of no protocol are those that carry
    /// what clients say.
    pub fn connected(&self, protocol: impl Into<Option<Protocol>>, connect_time: Duration) {
        self.connection_made(protocol.into());
        self.count.traffic().upstream_cx_active.inc();
        let histogram = &self.count.traffic().upstream_cx_connect_ms;
        self.series
            .time(histogram, names::UPSTREAM_CX_CONNECT_MS, connect_time);
    }

    /// A connection could not be made; it was tried for `took`. What waited for it is to be told
    /// as well, by [`crate::PendingRequest::failed`].
    pub fn connect_failed(
        &self,
        why: ConnectFailure,
        protocol: impl Into<Option<Protocol>>,
        took: Duration,
    ) {
        self.connection_made(protocol.into());
        // To Envoy it is active while it is made: the gauge is told from then on.
        self.count.traffic().upstream_cx_active.inc();
        self.count.traffic().upstream_cx_active.dec();
        self.count.trouble().upstream_cx_connect_fail.inc();
        let by = match why {
            ConnectFailure::Refused => Side::Remote,
            ConnectFailure::Timeout => {
                self.count.trouble().upstream_cx_connect_timeout.inc();
                Side::Local
            }
        };
        self.connection_destroyed(
            Closed {
                by,
                with_active_request: false,
            },
            took,
        );
    }

    /// Bytes that went over a connection and belong to no request on record: those of HTTP/2
    /// frames sent after the requests were over.
    pub fn transferred(&self, received: u64, sent: u64) {
        self.count
            .traffic()
            .upstream_cx_rx_bytes_total
            .add(received);
        self.count.traffic().upstream_cx_tx_bytes_total.add(sent);
    }

    /// A connection told to [`Self::connected`] was closed, after `open_for`.
    pub fn connection_closed(&self, closed: Closed, open_for: Duration) {
        self.count.traffic().upstream_cx_active.dec();
        self.connection_destroyed(closed, open_for);
    }

    /// A connection was idle for too long; it is closed, which is to be told as well.
    pub fn connection_idled_out(&self) {
        self.count.traffic().upstream_cx_idle_timeout.inc();
    }

    /// What an upstream sent is not its protocol, or ends before it is whole.
    pub fn protocol_error(&self) {
        self.count.trouble().upstream_cx_protocol_error.inc();
    }

    /// A TLS handshake with an upstream succeeded.
    pub fn tls_established(&self) {
        self.count.traffic().ssl_handshake.inc();
    }

    /// A TLS handshake with an upstream failed; that there is no connection is to be told as well.
    pub fn tls_failed(&self) {
        self.count.trouble().ssl_connection_error.inc();
    }

    /// An upstream does not take so many bytes of a request, and the client is not read meanwhile.
    /// Dropping the result gives up waiting for it.
    pub fn backed_up(self: &Arc<Self>, bytes: usize) -> Backlog {
        self.count.trouble().flow_control_backed_up.inc();
        Backlog::new(self, bytes)
    }

    /// A client does not take what comes of a response, and the upstream is not read meanwhile.
    pub fn reading_paused(&self) {
        self.count.trouble().flow_control_paused_reading.inc();
    }

    /// The client has taken it.
    pub fn reading_resumed(&self) {
        self.count.trouble().flow_control_resumed_reading.inc();
    }

    fn connection_made(&self, protocol: Option<Protocol>) {
        self.count.traffic().upstream_cx_total.inc();
        match protocol {
            None => {}
            Some(Protocol::Http1) => self.count.traffic().upstream_cx_http1_total.inc(),
            Some(Protocol::Http2) => self.count.traffic().upstream_cx_http2_total.inc(),
        }
    }

    fn connection_destroyed(&self, closed: Closed, open_for: Duration) {
        let count = self.count.traffic();
        count.upstream_cx_destroy.inc();
        match closed.by {
            Side::Local => count.upstream_cx_destroy_local.inc(),
            Side::Remote => count.upstream_cx_destroy_remote.inc(),
        }
        if closed.with_active_request {
            self.request_destroyed(closed.by);
        }
        self.series.time(
            &count.upstream_cx_length_ms,
            names::UPSTREAM_CX_LENGTH_MS,
            open_for,
        );
    }

    /// A connection was closed under a request.
    fn request_destroyed(&self, by: Side) {
        let count = self.count.trouble();
        count.upstream_cx_destroy_with_active_rq.inc();
        match by {
            Side::Local => count.upstream_cx_destroy_local_with_active_rq.inc(),
            Side::Remote => count.upstream_cx_destroy_remote_with_active_rq.inc(),
        }
    }
}
