//! Counts what the gateway does, and says it the way Envoy would: a Prometheus page and statsd
//! lines.
//!
//! Dashboards and alerts written for Ambassador read Envoy's names, so `envoy_*` follows Envoy 1.40
//! in names, types, labels, millisecond buckets and in *when* each number moves. `ambassador_*`
//! follows Emissary's diagd, and `nuncio_*` is ours: base units, `_total`, HELP.
//!
//! Why neither the `prometheus` nor the `cadence` crate: Envoy's page has no HELP, writes `{}` on
//! series without labels, creates some series only when first used, and counts in milliseconds; and
//! Envoy's statsd lines are deltas of the very same counters. One set of relaxed atomics with two
//! writers keeps the two from ever disagreeing.
//!
//! How it is used: handles ([`HttpStats`], [`TcpStats`], [`ListenerStats`], [`ClusterStats`]) are taken when
//! listeners and routes are built, never per request. The proxy tells them *events* (accepted,
//! assigned, connect failed, closed); a finished request is one [`RequestRecord`], and
//! [`RequestRecord::record`] is the only place that counts it. Lines of the access log go by
//! [`AccessLog`] to a thread of their own.
//!
//! Invariants:
//! - No lock and no allocation on the path of a request, except that the first request of a cluster,
//!   its first failure, the first response of each status, and the first sample of a histogram
//!   allocate once.
//! - A counter never decreases while the process lives, also when its cluster is removed and comes
//!   back; of clusters that are gone the last 10,000 are remembered.
//! - No series appears twice on the page, whatever users call their clusters.
//!
//! Deliberately absent: HTTP (the admin server serves the page), knowledge of routes and
//! Kubernetes, and global state.

mod access_log;
mod cluster;
mod clusters;
mod configured;
mod control;
mod dns;
mod exemplar;
mod family;
mod guard;
mod histogram;
mod http;
mod label;
mod latency;
mod listener;
mod mapping;
mod mappings;
mod memory;
mod names;
mod page;
mod process;
mod refused;
mod request;
mod resources;
mod series;
mod server;
pub mod statsd;
mod status;
mod tcp;
mod telemetry;
mod text;
mod trace;
mod value;

pub use access_log::{AccessLog, AccessLogWriter, Lines, Waiting};
pub use cluster::{
    Backlog, Breaker, ClusterStats, ClusterSummary, ConnectFailure, Ejection, Overflow,
    PendingRequest, Resolution, RetryCause, RetryRefused, UpstreamRequest,
};
pub use configured::{Configured, Weight};
pub use control::{ControlStats, FeedStats, Issued, ObjectCounts, Reconfiguration};
pub use dns::{DnsFailure, DnsStats};
pub use guard::SeriesLimit;
pub use histogram::Histogram;
pub use http::{ActiveUpgrade, Flood, HeldResponse, HttpStats, HttpSummary};
pub use label::ClusterLabel;
pub use listener::{
    ActiveRequest, Certificate, DownstreamConnection, Handshake, HandshakeFailure, ListenerStats,
    Rejection,
};
pub use mapping::{Mapped, MappingStats};
pub use memory::MemoryMeter;
pub use names::REFUSAL_REASONS;
pub use page::{BadFilter, Filter, Page, Selection};
pub use refused::Refused;
pub use request::{
    Bytes, Closed, Ending, Outcome, Protocol, RequestRecord, Reset, ShadowRecord, Side, Transport,
};
pub use resources::{Relief, Resources, Work};
pub use server::{ServerState, ServerStats};
pub use tcp::TcpStats;
pub use telemetry::{BuildInfo, Telemetry};
pub use trace::{SpanCounts, TraceId};
pub use value::{Counter, Gauge};
