//! TLS of a client: who it asks for decides how it is terminated.
//!
//! Invariant: a client that asks for nobody who is served here, or for whom there is no certificate, is
//! told so by an alert before anything is signed. Others are not harmed.
//!
//! Handshakes are made by the worker that accepted the connection: handing them to other threads would
//! cost what a signature of ECDSA does.

use std::io;
use std::sync::Arc;

use nuncio_routing::Termination;
use nuncio_telemetry::{Handshake, HandshakeFailure, Protocol};
use nuncio_tls::{Peer, without_alpn};
use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::{Acceptor, ClientHello};
use tokio_rustls::rustls::{Error, HandshakeKind, ServerConfig, ServerConnection};
use tokio_rustls::server::{StartHandshake, TlsStream};
use tracing::debug;

use super::door::Rules;
use crate::carrier::Prelude;

/// What is known of a connection by its TLS.
#[derive(Debug)]
#[expect(
    dead_code,
    reason = "requests are not compared with how TLS was terminated yet"
)]
pub(crate) struct TlsFacts {
    /// The name that the client asked for.
    pub(crate) sni: Option<Box<str>>,
    /// How it was terminated.
    pub(crate) termination: Arc<Termination>,
    /// Who the client has proved to be.
    pub(crate) peer: Option<Peer>,
    /// Whether it went on with an earlier session.
    pub(crate) resumed: bool,
}

/// A connection whose handshake is over.
pub(super) struct Shaken {
    pub(super) stream: TlsStream<Prelude>,
    pub(super) facts: TlsFacts,
    /// What was agreed on by ALPN, if anything was.
    pub(super) protocol: Option<Protocol>,
}

/// What a client is told instead of an answer to its hello (RFC 8446 section 6).
#[derive(Clone, Copy)]
enum Alert {
    UnrecognizedName = 112,
    InternalError = 80,
}

impl TlsFacts {
    /// What is counted of the handshake.
    pub(super) fn counted(&self) -> Handshake {
        Handshake {
            resumed: self.resumed,
            certified: self.peer.is_some(),
        }
    }
}

/// Makes the handshake.
pub(super) async fn shake(rules: &Rules, prelude: Prelude) -> Result<Shaken, HandshakeFailure> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), prelude).await;
    let start = hello.map_err(|error| failure(&error))?;
    let sni: Option<Box<str>> = start.client_hello().server_name().map(Into::into);
    let (termination, config) = match terminate(rules, sni.as_deref()) {
        Ok(terminated) => terminated,
        Err(alert) => {
            refuse(start, alert).await;
            return Err(HandshakeFailure::Protocol);
        }
    };
    let config = agreeable(config, &start.client_hello());
    let stream = start.into_stream(config).await;
    let stream = stream.map_err(|error| failure(&error))?;
    let tls = stream.get_ref().1;
    let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
    debug!(sni, context = %termination.context, resumed, "TLS terminated");
    Ok(Shaken {
        protocol: agreed(tls),
        facts: TlsFacts {
            sni,
            termination,
            peer: tls.peer_certificates().and_then(Peer::of),
            resumed,
        },
        stream,
    })
}

/// How TLS is terminated for a client that asks for `sni`. As with Envoy, one that asks for nobody gets
/// what is for everybody.
fn terminate(
    rules: &Rules,
    sni: Option<&str>,
) -> Result<(Arc<Termination>, Arc<ServerConfig>), Alert> {
    let terminations = &rules.listener().terminations;
    let found = match sni {
        Some(name) => terminations.find(name),
        None => terminations.any(),
    };
    let Some(index) = found else {
        debug!(sni, "nobody of this name is served");
        return Err(Alert::UnrecognizedName);
    };
    rules.live().terminate(*index).map_err(|reason| {
        debug!(sni, %reason, "cannot terminate TLS");
        Alert::InternalError
    })
}

/// As with Envoy, a client that offers only other protocols is served as one that offers none.
fn agreeable(config: Arc<ServerConfig>, hello: &ClientHello<'_>) -> Arc<ServerConfig> {
    let ours = &config.alpn_protocols;
    let mut offered = hello.alpn().into_iter().flatten().peekable();
    if ours.is_empty() || offered.peek().is_none() {
        return config;
    }
    match offered.any(|protocol| ours.iter().any(|one| one == protocol)) {
        true => config,
        false => without_alpn(&config),
    }
}

fn agreed(tls: &ServerConnection) -> Option<Protocol> {
    match tls.alpn_protocol()? {
        b"h2" => Some(Protocol::Http2),
        b"http/1.1" | b"http/1.0" => Some(Protocol::Http1),
        _ => None,
    }
}

/// Ends the connection with an alert: one record of two bytes, before there are keys.
async fn refuse(start: StartHandshake<Prelude>, alert: Alert) {
    const FATAL: u8 = 2;
    let record = [0x15, 3, 3, 0, 2, FATAL, alert as u8];
    let mut io = start.io;
    // The client may have left; nothing is owed to it then.
    drop(io.write_all(&record).await);
    drop(io.shutdown().await);
}

fn failure(error: &io::Error) -> HandshakeFailure {
    debug!(%error, "no TLS connection");
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    match cause {
        Some(Error::NoCertificatesPresented) => HandshakeFailure::NoCertificate,
        Some(Error::InvalidCertificate(_) | Error::InvalidCertRevocationList(_)) => {
            HandshakeFailure::BadCertificate
        }
        Some(_) => HandshakeFailure::Protocol,
        None => HandshakeFailure::Abandoned,
    }
}
