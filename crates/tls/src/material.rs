//! What stands behind a credential that a Snapshot names.

use std::sync::Arc;

use crate::{Authorities, Identity, Revocations};

/// One of the things a [`nuncio_routing::Credential`] is a name of.
#[derive(Clone, Debug)]
pub enum Material {
    /// Who the gateway is.
    Identity(Arc<Identity>),
    /// By whom certificates have to be issued.
    Authorities(Arc<Authorities>),
    /// Which of them count no more.
    Revocations(Arc<Revocations>),
}

/// What a configuration is made of beside its terms: everything that it names.
#[derive(Clone, Copy, Debug, Default)]
pub struct Needed<'a> {
    /// Who the gateway is.
    pub identity: Option<&'a Identity>,
    /// By whom the other side's certificate has to be issued.
    pub authorities: Option<&'a Authorities>,
    /// Which of them count no more.
    pub revocations: Option<&'a Revocations>,
}

impl<'a> Needed<'a> {
    /// The authorities, if they are any.
    pub(crate) fn somebody(&self) -> Option<&'a Authorities> {
        self.authorities
            .filter(|authorities| !authorities.is_nobody())
    }
}

impl Material {
    /// Whether it only says that there is none ([`Authorities::nobody`]).
    pub fn is_nobody(&self) -> bool {
        match self {
            Self::Authorities(authorities) => authorities.is_nobody(),
            Self::Identity(_) | Self::Revocations(_) => false,
        }
    }

    /// Whether nothing would change if this took the place of the other.
    pub fn same_as(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Identity(one), Self::Identity(other)) => one.same_as(other),
            (Self::Authorities(one), Self::Authorities(other)) => one.same_as(other),
            (Self::Revocations(one), Self::Revocations(other)) => one.same_as(other),
            (Self::Identity(_) | Self::Authorities(_) | Self::Revocations(_), _) => false,
        }
    }
}
