//! `kind: TLSContext`, the `tls` of a Host, and the contexts of the Module `tls`: by which
//! certificates connections are terminated or originated.
//!
//! Invariant: `None` means that the document does not say; names of Secrets are as written, since what
//! they mean depends on who says them.
//! Deliberately absent: key material. A document names it; nothing here ever holds it.

pub(crate) mod read;

/// What a document says of TLS. Field names are Ambassador's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsContext {
    /// The names it terminates TLS for: exact, `*suffix`, `prefix*` or `*`, in lower case. `None` = it is
    /// for upstreams only.
    pub hosts: Option<Box<[Box<str>]>>,
    /// `secret`: the Secret with the certificate and its key.
    pub secret: Option<Box<str>>,
    /// `secret_namespacing`: whether a dot in the name of a Secret stands before its namespace; true by
    /// default.
    pub secret_namespacing: Option<bool>,
    /// `cert_chain_file`, instead of a Secret.
    pub cert_chain_file: Option<Box<str>>,
    /// `private_key_file`, instead of a Secret.
    pub private_key_file: Option<Box<str>>,
    /// `ca_secret`: the Secret with the authorities that the other side's certificate is verified by.
    pub ca_secret: Option<Box<str>>,
    /// `cacert_chain_file`, instead of a Secret.
    pub cacert_chain_file: Option<Box<str>>,
    /// `crl_secret`: the Secret with the certificates that were revoked.
    pub crl_secret: Option<Box<str>>,
    /// `crl_file`, instead of a Secret.
    pub crl_file: Option<Box<str>>,
    /// Whether a client without a certificate is turned away; false by default, unless the Secret of
    /// the authorities says so.
    pub cert_required: Option<bool>,
    /// `alpn_protocols`, in order of preference.
    pub alpn_protocols: Option<Box<[Alpn]>>,
    /// `min_tls_version`
    pub min_tls_version: Option<TlsVersion>,
    /// `max_tls_version`
    pub max_tls_version: Option<TlsVersion>,
    /// `cipher_suites` that there are here, in the order written. TLS 1.3 has its own, which are not
    /// chosen.
    pub cipher_suites: Option<Box<[CipherSuite]>>,
    /// `ecdh_curves` that there are here, in the order written.
    pub ecdh_curves: Option<Box<[Curve]>>,
    /// `sni`: the name that upstreams are told.
    pub sni: Option<Box<str>>,
    /// `redirect_cleartext_from`: the port whose requests are sent to https (up to 1.x).
    pub redirect_cleartext_from: Option<u16>,
}

/// What is spoken over TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Alpn {
    /// `h2`
    H2,
    /// `http/1.1`
    Http11,
}

/// A version of TLS. Older ones than 1.2 are read as 1.2, with a diagnostic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TlsVersion {
    /// `v1.2`
    V12,
    /// `v1.3`
    V13,
}

/// A cipher suite of TLS 1.2, by the name that BoringSSL has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum CipherSuite {
    /// `ECDHE-ECDSA-AES128-GCM-SHA256`
    EcdheEcdsaAes128GcmSha256,
    /// `ECDHE-ECDSA-AES256-GCM-SHA384`
    EcdheEcdsaAes256GcmSha384,
    /// `ECDHE-ECDSA-CHACHA20-POLY1305`
    EcdheEcdsaChacha20Poly1305,
    /// `ECDHE-RSA-AES128-GCM-SHA256`
    EcdheRsaAes128GcmSha256,
    /// `ECDHE-RSA-AES256-GCM-SHA384`
    EcdheRsaAes256GcmSha384,
    /// `ECDHE-RSA-CHACHA20-POLY1305`
    EcdheRsaChacha20Poly1305,
}

/// A group of key exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Curve {
    /// `X25519`
    X25519,
    /// `P-256`
    P256,
    /// `P-384`
    P384,
}

/// `kind: Module, name: tls`: contexts by name. `server` and `client` terminate, the others are for
/// upstreams.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsModule {
    /// Those that are enabled, in the order written.
    pub contexts: Box<[(Box<str>, TlsContext)]>,
}
