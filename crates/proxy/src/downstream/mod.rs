//! Where requests come from: listeners, workers, and the connections of clients.
//!
//! Deliberately absent: what is done with a request. Connections that are carried as they are have none.

mod accepting;
mod activity;
mod carried;
mod connection;
mod destination;
mod door;
mod greeting;
mod handshake;
mod http1;
mod http2;
mod listener;
mod log;
mod phase;
mod proxy_header;
mod spans;
mod upkeep;
mod worker;
mod workers;

pub(crate) use connection::{ClientWire, Connection};
pub(crate) use door::Rules;
pub use listener::{BindError, Listener, ListenerKey};
pub use phase::Phase;
pub(crate) use worker::Worker;
pub use worker::{Probes, Shared};
pub use workers::{StartError, Workers};
