//! One connection that stays open, with at most one request under way.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Instant;

use crate::head::Head;

/// A connection, or the place of one.
#[derive(Debug, Default)]
pub(super) struct Connection {
    tcp: Option<TcpStream>,
    received: Vec<u8>,
    /// When the request under way was due.
    pub(super) due: Option<Instant>,
}

/// What has come.
#[derive(Debug)]
pub(super) enum Come {
    /// Not all of an answer yet.
    Part,
    /// An answer.
    Whole(Head),
}

impl Connection {
    /// Connects, if it is not; gives the socket then, for whoever waits for it.
    pub(super) fn open(&mut self, address: SocketAddr) -> Result<Option<&TcpStream>> {
        if self.tcp.is_some() {
            return Ok(None);
        }
        let tcp = TcpStream::connect(address)?;
        tcp.set_nodelay(true)?;
        tcp.set_nonblocking(true)?;
        self.received.clear();
        Ok(Some(self.tcp.insert(tcp)))
    }

    pub(super) fn send(&mut self, request: &[u8]) -> Result<()> {
        let Some(tcp) = &mut self.tcp else {
            return Err(ErrorKind::NotConnected.into());
        };
        // One small write on a connection with nothing under way is taken at once, or it is broken.
        tcp.write_all(request)
    }

    /// Reads what is there.
    pub(super) fn read(&mut self) -> Result<Come> {
        let Some(tcp) = &mut self.tcp else {
            return Err(ErrorKind::NotConnected.into());
        };
        let mut piece = [0; 4096];
        match tcp.read(&mut piece) {
            Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
            Ok(length) => self.received.extend(piece.iter().take(length)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(Come::Part),
            Err(error) => return Err(error),
        }
        let Some((head, body)) = Head::read(&self.received)? else {
            return Ok(Come::Part);
        };
        if self.received.len() < body + head.length {
            return Ok(Come::Part);
        }
        self.received.clear();
        Ok(Come::Whole(head))
    }

    pub(super) fn close(&mut self) {
        self.tcp = None;
    }
}
