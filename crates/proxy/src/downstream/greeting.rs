//! How a connection begins, where it does not begin with HTTP: with a PROXY header, with TLS.
//!
//! Invariant: what was read to find out is read again by whoever goes on. All of it has one deadline, so
//! that a client that says nothing holds little, and not for long.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use nuncio_telemetry::{Closed, DownstreamConnection, HandshakeFailure, Protocol, Side, Transport};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tracing::debug;

use super::connection::Accepted;
use super::door::Rules;
use super::handshake::{Shaken, TlsFacts, shake};
use super::proxy_header::{self, Parsed};
use crate::carrier::{Carrier, Prelude};

/// A connection that may begin with HTTP.
pub(super) struct Greeted {
    pub(super) carrier: Carrier,
    /// What came already.
    pub(super) begun: Bytes,
    pub(super) ends: Ends,
    pub(super) tls: Option<Box<TlsFacts>>,
    /// What is spoken, if that was agreed on.
    pub(super) protocol: Option<Protocol>,
    pub(super) place: DownstreamConnection,
}

/// Who is at the ends of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

/// How long all of it may take.
const LIMIT: Duration = Duration::from_secs(10);

/// What is read at once: a hello fits in, and so does a PROXY header.
const PIECE: usize = proxy_header::MAX_LEN;

/// RFC 8446 section 5.1: the first byte of a handshake. No request begins with it.
const HANDSHAKE: u8 = 0x16;

impl Greeted {
    /// Where nothing comes before HTTP.
    pub(super) fn at_once(tcp: TcpStream, ends: Ends, accepted: &Accepted) -> Self {
        Self::plain(tcp, Bytes::new(), ends, accepted)
    }

    fn plain(tcp: TcpStream, begun: Bytes, ends: Ends, accepted: &Accepted) -> Self {
        Self {
            carrier: Carrier::Tcp(tcp),
            begun,
            ends,
            tls: None,
            protocol: None,
            place: accepted.door.stats().accepted(Transport::Plain),
        }
    }
}

/// Reads what the stack of the Listener says comes before HTTP; `None` when it does not come.
pub(super) async fn greet(
    accepted: &Accepted,
    rules: &Rules,
    tcp: TcpStream,
    ends: Ends,
) -> Option<Greeted> {
    timeout(LIMIT, begin(accepted, rules, tcp, ends))
        .await
        .ok()?
}

async fn begin(
    accepted: &Accepted,
    rules: &Rules,
    mut tcp: TcpStream,
    mut ends: Ends,
) -> Option<Greeted> {
    let stack = rules.listener().stack;
    let mut begun = BytesMut::with_capacity(PIECE);
    if stack.proxy {
        ends = proxied(&mut tcp, &mut begun, ends, accepted).await?;
    }
    if !stack.tls {
        return Some(Greeted::plain(tcp, begun.freeze(), ends, accepted));
    }
    if begun.is_empty() && tcp.read_buf(&mut begun).await.ok()? == 0 {
        return None;
    }
    match begun.first() {
        Some(&HANDSHAKE) => secured(accepted, rules, Prelude::new(begun.freeze(), tcp), ends).await,
        // Where HTTP is spoken, it is without TLS too.
        Some(_) | None if stack.http => Some(Greeted::plain(tcp, begun.freeze(), ends, accepted)),
        Some(_) | None => {
            let place = accepted.door.stats().accepted(Transport::Tls);
            place.tls_failed(HandshakeFailure::Protocol);
            None
        }
    }
}

/// Reads a PROXY header, which has to be there; what follows it stays in `begun`.
async fn proxied(
    tcp: &mut TcpStream,
    begun: &mut BytesMut,
    ends: Ends,
    accepted: &Accepted,
) -> Option<Ends> {
    loop {
        match proxy_header::parse(begun) {
            Parsed::Header(header) => {
                drop(begun.split_to(header.len));
                return Some(header.addresses.map_or(ends, |named| Ends {
                    peer: named.source,
                    local: named.destination,
                }));
            }
            Parsed::Invalid(reason) => {
                debug!(peer = %ends.peer, %reason, "no PROXY header");
                accepted.door.stats().proxy_header_failed();
                return None;
            }
            Parsed::NeedMore => {}
        }
        if tcp.read_buf(begun).await.ok()? == 0 {
            // A health check of whoever is before the gateway says nothing.
            if !begun.is_empty() {
                accepted.door.stats().proxy_header_failed();
            }
            return None;
        }
    }
}

async fn secured(
    accepted: &Accepted,
    rules: &Rules,
    prelude: Prelude,
    ends: Ends,
) -> Option<Greeted> {
    let place = accepted.door.stats().accepted(Transport::Tls);
    // Whoever is in the middle of a handshake is about to ask for something.
    let _busy = accepted.activity.busy();
    match shake(rules, prelude).await {
        Ok(shaken) => {
            let Shaken {
                stream,
                facts,
                protocol,
            } = shaken;
            place.tls_established(facts.counted());
            Some(Greeted {
                carrier: Carrier::Terminated(Box::new(stream)),
                begun: Bytes::new(),
                ends,
                tls: Some(Box::new(facts)),
                protocol,
                place,
            })
        }
        Err(failure) => {
            place.tls_failed(failure);
            let by = match failure {
                HandshakeFailure::Abandoned => Side::Remote,
                HandshakeFailure::NoCertificate
                | HandshakeFailure::BadCertificate
                | HandshakeFailure::Protocol => Side::Local,
            };
            place.closed(Closed {
                by,
                with_active_request: false,
            });
            None
        }
    }
}
