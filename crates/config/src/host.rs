//! `kind: Host`: a name that the gateway answers for, and how.
//!
//! Invariant: `None` means that the document does not say.
//! Deliberately absent: which Mappings are attached, and which Listeners serve it.

mod read;

pub(crate) use read::read;

use crate::{Selector, TlsContext};

/// A Host. Field names are Ambassador's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// `hostname`: exact, `*suffix`, `prefix*` or `*`, which is the default; in lower case. It may end
    /// with a port.
    pub hostname: Box<str>,
    /// `mappingSelector`, else `selector`: the labels of the Mappings it has; `None` = not by labels.
    pub mapping_selector: Option<Selector>,
    /// `tlsSecret`: the certificate and its key.
    pub tls_secret: Option<SecretRef>,
    /// `tlsContext.name`: a TLSContext.
    pub tls_context: Option<Box<str>>,
    /// `tls`: a TLSContext of its own.
    pub tls: Option<Box<TlsContext>>,
    /// `acmeProvider`, unless its authority is `none`.
    pub acme: Option<Box<AcmeProvider>>,
    /// `requestPolicy.insecure.action`
    pub insecure: Option<InsecureAction>,
    /// `requestPolicy.insecure.additionalPort`: up to 1.x.
    pub insecure_additional_port: Option<i32>,
}

/// A Secret by name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SecretRef {
    /// Its name.
    pub name: Box<str>,
    /// Its namespace; `None` = that of who names it.
    pub namespace: Option<Box<str>>,
}

/// What becomes of a request that is not secure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum InsecureAction {
    /// It is sent to https (301).
    #[default]
    Redirect,
    /// It is served.
    Route,
    /// It has no route (404).
    Reject,
}

/// `acmeProvider`: who issues the certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeProvider {
    /// `authority`: the directory's URL, https unless it is a loopback address; `None` = Let's
    /// Encrypt.
    pub authority: Option<Box<str>>,
    /// `email`: whom the authority tells.
    pub email: Option<Box<str>>,
    /// `privateKeySecret`: where the account's key is kept.
    pub private_key_secret: Option<SecretRef>,
}
