//! TLS as clients speak it, and certificates to speak it with.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use nuncio_routing::{Credential, IdentitySource, SecretName, Source};
use nuncio_tls::{Authorities, Identity, Material};
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair, PKCS_ECDSA_P256_SHA256,
};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{AlertDescription, ClientConfig, Error, RootCertStore, ServerConfig};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use crate::certificates::Pair;

/// A certificate with its key.
#[derive(Debug)]
pub struct Certificate {
    chain: String,
    key: String,
}

/// Who issues certificates.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A client's side of TLS.
#[derive(Clone, Debug)]
pub struct Speaker(Arc<ClientConfig>);

impl Authority {
    /// Of this name.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, key()).unwrap())
    }

    /// A certificate for these names.
    pub fn issue(&self, names: &[&str]) -> Certificate {
        let names: Vec<_> = names.iter().map(|&name| name.to_owned()).collect();
        let params = CertificateParams::new(names).unwrap();
        let key = key();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Certificate {
            chain: certificate.pem(),
            key: key.serialize_pem(),
        }
    }

    /// As what verifies clients.
    pub fn material(&self) -> Material {
        self.authorities(false)
    }

    /// The same, of a Secret that lets in nobody without a certificate.
    pub fn demanding(&self) -> Material {
        self.authorities(true)
    }

    fn authorities(&self, required: bool) -> Material {
        let authorities = Authorities::from_pem(self.0.pem().as_bytes(), required);
        Material::Authorities(Arc::new(authorities.unwrap()))
    }
}

impl Certificate {
    /// As the manifest of a Secret in `default`.
    pub fn manifest(&self, name: &str) -> String {
        let pair = Pair {
            certificate: self.chain.clone(),
            key: self.key.clone(),
        };
        pair.manifest(name)
    }

    /// As what the gateway is.
    pub fn material(&self) -> Material {
        let identity = Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes());
        Material::Identity(Arc::new(identity.unwrap()))
    }
}

impl Certificate {
    /// As what a server is that takes connections.
    pub fn acceptor(&self) -> TlsAcceptor {
        let chain = CertificateDer::pem_slice_iter(self.chain.as_bytes());
        let chain = chain.collect::<Result<_, _>>().unwrap();
        let key = PrivateKeyDer::from_pem_slice(self.key.as_bytes()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(chain, key).unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

impl Speaker {
    /// Trusts who has a certificate of this authority, and offers these protocols.
    pub fn trusting(authority: &Authority, protocols: &[&str]) -> Self {
        Self::with(authority, protocols, None)
    }

    /// The same, with a certificate of its own.
    pub fn being(certificate: &Certificate, authority: &Authority, protocols: &[&str]) -> Self {
        Self::with(authority, protocols, Some(certificate))
    }

    /// Trusts who has a certificate that this one (PEM) signed.
    ///
    /// # Panics
    /// When it is none.
    pub fn trusting_root(root: &str, protocols: &[&str]) -> Self {
        let root = CertificateDer::from_pem_slice(root.as_bytes()).unwrap();
        Self::by(root, protocols, None)
    }

    fn with(authority: &Authority, protocols: &[&str], own: Option<&Certificate>) -> Self {
        Self::by(authority.0.der().clone(), protocols, own)
    }

    fn by(root: CertificateDer<'static>, protocols: &[&str], own: Option<&Certificate>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(root).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots);
        let mut config = match own {
            Some(Certificate { chain, key }) => {
                let chain = CertificateDer::pem_slice_iter(chain.as_bytes());
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                let chain = chain.collect::<Result<_, _>>().unwrap();
                config.with_client_auth_cert(chain, key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = protocols
            .iter()
            .map(|name| name.as_bytes().to_vec())
            .collect();
        Self(Arc::new(config))
    }

    /// A connection to whoever is called `name` at `address`.
    ///
    /// # Errors
    /// When the other side refuses it, or is another.
    pub async fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> io::Result<TlsStream<TcpStream>> {
        self.over(TcpStream::connect(address).await.unwrap(), name)
            .await
    }

    /// The same, over a connection that is there.
    ///
    /// # Errors
    /// When the other side refuses it, or is another.
    pub async fn over(&self, tcp: TcpStream, name: &str) -> io::Result<TlsStream<TcpStream>> {
        tcp.set_nodelay(true)?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        TlsConnector::from(Arc::clone(&self.0))
            .connect(name, tcp)
            .await
    }
}

/// The certificate of a Secret in the namespace `default`.
pub fn identity_of(secret: &str) -> Credential {
    Credential::Identity(IdentitySource::Secret(secret_name(secret)))
}

/// The authorities of a Secret in the namespace `default`.
pub fn authorities_of(secret: &str) -> Credential {
    Credential::Authorities(Source::Secret(secret_name(secret)))
}

/// The alert by which the other side refused a connection.
pub fn alert(refused: &io::Error) -> Option<AlertDescription> {
    match refused.get_ref()?.downcast_ref()? {
        Error::AlertReceived(alert) => Some(*alert),
        _ => None,
    }
}

fn secret_name(name: &str) -> SecretName {
    SecretName {
        namespace: "default".into(),
        name: name.into(),
    }
}

fn key() -> KeyPair {
    KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap()
}
