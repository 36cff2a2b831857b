//! `service: [scheme://]host[:port]`, read as Emissary reads it.
//!
//! Invariant: the host is an IP address or a DNS name and the port is not 0.
//! Deliberately absent: name resolution, and the names of clusters and of statistics, which routing
//! derives from [`Service::written`], [`Service::scheme`] and [`Service::qualified`].

mod parse;

use std::fmt;
use std::net::IpAddr;

pub use parse::InvalidService;
pub(crate) use parse::parse;

/// Where requests go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Service {
    /// The text as the user wrote it; with `tls: true`, as Emissary converts it.
    pub written: Box<str>,
    /// The scheme, if one was written. `tls: true` counts as `https://`, as Emissary converts it.
    pub scheme: Option<Scheme>,
    /// Whether connections use TLS: by scheme, or by `tls:`.
    pub tls: bool,
    /// The TLSContext named by `tls:`.
    pub tls_context: Option<Box<str>>,
    /// The host as written, before a namespace is added.
    pub host: ServiceHost,
    /// The port as written, else 443 with TLS and 80 without.
    pub port: u16,
    /// Whether [`Self::port`] was written; names of clusters show it only then.
    pub port_written: bool,
}

impl Service {
    /// The service as seen from the gateway's namespace.
    pub fn qualified(&self, by: Qualifier<'_>) -> Qualified {
        let host = match (&self.host, by) {
            (ServiceHost::Name(name), Qualifier::Namespace(namespace)) if is_short(name) => {
                ServiceHost::Name(format!("{name}.{namespace}").into())
            }
            (host, _) => host.clone(),
        };
        let authority = match self.port_written {
            true => format!("{host}:{}", self.port),
            false => host.to_string(),
        };
        Qualified {
            host,
            authority: authority.into(),
        }
    }

    /// `tls: true`, which Emissary writes as a scheme when it converts v2 to v3alpha1.
    pub(crate) fn with_tls(self) -> Self {
        if self.scheme == Some(Scheme::Https) {
            return self;
        }
        let bare = self.written.split_once("://");
        let bare = bare.map_or(&*self.written, |(_http, bare)| bare);
        Self {
            written: format!("https://{bare}").into(),
            scheme: Some(Scheme::Https),
            ..self.over_tls()
        }
    }

    fn over_tls(self) -> Self {
        let port = if self.port_written {
            self.port
        } else {
            Scheme::Https.port()
        };
        Self {
            tls: true,
            port,
            ..self
        }
    }

    /// `tls: <name of a TLSContext>`.
    pub(crate) fn with_tls_context(self, context: &str) -> Self {
        Self {
            tls_context: Some(context.into()),
            ..self.over_tls()
        }
    }
}

/// A scheme that `service:` may begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
}

impl Scheme {
    /// The scheme with its separator, in lower case: `https://`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http://",
            Self::Https => "https://",
        }
    }

    fn port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// The host of a service. Shown as in a URL: IPv6 addresses in brackets.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ServiceHost {
    /// A DNS name, in lower case.
    Name(Box<str>),
    /// An address.
    Ip(IpAddr),
}

impl fmt::Display for ServiceHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}

/// What is appended to short names: `backend` of a resource in namespace `b` is `backend.b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Qualifier<'a> {
    /// Nothing: short names mean the gateway's own namespace.
    Nothing,
    /// This namespace.
    Namespace(&'a str),
}

impl<'a> Qualifier<'a> {
    /// The rule of Ambassador 1.0 and later: a resource's short names mean its own namespace, and
    /// nothing is appended in the gateway's. A Module that sets
    /// `use_ambassador_namespace_for_service_resolution` asks for [`Qualifier::Nothing`] instead.
    pub fn between(resource_namespace: &'a str, gateway_namespace: &str) -> Self {
        match resource_namespace == gateway_namespace {
            true => Self::Nothing,
            false => Self::Namespace(resource_namespace),
        }
    }
}

/// A service as seen from the gateway's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Qualified {
    /// What to resolve.
    pub host: ServiceHost,
    /// `host[:port]`, the port only when it was written: what names of clusters are made of.
    pub authority: Box<str>,
}

fn is_short(name: &str) -> bool {
    !name.contains('.') && name != "localhost"
}

#[cfg(test)]
mod tests;
