//! `kind: Listener`: a port that is listened on, and what is spoken there.
//!
//! Invariant: what is spoken is one of the stacks that can be served.
//! Deliberately absent: sockets.

mod read;

pub(crate) use read::read;

use crate::Selector;

/// A Listener. Field names are Ambassador's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// `port`
    pub port: u16,
    /// `protocol`, or `protocolStack`.
    pub stack: Stack,
    /// `securityModel`: which requests are secure.
    pub security_model: SecurityModel,
    /// `l7Depth`: how many proxies before the gateway are believed; 0 by default.
    pub l7_depth: u32,
    /// `hostBinding`: which Hosts are served.
    pub host_binding: HostBinding,
    /// `statsPrefix`: who the connection manager is in statistics.
    pub stats_prefix: Option<Box<str>>,
    /// `http2MaxConcurrentStreams`: of one client at a time.
    pub http2_max_concurrent_streams: Option<u32>,
}

/// What is spoken on a port, outermost first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Stack {
    /// Whether connections begin with a PROXY header.
    pub proxy: bool,
    /// Whether TLS is terminated. Where HTTP is spoken, so are connections without TLS served.
    pub tls: bool,
    /// Whether HTTP is spoken; else bytes are carried for TCPMappings.
    pub http: bool,
}

impl Stack {
    /// `HTTP`: HTTP over TCP.
    pub const HTTP: Self = Self {
        proxy: false,
        tls: false,
        http: true,
    };

    /// `HTTPS`: HTTP over TLS over TCP, and without TLS.
    pub const HTTPS: Self = Self {
        tls: true,
        ..Self::HTTP
    };

    /// `TCP`: bytes.
    pub const TCP: Self = Self {
        http: false,
        ..Self::HTTP
    };

    /// `TLS`: bytes over TLS.
    pub const TLS: Self = Self {
        tls: true,
        ..Self::TCP
    };
}

/// `securityModel`: which requests are secure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SecurityModel {
    /// `XFP`: those whose `x-forwarded-proto` is `https`, once it is decided whose is believed.
    #[default]
    ForwardedProto,
    /// `SECURE`: all.
    Secure,
    /// `INSECURE`: none.
    Insecure,
}

/// `hostBinding`: which Hosts are served.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostBinding {
    /// `namespace.from`; `None` = labels only, of the Listener's namespace as in Emissary.
    pub from: Option<BindingNamespace>,
    /// `selector`: labels of Hosts; `None` = any.
    pub selector: Option<Selector>,
}

/// `hostBinding.namespace.from`
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BindingNamespace {
    /// `SELF`: those of the Listener's namespace.
    Own,
    /// `ALL`
    All,
}
