//! What TLS needs that a Snapshot only names: certificates with their keys, authorities, lists of what
//! was revoked.
//!
//! Invariant: names, never material. Whoever has the material tells the proxy of it, as often as it
//! changes, without a compile.

use std::fmt;

/// Something to be had from elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Credential {
    /// A certificate, with its chain and its private key.
    Identity(IdentitySource),
    /// Certificates of authorities.
    Authorities(Source),
    /// A list of certificates that were revoked.
    Revocations(Source),
}

/// Where a certificate and its key stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum IdentitySource {
    /// A Secret of type `kubernetes.io/tls`.
    Secret(SecretName),
    /// Two files.
    Files {
        /// The certificate and its chain.
        chain: Box<str>,
        /// The private key.
        key: Box<str>,
    },
    /// One that the gateway signs itself, as Emissary does where nobody has any.
    SelfSigned,
}

/// Where something else stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Source {
    /// A Secret.
    Secret(SecretName),
    /// A file.
    File(Box<str>),
}

/// A Secret, as the API server calls it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretName {
    /// Its namespace.
    pub namespace: Box<str>,
    /// Its name.
    pub name: Box<str>,
}

impl fmt::Display for SecretName {
    /// `edge.default`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.name, self.namespace)
    }
}

impl fmt::Display for IdentitySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret(name) => name.fmt(f),
            Self::Files { chain, key: _ } => f.write_str(chain),
            Self::SelfSigned => f.write_str("self-signed"),
        }
    }
}

impl Credential {
    /// The Secret it stands in, if it does.
    pub fn secret(&self) -> Option<&SecretName> {
        match self {
            Self::Identity(IdentitySource::Secret(name))
            | Self::Authorities(Source::Secret(name))
            | Self::Revocations(Source::Secret(name)) => Some(name),
            Self::Identity(IdentitySource::Files { .. } | IdentitySource::SelfSigned)
            | Self::Authorities(Source::File(_))
            | Self::Revocations(Source::File(_)) => None,
        }
    }
}
