//! What load tools share: clients, an upstream, the gateway as a process of its own, times, and requests
//! at a fixed rate.
//!
//! Invariant: whatever the other side does is a value or an error, never a panic: it is what is counted.
//! Deliberately absent: what is measured, and what is wanted of it.

mod client;
mod echo;
mod gateway;
mod head;
mod lasting;
mod metrics;
mod paced;
mod process;
mod streams;
mod times;
mod upstream;

pub use client::{Answer, Client};
pub use echo::Echo;
pub use gateway::{Addresses, Gateway, Launch};
pub use head::Head;
pub use lasting::{call, websocket};
pub use metrics::{page, sum};
pub use paced::{Order, Outcome, Progress, run};
pub use process::Process;
pub use streams::{Call, Http2, Tunnel};
pub use times::Times;
pub use upstream::Upstream;
