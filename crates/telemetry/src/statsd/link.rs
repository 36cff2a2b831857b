//! A connected UDP socket to a receiver, and how one is found.
//!
//! A connected socket hears the ICMP "port unreachable" of an earlier datagram as an error of the
//! next call. That is how a receiver that is not there shows itself, without anything being asked
//! of it.
//!
//! Invariant: after an error the caller knows which lines may have arrived: all but the one before
//! and the one at it.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;

use super::options::Target;

/// A way to a receiver.
#[derive(Debug)]
pub(super) struct Link {
    socket: UdpSocket,
    pub(super) peer: SocketAddr,
}

/// The receiver cannot be reached (any more).
#[derive(Debug)]
pub(super) struct Lost(pub(super) io::Error);

/// How long an absent receiver may take to show. On loopback the kernel answers within the call.
const ANSWER_TIME: Duration = Duration::from_millis(100);

impl Link {
    /// A link to `target`; `probe` is a line any statsd receiver takes, for a target that may not
    /// be there.
    pub(super) async fn find(target: &Target, probe: &[u8]) -> Result<Self, Lost> {
        match target {
            Target::Off => Err(Lost(io::ErrorKind::Unsupported.into())),
            Target::Automatic(peer) => Self::connect(*peer).await?.probed(probe).await,
            Target::Named { host, port } => Self::connect(resolve(host, *port).await?).await,
        }
    }

    pub(super) async fn send(&self, line: &[u8]) -> Result<(), Lost> {
        self.socket.send(line).await.map(|_| ()).map_err(Lost)
    }

    async fn connect(peer: SocketAddr) -> Result<Self, Lost> {
        let any: SocketAddr = if peer.is_ipv4() {
            (Ipv4Addr::UNSPECIFIED, 0).into()
        } else {
            (Ipv6Addr::UNSPECIFIED, 0).into()
        };
        let socket = UdpSocket::bind(any).await.map_err(Lost)?;
        socket.connect(peer).await.map_err(Lost)?;
        Ok(Self { socket, peer })
    }

    /// Somebody listens unless we hear otherwise. The probe is a true line rather than an empty
    /// datagram, which some receivers log as malformed and some take for an end of file.
    async fn probed(self, probe: &[u8]) -> Result<Self, Lost> {
        self.send(probe).await?;
        match timeout(ANSWER_TIME, self.socket.recv(&mut [0; 1])).await {
            Ok(Err(refused)) => Err(Lost(refused)),
            Ok(Ok(_)) | Err(_) => Ok(self),
        }
    }
}

/// IPv4 first: Ambassador knew nothing else, and exporters of its time listen on nothing else.
async fn resolve(host: &str, port: u16) -> Result<SocketAddr, Lost> {
    let addresses: Vec<SocketAddr> = lookup_host((host, port)).await.map_err(Lost)?.collect();
    let first = addresses
        .iter()
        .find(|address| address.is_ipv4())
        .or(addresses.first());
    first
        .copied()
        .ok_or_else(|| Lost(io::ErrorKind::AddrNotAvailable.into()))
}
