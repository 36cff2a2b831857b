//! How a connection begins, where it does not begin with HTTP: with a PROXY header, with TLS.
//!
//! Invariant: what was read to find out is read again by whoever goes on. All of it has one deadline, so
//! that a client that says nothing holds little, and not for long. What was waited for is judged by what is
//! in force once it has come.

use std::net::SocketAddr;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use nuncio_telemetry::{Closed, DownstreamConnection, HandshakeFailure, Protocol, Side, Transport};
use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;
use tokio::time::timeout_at;
use tracing::debug;

use super::carried::Carried;
use super::connection::Accepted;
use super::destination::{Destination, is_told_by_hello};
use super::door::Rules;
use super::handshake::{Shaken, TlsFacts, hear};
use super::proxy_header::{self, Parsed};
use crate::carrier::{Carrier, Prelude, Socket};

/// A connection of which is known where it leads.
pub(super) enum Greeted {
    /// To the Routes.
    Http(Opening),
    /// To the clusters of a TCPMapping.
    Tcp(Opening, Carried),
}

/// A connection as it begins.
pub(super) struct Opening {
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

/// What is read at once: a hello fits in, and so does a PROXY header.
const PIECE: usize = proxy_header::MAX_LEN;

/// RFC 8446 section 5.1: the first byte of a handshake. No request begins with it.
const HANDSHAKE: u8 = 0x16;

impl Greeted {
    /// A connection without TLS; `None` if nobody serves it.
    pub(super) fn plain(
        accepted: &Accepted,
        rules: &Rc<Rules>,
        (begun, tcp): (Bytes, TcpStream),
        ends: Ends,
    ) -> Option<Self> {
        let destination = Destination::in_clear(rules)?;
        let place = destination.place(accepted.door.stats(), Transport::Plain);
        Some(Opening::plain((begun, tcp.into()), ends, place).to(destination))
    }
}

impl Opening {
    fn plain((begun, tcp): (Bytes, Socket), ends: Ends, place: DownstreamConnection) -> Self {
        Self {
            carrier: Carrier::Tcp(tcp),
            begun,
            ends,
            tls: None,
            protocol: None,
            place,
        }
    }

    fn terminated(shaken: Shaken, ends: Ends, place: DownstreamConnection) -> Self {
        let Shaken {
            stream,
            facts,
            protocol,
        } = shaken;
        place.tls_established(facts.counted());
        Self {
            carrier: Carrier::Terminated(Box::new(stream)),
            begun: Bytes::new(),
            ends,
            tls: Some(Box::new(facts)),
            protocol,
            place,
        }
    }

    fn to(self, destination: Destination) -> Greeted {
        match destination {
            Destination::Http(_) => Greeted::Http(self),
            Destination::Tcp(carried) => Greeted::Tcp(self, carried),
        }
    }
}

/// Reads what the stack of the Listener says comes first; `None` when it does not come.
pub(super) async fn greet(
    accepted: &Accepted,
    rules: &Rc<Rules>,
    tcp: TcpStream,
    ends: Ends,
) -> Option<Greeted> {
    timeout_at(accepted.deadline, begin(accepted, rules, tcp, ends))
        .await
        .ok()?
}

async fn begin(
    accepted: &Accepted,
    rules: &Rc<Rules>,
    mut tcp: TcpStream,
    mut ends: Ends,
) -> Option<Greeted> {
    let mut begun = BytesMut::with_capacity(PIECE);
    if rules.listener().stack.proxy {
        ends = proxied(&mut tcp, &mut begun, ends, accepted).await?;
    }
    let rules = accepted.rules();
    if !is_told_by_hello(rules.listener()) {
        return Greeted::plain(accepted, &rules, (begun.freeze(), tcp), ends);
    }
    if begun.is_empty() && tcp.read_buf(&mut begun).await.ok()? == 0 {
        return None;
    }
    let begun = begun.freeze();
    if begun.first() == Some(&HANDSHAKE) {
        // What is carried without a look at it begins with its hello.
        return secured(accepted, Prelude::rewindable(begun, tcp), ends).await;
    }
    let rules = accepted.rules();
    let greeted = Greeted::plain(accepted, &rules, (begun, tcp), ends);
    if greeted.is_none() {
        place(accepted, &rules).tls_failed(HandshakeFailure::Protocol);
    }
    greeted
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

async fn secured(accepted: &Accepted, prelude: Prelude, ends: Ends) -> Option<Greeted> {
    // Whoever is in the middle of a handshake is about to ask for something.
    let _busy = accepted.activity.busy();
    let heard = hear(prelude).await;
    let rules = accepted.rules();
    let hello = match heard {
        Ok(hello) => hello,
        Err(failure) => return failed(place(accepted, &rules), failure),
    };
    let Some(destination) = Destination::of(&rules, hello.sni()) else {
        let failure = hello.unrecognized().await;
        return failed(place(accepted, &rules), failure);
    };
    let place = destination.place(accepted.door.stats(), Transport::Tls);
    let Some(index) = destination.termination() else {
        let opening = Opening::plain(hello.rewind()?, ends, place);
        return Some(opening.to(destination));
    };
    match hello.shake(&rules, (index, &destination)).await {
        Ok(shaken) => Some(Opening::terminated(shaken, ends, place).to(destination)),
        Err(failure) => failed(place, failure),
    }
}

/// The place of a connection of which is not known where it leads.
fn place(accepted: &Accepted, rules: &Rules) -> DownstreamConnection {
    let stats = accepted.door.stats();
    match rules.listener().stack.http {
        true => stats.accepted(Transport::Tls),
        false => stats.carried(rules.tcp()),
    }
}

fn failed(place: DownstreamConnection, failure: HandshakeFailure) -> Option<Greeted> {
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
