//! The data path: clients' connections in, requests routed, upstreams' connections out.
//!
//! A request takes six steps and never goes back: its connection is accepted ([`Workers`]), its
//! head is read and checked, its Route is found, its cluster gives an endpoint, the head is
//! written anew for the upstream, and the response's for the client. It ends in one record that
//! all counters come from.
//!
//! The codecs of HTTP are Pingora's (`pingora-core`); accepting, pooling and relaying are done
//! here, because a deadline for the whole response, one account of every request, malformed ones
//! included, and pools without locks do not fit through the hooks of `pingora-proxy`.
//!
//! Invariants:
//! - Each worker is one thread with its own connections. Nothing a request does waits for another
//!   thread, takes a lock, or looks anything up by name.
//! - [`Switch::install`] is the only way configuration gets in, by one atomic store.
//!
//! Deliberately absent: Kubernetes, files, and everything about how configuration is written.

mod carrier;
mod conduit;
mod confined;
mod downstream;
mod error_pages;
mod exchange;
mod head_bytes;
mod limits;
mod live;
mod pressure;
mod upstream;
mod wire;

pub use downstream::{
    BindError, Listener, ListenerKey, Phase, Probes, Shared, StartError, Workers,
};
pub use limits::{Http2Limits, Limits, UpstreamLimits};
pub use live::Switch;
pub use pressure::Pressure;
pub use upstream::{ResolveError, Resolver};
