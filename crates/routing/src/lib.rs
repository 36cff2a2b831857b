//! What the proxy runs: resources become one immutable [`Snapshot`], and a request head finds its
//! [`Route`] in it.
//!
//! Invariant: [`compile()`] is a pure function of its inputs, whatever their order;
//! [`RouteTable::find`] returns what a linear scan in precedence order would, and allocates nothing.
//! Deliberately absent: I/O, clocks, async, endpoints and connections, and any knowledge of how
//! resources reach the gateway.

mod attachment;
mod cluster;
mod clusters;
mod compile;
mod compiler;
mod credential;
mod demands;
mod diagnostics;
mod explain;
mod listening;
mod order;
mod path;
mod redirect;
mod request;
mod rewrite;
mod route;
mod settings;
mod slots;
mod snapshot;
mod table;
mod tls;
mod tracing;

pub use attachment::Attachment;
pub use cluster::{Balance, Cluster, ClusterIndex, Discovery, Families, Limits, ServicePort};
pub use clusters::Clusters;
pub use compile::compile;
pub use compiler::{Compiled, Compiler, Refusal};
pub use credential::{Credential, IdentitySource, SecretName, Source};
pub use demands::Demands;
pub use diagnostics::Diagnostics;
pub use explain::{
    Admission, Answer, Asked, Candidate, Explanation, Forwarded, InvalidQuestion, Outcome,
    Question, Shadowed, Upstream, Verdict,
};
pub use listening::{
    Approach, HostMap, Implied, Issuance, Listener, Listening, MappingSelector, SelectedBy,
    TcpRoute, TerminationIndex, Treatment, VirtualHost,
};
pub use order::Order;
pub use path::{HostilePath, PathRules, normalized};
pub use redirect::Redirect;
pub use request::{Draw, RequestHead};
pub use rewrite::push_encoded;
pub use route::{
    Action, Forward, HeaderRules, HostRewrite, MappingId, Probe, ResponseRules, Retry, Route,
    Shadow, Share,
};
pub use settings::{ConnectionSettings, HeaderCase, Settings};
pub use slots::Slots;
pub use snapshot::Snapshot;
pub use table::RouteTable;
pub use tls::{ClientVerification, Origination, Termination, TlsTerms};
pub use tracing::{Collector, Sampling, SpanFormat, Tracing};
