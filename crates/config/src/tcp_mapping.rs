//! `kind: TCPMapping`: connections of a port that are carried to a service, whatever they speak.
//!
//! Deliberately absent: grouping and weights, which routing does.

mod read;

use std::net::IpAddr;
use std::time::Duration;

pub(crate) use read::read;

use crate::{ClusterOptions, Rare, Service};

/// A TCPMapping. Field names are Ambassador's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TcpMapping {
    /// `port`
    pub port: u16,
    /// `address` that is listened on; `None` = any.
    pub address: Option<IpAddr>,
    /// `host`: the name that clients send with TLS, which is terminated; `None` or `*` = every
    /// connection, as it is.
    pub host: Option<Box<str>>,
    /// Where connections go.
    pub service: Service,
    /// What the connections to the service are like.
    pub cluster: Rare<ClusterOptions>,
    /// Share of the group's connections in percent, as written.
    pub weight: Option<i64>,
    /// `idle_timeout_ms`: silence in both directions that ends a connection; `None` or zero = an hour,
    /// as Envoy's.
    pub idle_timeout: Option<Duration>,
}
