//! What contexts of TLS mean: TLSContexts, those of the Module `tls`, and Hosts' own.
//!
//! As in Emissary (`IRTLSContext`), but for two things: for upstreams a context needs no certificate of
//! its own, be it to verify them or only to say what is spoken; and the Module's contexts have no
//! certificate that they do not name, but for `server` and `client`.
//!
//! Deliberately absent: whether Secrets and files exist.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use nuncio_config::{HostMatch, Kind, Module, Resource, TlsContext, TlsModule};

use crate::{
    ClientVerification, IdentitySource, Origination, SecretName, Source, Termination, TlsTerms,
};

/// A context and who says it.
#[derive(Clone, Debug)]
pub(crate) struct Context<'r> {
    pub(super) resource: &'r Resource,
    pub(super) name: &'r str,
    pub(super) tls: Cow<'r, TlsContext>,
}

/// Why a context cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Flaw {
    #[error("there is no TLSContext {0}")]
    Unknown(Box<str>),
    #[error("`{present}` requires `{missing}` as well")]
    Half {
        present: &'static str,
        missing: &'static str,
    },
    #[error("exactly one of `secret` and `cert_chain_file` must be present")]
    Both,
    #[error("{0} has no certificate information at all")]
    NoIdentity(Box<str>),
    #[error("of {0}: {1}")]
    Of(Box<str>, Box<Self>),
    #[error("both `tlsContext` and `tls` are specified")]
    TwoContexts,
    #[error("`tlsSecret` is {own}, and that of {context} is {other}")]
    Mismatch {
        own: Shown,
        context: Box<str>,
        other: Shown,
    },
}

/// A source for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown(pub(super) IdentitySource);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            IdentitySource::Secret(secret) => {
                write!(f, "Secret {}/{}", secret.namespace, secret.name)
            }
            IdentitySource::Files { chain, .. } => write!(f, "file {chain}"),
            IdentitySource::SelfSigned => f.write_str("self-signed"),
        }
    }
}

impl<'r> Context<'r> {
    /// A TLSContext.
    pub(super) fn of(resource: &'r Resource) -> Option<Self> {
        let Kind::TlsContext(tls) = &resource.kind else {
            return None;
        };
        Some(Self {
            resource,
            name: &resource.name,
            tls: Cow::Borrowed(tls),
        })
    }

    /// The context of the Module `tls` that has a name. `client` is none by itself, but how `server`
    /// verifies clients.
    pub(super) fn of_module(resource: &'r Resource, name: &str) -> Option<Self> {
        let module = tls_module(&resource.kind)?;
        let (name, tls) = named(module, name).filter(|(name, _)| *name != CLIENT)?;
        let tls = match name {
            SERVER => Cow::Owned(server(tls, named(module, CLIENT).map(|(_, tls)| tls))),
            _ => Cow::Borrowed(tls),
        };
        Some(Self {
            resource,
            name,
            tls,
        })
    }

    /// `TLSContext edge.default`
    pub(super) fn label(&self) -> Box<str> {
        let namespace = &self.resource.namespace;
        match self.resource.kind {
            Kind::TlsModule(_) => format!("Module tls.{namespace}: {}", self.name).into(),
            Kind::Module(_) => format!("Module ambassador.{namespace}: {}", self.name).into(),
            _ => format!("TLSContext {}.{namespace}", self.name).into(),
        }
    }

    /// The names it terminates TLS for.
    pub(super) fn hosts(&self) -> &[Box<str>] {
        self.tls.hosts.as_deref().unwrap_or_default()
    }

    pub(super) fn written(&self, module: &Module) -> Written<'_> {
        Written::new(&self.tls, &self.resource.namespace, module)
    }

    /// How TLS to an upstream is originated.
    pub(super) fn origination(&self, module: &Module) -> Result<Origination, Flaw> {
        let written = self.written(module);
        let identity = written.identity();
        let identity = identity.map_err(|flaw| Flaw::Of(self.label(), Box::new(flaw)))?;
        Ok(Origination {
            context: Some(self.label()),
            identity,
            authorities: written.authorities(),
            revocations: written.revocations(),
            sni: self.tls.sni.clone(),
            terms: written.terms(),
        })
    }

    /// How TLS of clients is terminated; `own` goes before the context's identity.
    pub(super) fn termination(
        &self,
        own: Option<IdentitySource>,
        module: &Module,
    ) -> Result<Termination, Flaw> {
        let written = self.written(module);
        let of = |flaw| Flaw::Of(self.label(), Box::new(flaw));
        let identity = match (own, written.identity().map_err(of)?) {
            (Some(own), Some(other)) if own != other => {
                return Err(Flaw::Mismatch {
                    own: Shown(own),
                    context: self.label(),
                    other: Shown(other),
                });
            }
            (own, other) => own.or(other),
        };
        let identity = identity.ok_or_else(|| Flaw::NoIdentity(self.label()))?;
        let is_of_module = matches!(self.resource.kind, Kind::TlsModule(_) | Kind::Module(_));
        Ok(Termination {
            offers_http: !is_of_module,
            ..written.termination(self.label(), identity)
        })
    }
}

/// A context beside what decides what its names mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Written<'r> {
    tls: &'r TlsContext,
    namespace: &'r str,
    /// Whether a dot in the name of a Secret stands before its namespace.
    dots: bool,
}

impl<'r> Written<'r> {
    pub(super) fn new(tls: &'r TlsContext, namespace: &'r str, module: &Module) -> Self {
        let own = tls.secret_namespacing;
        Self {
            tls,
            namespace,
            dots: own.or(module.tls_secret_namespacing).unwrap_or(true),
        }
    }

    /// The certificate and its key, if any are named.
    pub(super) fn identity(&self) -> Result<Option<IdentitySource>, Flaw> {
        let half = |present, missing| Err(Flaw::Half { present, missing });
        let files = (&self.tls.cert_chain_file, &self.tls.private_key_file);
        match (&self.tls.secret, files) {
            (None, (None, None)) => Ok(None),
            (Some(secret), (None, None)) => Ok(Some(IdentitySource::Secret(self.secret(secret)))),
            (Some(_), _) => Err(Flaw::Both),
            (None, (Some(_), None)) => half("cert_chain_file", "private_key_file"),
            (None, (None, Some(_))) => half("private_key_file", "cert_chain_file"),
            (None, (Some(chain), Some(key))) => Ok(Some(IdentitySource::Files {
                chain: chain.clone(),
                key: key.clone(),
            })),
        }
    }

    pub(super) fn termination(&self, context: Box<str>, identity: IdentitySource) -> Termination {
        Termination {
            context,
            identity,
            clients: self.clients().map(Arc::new),
            terms: self.terms(),
            offers_http: true,
            found: false,
        }
    }

    fn clients(&self) -> Option<ClientVerification> {
        let authorities = self.authorities();
        let required = self.tls.cert_required.unwrap_or(false);
        if authorities.is_none() && !required {
            return None;
        }
        Some(ClientVerification {
            // Without authorities there is nobody who could revoke anything.
            revocations: self.revocations().filter(|_| authorities.is_some()),
            authorities,
            required,
        })
    }

    fn authorities(&self) -> Option<Source> {
        self.source(&self.tls.ca_secret, &self.tls.cacert_chain_file)
    }

    fn revocations(&self) -> Option<Source> {
        self.source(&self.tls.crl_secret, &self.tls.crl_file)
    }

    /// As in Emissary, a Secret goes before a file.
    fn source(&self, secret: &Option<Box<str>>, file: &Option<Box<str>>) -> Option<Source> {
        let secret = secret.as_ref().map(|name| self.secret(name));
        let file = || file.clone().map(Source::File);
        secret.map(Source::Secret).or_else(file)
    }

    fn secret(&self, written: &str) -> SecretName {
        let dotted = written.rsplit_once('.').filter(|_| self.dots);
        let (name, namespace) = dotted.unwrap_or((written, self.namespace));
        SecretName {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    fn terms(&self) -> TlsTerms {
        TlsTerms {
            alpn: self.tls.alpn_protocols.clone().unwrap_or_default(),
            min_version: self.tls.min_tls_version,
            max_version: self.tls.max_tls_version,
            cipher_suites: self.tls.cipher_suites.clone().unwrap_or_default(),
            curves: self.tls.ecdh_curves.clone().unwrap_or_default(),
        }
    }
}

/// The Secret that is looked for where nobody says anything of TLS, and where the Module's `server` does
/// not say its certificate.
pub(super) const FOUND_CERTIFICATE: &str = "ambassador-certs";
/// That of the Module's `client`.
pub(super) const FOUND_AUTHORITIES: &str = "ambassador-cacert";
/// The Module's context that terminates.
pub(super) const SERVER: &str = "server";
const CLIENT: &str = "client";

/// What the Module `tls` says, or the Module `ambassador` in its place.
fn tls_module(kind: &Kind) -> Option<&TlsModule> {
    match kind {
        Kind::TlsModule(module) => Some(module),
        Kind::Module(module) => module.tls.as_ref(),
        Kind::Mapping(_)
        | Kind::CircuitBreaker(_)
        | Kind::OutlierDetection(_)
        | Kind::Resolver(_)
        | Kind::TracingService(_)
        | Kind::TlsContext(_)
        | Kind::Host(_)
        | Kind::Listener(_)
        | Kind::TcpMapping(_) => None,
    }
}

fn named<'m>(module: &'m TlsModule, name: &str) -> Option<(&'m str, &'m TlsContext)> {
    let mut contexts = module.contexts.iter().map(|(name, tls)| (&**name, tls));
    contexts.find(|(known, _)| *known == name)
}

/// `server` for every host, and with what `client` says of clients.
fn server(server: &TlsContext, client: Option<&TlsContext>) -> TlsContext {
    let mut tls = server.clone();
    tls.hosts = Some([Box::from("*")].into());
    if tls.secret.is_none() && tls.cert_chain_file.is_none() && tls.private_key_file.is_none() {
        tls.secret = Some(FOUND_CERTIFICATE.into());
    }
    let Some(client) = client else { return tls };
    // The Secret that it names holds authorities: it has no certificate of its own.
    let authorities = client.ca_secret.as_ref().or(client.secret.as_ref());
    tls.ca_secret = authorities.cloned();
    tls.cacert_chain_file = client.cacert_chain_file.clone();
    if tls.ca_secret.is_none() && tls.cacert_chain_file.is_none() {
        tls.ca_secret = Some(FOUND_AUTHORITIES.into());
    }
    tls.cert_required = client.cert_required.or(tls.cert_required);
    tls
}

/// The name that clients send for a host: without a port.
pub(super) fn sni(host: &HostMatch) -> HostMatch {
    let bare = |text: &str| crate::listening::without_port(text).into();
    match host {
        HostMatch::Exact(text) => HostMatch::Exact(bare(text)),
        HostMatch::Suffix(text) => HostMatch::Suffix(bare(text)),
        HostMatch::Any | HostMatch::Prefix(_) | HostMatch::Regex(_) => host.clone(),
    }
}
