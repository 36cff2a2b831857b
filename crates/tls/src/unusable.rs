//! Why material cannot be used, for people.
//!
//! Invariant: says what and which, and never shows any of it.

/// Why something cannot be used. Reads as the end of "the Secret edge.default cannot be used: ".
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// No certificate in what is to hold some.
    #[error("there is no certificate in it")]
    NoCertificate,
    /// No private key in what is to hold one.
    #[error("there is no private key in it")]
    NoKey,
    /// Which of them to use is not said.
    #[error("there are {0} private keys in it, and not one")]
    SeveralKeys(usize),
    /// Nobody knows the passphrase here.
    #[error("its private key is encrypted")]
    EncryptedKey,
    /// A key that nothing here can sign with.
    #[error(
        "its private key cannot be used ({0}): it has to be RSA of 2048 to 4096 bits, ECDSA on P-256 or \
         P-384, or Ed25519"
    )]
    Key(Box<str>),
    /// Certificate and key are not a pair.
    #[error("its private key does not belong to its certificate")]
    OtherKey,
    /// A part that does not read as what it says it is.
    #[error("{what} {position} in it is broken: {reason}")]
    Broken {
        /// `certificate`, `private key` or `list of revocations`.
        what: &'static str,
        /// Counted from 1.
        position: usize,
        /// What is wrong with it.
        reason: Box<str>,
    },
    /// Not one list in what is to hold some.
    #[error("there is no list of revoked certificates in it")]
    NoList,
    /// What the configuration names was not given. Without it the configuration would trust more.
    #[error("{0}: named, and not there")]
    Missing(&'static str),
    /// No version is at once old and new enough.
    #[error("its newest version of TLS is older than its oldest")]
    Versions,
    /// A name that cannot stand in a ClientHello.
    #[error("{0:?} is not a name that an upstream can be told")]
    Name(Box<str>),
    /// rustls does not take it.
    #[error("it cannot be used for TLS: {0}")]
    Rejected(#[source] rustls::Error),
    /// A certificate of our own could not be made.
    #[error("no certificate can be made: {0}")]
    NotMade(#[source] rcgen::Error),
}
