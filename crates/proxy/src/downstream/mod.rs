//! Where requests come from: listeners, workers, and the connections of clients.
//!
//! Deliberately absent: what is done with a request.

mod connection;
mod http1;
mod http2;
mod listener;
mod log;
mod phase;
mod spans;
mod worker;
mod workers;

pub(crate) use connection::{ClientWire, Connection};
pub use listener::{BindError, Listener};
pub use phase::Phase;
pub use worker::Probes;
pub(crate) use worker::Worker;
pub use workers::{StartError, Workers};
