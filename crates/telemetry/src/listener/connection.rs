//! The open connections of a listening address.

use std::sync::Arc;
use std::time::Instant;

use super::{Handshake, HandshakeFailure, ListenerStats};
use crate::request::{Closed, Protocol, Side, Transport};

/// An open connection of a client. Dropping it counts the close; without [`closed`](Self::closed)
/// it was closed by us with nothing in flight.
#[derive(Debug)]
pub struct DownstreamConnection {
    listener: Arc<ListenerStats>,
    /// By what HTTP comes; `None` = it is carried as it is.
    transport: Option<Transport>,
    codec: Option<Protocol>,
    closed: Closed,
    since: Instant,
}

impl DownstreamConnection {
    pub(super) fn of_http(listener: &Arc<ListenerStats>, transport: Transport) -> Self {
        Self::new(listener, Some(transport))
    }

    pub(super) fn of_tcp(listener: &Arc<ListenerStats>) -> Self {
        Self::new(listener, None)
    }

    fn new(listener: &Arc<ListenerStats>, transport: Option<Transport>) -> Self {
        Self {
            listener: Arc::clone(listener),
            transport,
            codec: None,
            closed: Closed {
                by: Side::Local,
                with_active_request: false,
            },
            since: Instant::now(),
        }
    }

    /// The TLS handshake succeeded.
    pub fn tls_established(&self, handshake: Handshake) {
        let count = &self.listener.count;
        count.ssl_handshake.inc();
        if handshake.resumed {
            count.ssl_session_reused.inc();
        }
        if !handshake.certified {
            count.ssl_no_certificate.inc();
        }
    }

    /// The TLS handshake failed. As with Envoy, a client that leaves is no failure of TLS.
    pub fn tls_failed(&self, why: HandshakeFailure) {
        let count = &self.listener.count;
        match why {
            HandshakeFailure::NoCertificate => count.ssl_fail_verify_no_cert.inc(),
            HandshakeFailure::BadCertificate => count.ssl_fail_verify_error.inc(),
            HandshakeFailure::Protocol => count.ssl_connection_error.inc(),
            HandshakeFailure::Abandoned => {}
        }
    }

    /// The first bytes, or ALPN, told which protocol is spoken; the first choice stands.
    pub fn speaks(&mut self, protocol: Protocol) {
        if self.codec.is_none() {
            self.codec = Some(protocol);
            self.listener.http.codec_chosen(protocol);
        }
    }

    /// Bytes that went over it and belong to no request on record: those of HTTP/2 frames sent after their request
    /// was over, and of what was no request.
    pub fn transferred(&self, received: u64, sent: u64) {
        self.listener
            .http
            .count
            .downstream_cx_rx_bytes_total
            .add(received);
        self.listener
            .http
            .count
            .downstream_cx_tx_bytes_total
            .add(sent);
    }

    /// It was idle for too long, and we close it.
    pub fn idled_out(self) {
        self.listener.http.count.downstream_cx_idle_timeout.inc();
    }

    /// It was closed.
    pub fn closed(mut self, closed: Closed) {
        self.closed = closed;
    }
}

impl Drop for DownstreamConnection {
    fn drop(&mut self) {
        let (http, open_for) = (&self.listener.http, self.since.elapsed());
        self.listener.connection_closed(open_for);
        let Some(transport) = self.transport else {
            return;
        };
        if transport == Transport::Tls {
            http.count.downstream_cx_ssl_active.dec();
        }
        if let Some(protocol) = self.codec {
            http.of_codec(protocol).1.dec();
        }
        http.connection_closed(self.closed, open_for);
    }
}
