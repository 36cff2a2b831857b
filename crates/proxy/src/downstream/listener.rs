//! Addresses that are listened on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use socket2::{Domain, Protocol, Socket, Type};

/// A bound address. Connections wait in its queue until [`Workers`](super::Workers) take them.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    address: SocketAddr,
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
    pub fn bind(address: SocketAddr) -> Result<Self, BindError> {
        Self::open(address).map_err(|source| BindError { address, source })
    }

    fn open(address: SocketAddr) -> io::Result<Self> {
        let socket = Socket::new(
            Domain::for_address(address),
            Type::STREAM,
            Some(Protocol::TCP),
        )?;
        // A restarted gateway need not wait for its predecessor's connections to be forgotten.
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = TcpListener::from(socket);
        let address = socket.local_addr()?;
        Ok(Self { socket, address })
    }

    /// The address, with the port that was chosen.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The same queue, for one worker.
    pub(super) fn share(&self) -> io::Result<TcpListener> {
        self.socket.try_clone()
    }
}
