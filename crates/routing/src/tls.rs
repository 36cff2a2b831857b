//! By which rules connections are terminated and originated.
//!
//! Defaults are those of Emissary (`IRTLSContext`, `V3TLSContext`) and of Envoy.
//! Deliberately absent: key material, and the TLS library.

use std::sync::Arc;

use nuncio_config::{Alpn, CipherSuite, Curve, TlsVersion};

use crate::{Credential, IdentitySource, Source};

/// How TLS of clients is terminated for some names. Those that compare equal share one.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Termination {
    /// Who says so, for people: `TLSContext edge.default`.
    pub context: Box<str>,
    /// Who the gateway is.
    pub identity: IdentitySource,
    /// How clients are verified; `None` = they are not asked who they are.
    pub clients: Option<Arc<ClientVerification>>,
    /// What both may speak.
    pub terms: TlsTerms,
    /// Whether clients that speak HTTP are offered HTTP/2 and HTTP/1.1 where the terms offer nothing. Not by
    /// the forms of Ambassador 0.21, which knows nothing of ALPN.
    pub offers_http: bool,
    /// Whether nobody has asked for it: it is there once its identity is, and verifies clients once
    /// their authorities are there too, as Ambassador 0.21 finds `ambassador-certs` by itself.
    pub found: bool,
}

/// How clients are verified. A name whose clients are verified is never served to a connection that was
/// verified differently.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientVerification {
    /// By whom certificates have to be issued. `None` = any certificate will do.
    pub authorities: Option<Source>,
    /// Which of them count no more.
    pub revocations: Option<Source>,
    /// Whether a client without one is turned away. The authorities' Secret may say so too.
    pub required: bool,
}

/// How TLS to an upstream is originated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Origination {
    /// Who says so, as for a [`Termination`]; of a name that nobody has, the name. `None` = nobody does,
    /// and nothing is verified.
    pub context: Option<Box<str>>,
    /// Who the gateway is, if it says so.
    pub identity: Option<IdentitySource>,
    /// By whom the upstream's certificate has to be issued; `None` = nothing is verified.
    pub authorities: Option<Source>,
    /// Which of them count no more.
    pub revocations: Option<Source>,
    /// The name that the upstream is told.
    pub sni: Option<Box<str>>,
    /// What both may speak.
    pub terms: TlsTerms,
}

/// What both sides of a connection may speak.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TlsTerms {
    /// In order of preference; empty = nothing is offered.
    pub alpn: Box<[Alpn]>,
    /// `None` = the oldest there is.
    pub min_version: Option<TlsVersion>,
    /// `None` = the newest there is.
    pub max_version: Option<TlsVersion>,
    /// Suites of TLS 1.2, in order of preference; empty = all.
    pub cipher_suites: Box<[CipherSuite]>,
    /// In order of preference; empty = all.
    pub curves: Box<[Curve]>,
}

impl Termination {
    /// Whether clients have to prove who they are because somebody has said so: then nothing that comes
    /// without TLS is secure, whoever says it is.
    pub fn insists_on_clients(&self) -> bool {
        let says_so = |it: &ClientVerification| it.authorities.is_some() || it.required;
        !self.found && self.clients.as_deref().is_some_and(says_so)
    }

    /// What has to be had from elsewhere.
    pub fn credentials(&self) -> impl Iterator<Item = Credential> {
        let identity = Credential::Identity(self.identity.clone());
        let clients = self.clients.as_deref();
        let authorities = clients.and_then(|clients| clients.authorities.clone());
        let revocations = clients.and_then(|clients| clients.revocations.clone());
        [
            Some(identity),
            authorities.map(Credential::Authorities),
            revocations.map(Credential::Revocations),
        ]
        .into_iter()
        .flatten()
    }
}

impl Origination {
    /// What has to be had from elsewhere.
    pub fn credentials(&self) -> impl Iterator<Item = Credential> {
        [
            self.identity.clone().map(Credential::Identity),
            self.authorities.clone().map(Credential::Authorities),
            self.revocations.clone().map(Credential::Revocations),
        ]
        .into_iter()
        .flatten()
    }
}
