//! TLS of a client: who it asks for decides how it is terminated.
//!
//! Invariant: a client that asks for nobody who is served here, or for whom there is no certificate, is
//! told so by an alert before anything is signed. Others are not harmed.
//!
//! Handshakes are made by the worker that accepted the connection: handing them to other threads would
//! cost what a signature of ECDSA does.

use std::cell::Cell;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use nuncio_routing::{Termination, TerminationIndex};
use nuncio_telemetry::{Handshake, HandshakeFailure, Protocol};
use nuncio_tls::{Demanded, Peer, without_alpn};
use tokio::io::AsyncWriteExt;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::rustls::server::{Acceptor, ClientHello};
use tokio_rustls::rustls::{Error, HandshakeKind, ServerConfig, ServerConnection};
use tokio_rustls::server::{StartHandshake, TlsStream};
use tracing::debug;

use super::destination::Destination;
use super::door::Rules;
use crate::carrier::{Prelude, Socket};
use crate::live::Live;

/// What is known of a connection by its TLS.
#[derive(Debug)]
pub(crate) struct TlsFacts {
    /// How it was terminated.
    pub(crate) termination: Arc<Termination>,
    /// Who the client has proved to be.
    pub(crate) peer: Option<Peer>,
    /// Whether it went on with an earlier session.
    pub(crate) resumed: bool,
    /// What the client had to show.
    demanded: Demanded,
    /// As of when that is known to be enough.
    enough: Cell<AsOf>,
}

/// What follows from the same verification of clients is the same as of the same moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct AsOf {
    /// How often a credential was told.
    told: u64,
    /// Whether the Termination is one that nobody asked for.
    found: bool,
}

/// A connection that has begun with a hello.
pub(super) struct Hello {
    start: StartHandshake<Prelude>,
    sni: Option<Box<str>>,
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

    /// Whether what the client has shown is enough for this Termination too, which verifies clients by the
    /// same sources, with what is known of them by now.
    pub(crate) fn is_enough(&self, live: &Live, index: TerminationIndex) -> bool {
        let termination = live.listening().termination(index);
        let now = AsOf {
            told: live.credentials_told(),
            found: termination.is_some_and(|termination| termination.found),
        };
        if self.enough.get() == now {
            return true;
        }
        let demanded = live.demanded(index);
        let is_enough = self
            .demanded
            .is_enough(self.peer.as_ref(), demanded.as_ref());
        if is_enough {
            self.enough.set(now);
        }
        is_enough
    }
}

/// Reads what the client asks for.
pub(super) async fn hear(prelude: Prelude) -> Result<Hello, HandshakeFailure> {
    let hello = LazyConfigAcceptor::new(Acceptor::default(), prelude).await;
    let start = hello.map_err(|error| failure(&error))?;
    let sni = start.client_hello().server_name().map(Into::into);
    Ok(Hello { start, sni })
}

impl Hello {
    /// The name that the client asks for.
    pub(super) fn sni(&self) -> Option<&str> {
        self.sni.as_deref()
    }

    /// Makes the handshake, as the Termination says that `leads` has.
    pub(super) async fn shake(
        mut self,
        rules: &Rules,
        (index, leads): (TerminationIndex, &Destination),
    ) -> Result<Shaken, HandshakeFailure> {
        // What is told after this is looked at again.
        let told = rules.live().credentials_told();
        let (termination, accepting) = match rules.live().terminate(index) {
            Ok(terminated) => terminated,
            Err(reason) => {
                debug!(sni = self.sni, %reason, "cannot terminate TLS");
                return Err(self.refuse(Alert::InternalError).await);
            }
        };
        self.start.io.settle();
        let config = match leads {
            // Nobody knows what is spoken there but who has said so.
            Destination::Tcp(_) if termination.terms.alpn.is_empty() => {
                without_alpn(&accepting.config)
            }
            Destination::Tcp(_) | Destination::Http(_) => {
                agreeable(Arc::clone(&accepting.config), &self.start.client_hello())
            }
        };
        let stream = self.start.into_stream(config).await;
        let stream = stream.map_err(|error| failure(&error))?;
        let tls = stream.get_ref().1;
        let resumed = tls.handshake_kind() == Some(HandshakeKind::Resumed);
        debug!(sni = self.sni, context = %termination.context, resumed, "TLS terminated");
        Ok(Shaken {
            protocol: agreed(tls),
            facts: TlsFacts {
                enough: Cell::new(AsOf {
                    told,
                    found: termination.found,
                }),
                termination,
                demanded: accepting.demanded.clone(),
                peer: tls.peer_certificates().and_then(Peer::of),
                resumed,
            },
            stream,
        })
    }

    /// Tells the client that nobody of that name is served.
    pub(super) async fn unrecognized(self) -> HandshakeFailure {
        debug!(sni = self.sni, "nobody of this name is served");
        self.refuse(Alert::UnrecognizedName).await
    }

    /// The connection as it was before the hello, which has been read; `None` where that was not to be.
    pub(super) fn rewind(self) -> Option<(Bytes, Socket)> {
        self.start.io.rewind()
    }

    /// Ends the connection with an alert: one record of two bytes, before there are keys.
    async fn refuse(self, alert: Alert) -> HandshakeFailure {
        const FATAL: u8 = 2;
        let record = [0x15, 3, 3, 0, 2, FATAL, alert as u8];
        let mut io = self.start.io;
        // The client may have left; nothing is owed to it then.
        drop(io.write_all(&record).await);
        drop(io.shutdown().await);
        HandshakeFailure::Protocol
    }
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
