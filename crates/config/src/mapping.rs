//! `kind: Mapping`: which requests go to which service.
//!
//! Invariant: every value was checked when it was parsed; what matches and rewrites later cannot
//! meet text that is not HTTP.
//! Deliberately absent: defaults of the `ambassador` Module, ordering, grouping and matching.

mod host;
mod keys;
mod path;
mod read;

use std::time::Duration;

use http::{HeaderName, HeaderValue, Method};

pub use host::{HostMatch, InvalidHost};
pub use path::{InvalidPath, Prefix, Rewrite};
pub(crate) use read::read;

use crate::Service;

/// One route as its author described it. Field names are Ambassador's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// Which paths match: those that begin with this text, without regard to segments.
    pub prefix: Prefix,
    /// Which hosts match.
    pub host: HostMatch,
    /// Which method matches; `None` = any.
    pub method: Option<Method>,
    /// Headers that must all match, in the order written. `:authority` is in [`Self::host`] instead.
    pub headers: Vec<HeaderMatch>,
    /// First element of the ordering: higher goes first, may be negative.
    pub precedence: i64,
    /// Where requests go.
    pub service: Service,
    /// Share of the group's requests in percent, as written: it may lie outside 0..=100.
    pub weight: Option<i64>,
    /// What becomes of the path.
    pub rewrite: Rewrite,
    /// What becomes of the host; `None` = as the client sent it.
    pub host_rewrite: Option<HeaderValue>,
    /// Time for the whole response. `None` = the gateway's default, zero = no limit.
    pub timeout: Option<Duration>,
}

/// One header that must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderMatch {
    /// The header, in lower case.
    pub name: HeaderName,
    /// What its value must be.
    pub value: HeaderValueMatch,
}

/// What the value of a header must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderValueMatch {
    /// Exactly these bytes.
    Exact(HeaderValue),
    /// Anything: `true` was written, or an empty text.
    Present,
}
