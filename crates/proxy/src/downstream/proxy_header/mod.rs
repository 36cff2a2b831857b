//! The PROXY protocol: whose connection it is that somebody before the gateway passes on.
//!
//! Invariant: pure, and strict. What is not exactly a header of version 1 or 2 is invalid as soon as that
//! can be seen; what is one has the same meaning however much follows it.
//! Deliberately absent: sockets, time, and whose headers are believed.

mod binary;
mod text;

use std::net::SocketAddr;

/// What some bytes begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Parsed {
    /// There is more to come of it.
    NeedMore,
    /// A header.
    Header(Header),
    /// None, and why.
    Invalid(&'static str),
}

/// A header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    /// How many bytes it has.
    pub(crate) len: usize,
    /// `None` = it does not say: the connection's own addresses count.
    pub(crate) addresses: Option<Addresses>,
}

/// The connection that is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Addresses {
    /// Who opened it.
    pub(crate) source: SocketAddr,
    /// Where to.
    pub(crate) destination: SocketAddr,
}

/// No header may be longer. Those of Unix sockets have 232 bytes; what load balancers add to theirs
/// fits in many times.
pub(crate) const MAX_LEN: usize = 4096;

/// Reads the header that `bytes` begin with.
pub(crate) fn parse(bytes: &[u8]) -> Parsed {
    if is_begun(bytes, binary::SIGNATURE) {
        return binary::parse(bytes);
    }
    if is_begun(bytes, text::SIGNATURE) {
        return text::parse(bytes);
    }
    Parsed::Invalid("no signature")
}

/// Whether `bytes` may become something that begins with `signature`.
fn is_begun(bytes: &[u8], signature: &[u8]) -> bool {
    bytes.iter().zip(signature).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests;
