//! The operator's door: probes, the metrics page and diagnostics over HTTP.
//!
//! Invariant: an answer depends on what is live now and on nothing a request says beyond its path and
//! query; nothing here changes the gateway.
//! Deliberately absent: any knowledge of how traffic is proxied or where configuration comes from.

mod accept;
mod accept_encoding;
mod admin;
mod connections;
mod diagnostics;
mod exchange;
mod explain;
mod metrics;
mod page;
mod readiness;
mod reply;
mod standing;

pub use admin::{Admin, AdminRoutes, CurrentSnapshot, Facts, Published};
pub use readiness::{Latch, ProbeReply, Readiness};
pub use standing::{KeptResource, Standing};
