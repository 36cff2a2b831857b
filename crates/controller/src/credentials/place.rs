//! Where credentials stand, and what is found there.

use nuncio_config::ObjectRef;
use nuncio_routing::{Credential, IdentitySource, SecretName, Source};

use super::pieces::Pieces;

/// Something that is read as a whole.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    /// A Secret.
    Secret(SecretName),
    /// The files of one credential, which change together.
    Files(Box<[Box<str>]>),
}

/// What is found at a place.
#[derive(Debug)]
pub(crate) enum Found {
    /// Something, usable or not.
    There(Pieces),
    /// Nothing, and how that is told.
    Missing(Box<str>),
    /// It cannot be read, and why; what was read before stands.
    Unreadable(Box<str>),
    /// The API server refuses to tell of it, and why; what was read before stands.
    Refused(Box<str>),
}

impl Place {
    /// Where a credential stands; nowhere if the gateway makes it itself.
    pub(super) fn of(credential: &Credential) -> Option<Self> {
        let place = match credential {
            Credential::Identity(IdentitySource::Secret(name))
            | Credential::Authorities(Source::Secret(name))
            | Credential::Revocations(Source::Secret(name)) => Self::Secret(name.clone()),
            Credential::Identity(IdentitySource::Files { chain, key }) => {
                Self::Files([chain.clone(), key.clone()].into())
            }
            Credential::Authorities(Source::File(path))
            | Credential::Revocations(Source::File(path)) => Self::Files([path.clone()].into()),
            Credential::Identity(IdentitySource::SelfSigned) => return None,
        };
        Some(place)
    }

    /// The Secret that it is, if it is one.
    pub(super) fn secret(&self) -> Option<&SecretName> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Files(_) => None,
        }
    }

    /// How metrics call it.
    pub(super) fn label(&self) -> String {
        match self {
            Self::Secret(secret) => secret.to_string(),
            Self::Files(paths) => paths.first().map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// How diagnostics call it.
    pub(super) fn object(&self) -> ObjectRef {
        let (kind, namespace, name) = match self {
            Self::Secret(secret) => ("Secret", secret.namespace.clone(), secret.name.clone()),
            Self::Files(paths) => ("File", "".into(), paths.join(", ").into()),
        };
        ObjectRef {
            kind: kind.into(),
            namespace,
            name,
        }
    }
}
