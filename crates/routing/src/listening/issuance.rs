//! A certificate that an authority is asked for, by ACME (RFC 8555).
//!
//! Deliberately absent: whether it is there already, and asking.

use nuncio_config::Location;

use crate::SecretName;

/// What a Host with an `acmeProvider` wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuance {
    /// Where the Host stands.
    pub at: Location,
    /// The name that the certificate is for, in lower case and without a port.
    pub hostname: Box<str>,
    /// Where it is kept, with its key; in the Host's namespace.
    pub secret: SecretName,
    /// The URL of the authority's directory.
    pub authority: Box<str>,
    /// Whom the authority tells.
    pub email: Option<Box<str>>,
    /// Where the key of the account is kept; in the Host's namespace.
    pub account: SecretName,
}
