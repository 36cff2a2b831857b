//! Addresses that are listened on.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::sync::Arc;

use nuncio_routing::Listening;
use socket2::{Domain, Protocol, Socket, Type};

/// A bound address. Connections wait in its queue until [`Workers`](super::Workers) take them.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    asked: SocketAddr,
    address: SocketAddr,
    key: ListenerKey,
}

/// What of a snapshot is served on an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ListenerKey {
    /// What is implied for plain HTTP.
    Http,
    /// What is implied for HTTPS.
    Https,
    /// The Listener of this address and port.
    Port(Option<IpAddr>, u16),
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct BindError {
    /// What was asked for.
    pub address: SocketAddr,
    /// Why not.
    #[source]
    pub source: io::Error,
}

impl BindError {
    /// Whether this process may not have the address, as a port below 1024 without a privilege.
    pub fn is_refusal(&self) -> bool {
        self.source.kind() == io::ErrorKind::PermissionDenied
    }
}

/// Connections the kernel keeps for us; it cuts this down to `net.core.somaxconn`.
const BACKLOG: i32 = 4096;

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// One socket serves all workers. `SO_REUSEPORT` would let a second gateway take the same
    /// port unnoticed, and loses what waits in a worker's own queue when it stops.
    ///
    /// # Errors
    ///
    /// When the address is taken, not ours, or not allowed.
    pub fn bind(address: SocketAddr, key: ListenerKey) -> Result<Self, BindError> {
        Self::open(address, key).map_err(|source| BindError { address, source })
    }

    fn open(asked: SocketAddr, key: ListenerKey) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(asked),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // A restarted gateway need not wait for its predecessor's connections to be forgotten.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        // For all that come by it. Without it a response's last packet could wait for an acknowledgement.
        socket.set_tcp_nodelay(true)?;
        socket.bind(&asked.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self {
            socket,
            asked,
            address,
            key,
        })
    }

    /// The address, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What is served there.
    pub fn key(&self) -> ListenerKey {
        self.key
    }

    /// Whether it is what is asked for so. One of a port that the system chose is nobody else's.
    pub(super) fn is(&self, asked: SocketAddr, key: ListenerKey) -> bool {
        self.asked == asked && (asked.port() != 0 || self.key == key)
    }

    /// The same queue, for one worker.
    pub(super) fn share(&self) -> io::Result<TcpListener> {
        self.socket.try_clone()
    }
}

impl ListenerKey {
    /// What it stands for in a snapshot, if it is there.
    pub fn find(self, listening: &Listening) -> Option<&Arc<nuncio_routing::Listener>> {
        let implied = listening.implied.as_ref();
        match self {
            Self::Http => Some(&implied?.http),
            Self::Https => implied?.https.as_ref(),
            Self::Port(address, port) => {
                let mut all = listening.listeners.iter();
                all.find(|listener| listener.port == port && listener.address == address)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpStream;

    use super::*;

    #[test]
    fn what_comes_by_a_listener_does_not_wait_for_acknowledgements() {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let listener = Listener::bind(any, ListenerKey::Http).unwrap();
        let queue = listener.share().unwrap();
        queue.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.address()).unwrap();
        let (accepted, _) = queue.accept().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
