//! Authorities that issue certificates as tests want them, and handshakes without a network.
#![allow(dead_code, reason = "each test file uses a part of it")]

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use nuncio_routing::{
    ClientVerification, IdentitySource, Origination, Source, Termination, TlsTerms,
};
use nuncio_tls::{Authorities, Identity, Needed, Revocations, Tickets, client_config, server_name};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, DnType, IsCa, Issuer,
    KeyIdMethod, KeyPair, KeyUsagePurpose, RevokedCertParams, SerialNumber, date_time_ymd,
};
use rustls::{
    ClientConfig, ClientConnection, HandshakeKind, ProtocolVersion, ServerConfig, ServerConnection,
    SupportedCipherSuite,
};

/// Somebody who issues certificates.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    pub(crate) pem: String,
}

/// A certificate and its key as texts.
pub(crate) struct Issued {
    pub(crate) chain: String,
    pub(crate) key: String,
    serial: SerialNumber,
}

impl Authority {
    pub(crate) fn named(name: &str) -> Self {
        Self::named_with(name, |_| {})
    }

    pub(crate) fn named_with(name: &str, change: impl FnOnce(&mut CertificateParams)) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = authority(name);
        change(&mut params);
        let pem = pem("CERTIFICATE", params.self_signed(&key).unwrap().der());
        Self {
            issuer: Issuer::new(params, key),
            pem,
        }
    }

    /// One that this one vouches for.
    pub(crate) fn below(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let params = authority(name);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Self {
            issuer: Issuer::new(params, key),
            pem: pem("CERTIFICATE", certificate.der()),
        }
    }

    pub(crate) fn issue(&self, name: &str) -> Issued {
        self.issue_with(name, |_| {})
    }

    pub(crate) fn issue_with(
        &self,
        name: &str,
        change: impl FnOnce(&mut CertificateParams),
    ) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.serial_number = Some(serial());
        change(&mut params);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Issued {
            chain: pem("CERTIFICATE", certificate.der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
            serial: params.serial_number.unwrap(),
        }
    }

    /// A list that is in force.
    pub(crate) fn list(&self, revoked: &[&Issued]) -> String {
        self.list_until(revoked, 2100)
    }

    pub(crate) fn list_until(&self, revoked: &[&Issued], year: i32) -> String {
        let revoked = revoked.iter().map(|issued| RevokedCertParams {
            serial_number: issued.serial.clone(),
            revocation_time: date_time_ymd(2020, 1, 1),
            reason_code: None,
            invalidity_date: None,
        });
        let params = CertificateRevocationListParams {
            this_update: date_time_ymd(2020, 1, 1),
            next_update: date_time_ymd(year, 1, 1),
            crl_number: SerialNumber::from(1),
            issuing_distribution_point: None,
            revoked_certs: revoked.collect(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        pem("X509 CRL", params.signed_by(&self.issuer).unwrap().der())
    }
}

impl Issued {
    pub(crate) fn identity(&self) -> Identity {
        Identity::from_pem(self.chain.as_bytes(), self.key.as_bytes()).unwrap()
    }
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn serial() -> SerialNumber {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(1);
    SerialNumber::from(NEXT.fetch_add(1, Ordering::Relaxed))
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = Base64::encode_string(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

/// A certificate and its key in one text, as they were made once.
pub(crate) fn fixture(name: &str) -> Vec<u8> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/");
    std::fs::read(format!("{directory}{name}")).unwrap()
}

pub(crate) fn pair(name: &str) -> Result<Identity, nuncio_tls::Unusable> {
    let text = fixture(name);
    Identity::from_pem(&text, &text)
}

/// The gateway's side: its rules and what they name.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) identity: Option<Identity>,
    pub(crate) authorities: Option<Authorities>,
    pub(crate) revocations: Option<Revocations>,
    pub(crate) terms: TlsTerms,
    pub(crate) required: bool,
    pub(crate) sni: Option<Box<str>>,
    /// Whether clients are asked for certificates without authorities to verify them.
    pub(crate) asks: bool,
    pub(crate) http2: bool,
}

impl Side {
    pub(crate) fn with(identity: Identity) -> Self {
        Self {
            identity: Some(identity),
            ..Self::default()
        }
    }

    pub(crate) fn authorities(mut self, pem: &str) -> Self {
        self.authorities = Some(Authorities::from_pem(pem.as_bytes(), false).unwrap());
        self
    }

    pub(crate) fn revocations(mut self, pem: &str) -> Self {
        self.revocations = Some(Revocations::from_pem(pem.as_bytes()).unwrap());
        self
    }

    pub(crate) fn terms(mut self, change: impl FnOnce(&mut TlsTerms)) -> Self {
        change(&mut self.terms);
        self
    }

    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) fn sni(mut self, name: &str) -> Self {
        self.sni = Some(name.into());
        self
    }

    fn needed(&self) -> Needed<'_> {
        Needed {
            identity: self.identity.as_ref(),
            authorities: self.authorities.as_ref(),
            revocations: self.revocations.as_ref(),
        }
    }

    pub(crate) fn termination(&self) -> Termination {
        let verifies = self.authorities.is_some() || self.required || self.asks;
        let clients = verifies.then(|| {
            Arc::new(ClientVerification {
                authorities: self.authorities.as_ref().map(|_| named("authorities")),
                revocations: self.revocations.as_ref().map(|_| named("revocations")),
                required: self.required,
            })
        });
        Termination {
            context: "TLSContext a.default".into(),
            identity: IdentitySource::SelfSigned,
            clients,
            terms: self.terms.clone(),
            offers_http: false,
            found: false,
        }
    }

    pub(crate) fn origination(&self) -> Origination {
        Origination {
            context: None,
            identity: self.identity.as_ref().map(|_| IdentitySource::SelfSigned),
            authorities: self.authorities.as_ref().map(|_| named("authorities")),
            revocations: self.revocations.as_ref().map(|_| named("revocations")),
            sni: self.sni.clone(),
            terms: self.terms.clone(),
        }
    }

    pub(crate) fn server(&self, tickets: &Tickets) -> Arc<ServerConfig> {
        nuncio_tls::server_config(&self.termination(), &self.needed(), tickets).unwrap()
    }

    pub(crate) fn client(&self) -> Arc<ClientConfig> {
        client_config(&self.origination(), self.http2, &self.needed()).unwrap()
    }

    /// Both sides, with the client told what the client's side says.
    pub(crate) fn meets(&self, client: &Self) -> Result<Met, Box<Refused>> {
        let server = self.server(&Tickets::new().unwrap());
        meet(&server, &client.client(), &client.origination())
    }
}

fn named(name: &str) -> Source {
    Source::File(name.into())
}

/// What two sides agreed on.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) version: ProtocolVersion,
    pub(crate) suite: SupportedCipherSuite,
    pub(crate) alpn: Option<Vec<u8>>,
    pub(crate) sni: Option<String>,
    pub(crate) kind: HandshakeKind,
    pub(crate) curve: Option<rustls::NamedGroup>,
    /// What the server has of the client's certificate, and the other way round.
    pub(crate) client: Vec<Vec<u8>>,
    pub(crate) server: Vec<Vec<u8>>,
}

/// Why there was no connection, as either side has it.
#[derive(Debug)]
pub(crate) struct Refused {
    pub(crate) server: Option<rustls::Error>,
    pub(crate) client: Option<rustls::Error>,
}

/// A handshake, and a byte in each direction so that tickets arrive.
pub(crate) fn meet(
    server: &Arc<ServerConfig>,
    client: &Arc<ClientConfig>,
    origination: &Origination,
) -> Result<Met, Box<Refused>> {
    let name = server_name(origination, IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap();
    let mut server = ServerConnection::new(Arc::clone(server)).unwrap();
    let mut client = ClientConnection::new(Arc::clone(client), name).unwrap();
    client.writer().write_all(b"?").unwrap();
    server.writer().write_all(b"!").unwrap();
    let mut refused = Box::new(Refused {
        server: None,
        client: None,
    });
    while client.wants_write() || server.wants_write() {
        let mut bytes = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut bytes).unwrap();
        }
        while server
            .read_tls(&mut std::mem::take(&mut bytes).as_slice())
            .unwrap()
            > 0
        {}
        refused.server = refused.server.or(server.process_new_packets().err());
        while server.wants_write() {
            server.write_tls(&mut bytes).unwrap();
        }
        let mut rest = bytes.as_slice();
        while !rest.is_empty() {
            client.read_tls(&mut rest).unwrap();
            refused.client = refused.client.or(client.process_new_packets().err());
            if refused.client.is_some() {
                break;
            }
        }
    }
    if refused.server.is_some() || refused.client.is_some() {
        return Err(refused);
    }
    let mut byte = [0];
    server.reader().read_exact(&mut byte).unwrap();
    client.reader().read_exact(&mut byte).unwrap();
    let certificates = |chain: Option<&[rustls::pki_types::CertificateDer<'_>]>| {
        chain
            .unwrap_or_default()
            .iter()
            .map(|der| der.to_vec())
            .collect()
    };
    Ok(Met {
        version: server.protocol_version().unwrap(),
        suite: server.negotiated_cipher_suite().unwrap(),
        alpn: server.alpn_protocol().map(<[u8]>::to_vec),
        sni: server.server_name().map(str::to_owned),
        kind: server.handshake_kind().unwrap(),
        curve: server
            .negotiated_key_exchange_group()
            .map(|group| group.name()),
        client: certificates(server.peer_certificates()),
        server: certificates(client.peer_certificates()),
    })
}
