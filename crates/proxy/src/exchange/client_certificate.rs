//! `x-forwarded-client-cert`: what the upstream is told of the client's certificate.
//!
//! Invariant: what a client says of its certificate is passed on only where the Module says so; what the
//! gateway says is what was proved in the handshake.
//! The form is Envoy's (`ConnectionManagerUtility::mutateXfccRequestHeader`).

use bytes::{BufMut, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use nuncio_config::{ClientCertDetails, ForwardClientCert};
use nuncio_routing::ConnectionSettings;
use nuncio_tls::Peer;

/// The header's name.
pub(super) const X_FORWARDED_CLIENT_CERT: HeaderName =
    HeaderName::from_static("x-forwarded-client-cert");

/// What goes on, if anything does. `peer`: what the client has proved.
pub(super) fn forwarded(
    received: &HeaderMap,
    settings: &ConnectionSettings,
    peer: Option<&Peer>,
) -> Option<HeaderValue> {
    let details = settings.client_cert_details;
    let came = || joined(received);
    match (settings.forward_client_cert, peer) {
        (ForwardClientCert::AlwaysForwardOnly, _) | (ForwardClientCert::ForwardOnly, Some(_)) => {
            came().and_then(value)
        }
        (ForwardClientCert::SanitizeSet, Some(peer)) => {
            let mut text = BytesMut::new();
            write(peer, details, &mut text);
            value(text)
        }
        (ForwardClientCert::AppendForward, Some(peer)) => {
            let mut text = came().unwrap_or_default();
            if !text.is_empty() {
                text.put_u8(b',');
            }
            write(peer, details, &mut text);
            value(text)
        }
        (ForwardClientCert::Sanitize, _)
        | (
            ForwardClientCert::ForwardOnly
            | ForwardClientCert::SanitizeSet
            | ForwardClientCert::AppendForward,
            None,
        ) => None,
    }
}

fn value(text: BytesMut) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(text.freeze()).ok()
}

/// All lines that came, as one.
fn joined(received: &HeaderMap) -> Option<BytesMut> {
    let mut lines = received.get_all(X_FORWARDED_CLIENT_CERT).iter();
    let mut text = BytesMut::from(lines.next()?.as_bytes());
    for line in lines {
        text.put_u8(b',');
        text.extend_from_slice(line.as_bytes());
    }
    Some(text)
}

fn write(peer: &Peer, details: ClientCertDetails, text: &mut BytesMut) {
    let mut put = |pieces: &[&str]| {
        for piece in pieces {
            text.extend_from_slice(piece.as_bytes());
        }
    };
    put(&["Hash=", peer.hash()]);
    if details.cert {
        put(&[";Cert=\"", peer.certificate(), "\""]);
    }
    if details.chain {
        put(&[";Chain=\"", peer.chain(), "\""]);
    }
    if details.subject {
        put(&[";Subject=\"", peer.subject(), "\""]);
    }
    for uri in peer.facts().uris.iter().filter(|_| details.uri) {
        put(&[";URI=", uri]);
    }
    for name in peer.facts().names.iter().filter(|_| details.dns) {
        put(&[";DNS=", name]);
    }
}

#[cfg(test)]
mod tests {
    use nuncio_routing::Settings;
    use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};
    use tokio_rustls::rustls::pki_types::CertificateDer;

    use super::*;

    fn peer() -> Peer {
        let mut params = CertificateParams::new(vec!["a.example".to_owned()]).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, "a");
        let uri = "spiffe://a/b".try_into().unwrap();
        params.subject_alt_names.push(SanType::URI(uri));
        let certificate = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Peer::of(&[CertificateDer::from(certificate.der().to_vec())]).unwrap()
    }

    fn settings(forward: ForwardClientCert) -> ConnectionSettings {
        ConnectionSettings {
            forward_client_cert: forward,
            client_cert_details: ClientCertDetails {
                subject: true,
                uri: true,
                dns: true,
                ..ClientCertDetails::default()
            },
            ..Settings::default().connections
        }
    }

    fn goes_on(forward: ForwardClientCert, came: &[&'static str], peer: Option<&Peer>) -> String {
        let name = X_FORWARDED_CLIENT_CERT;
        let mut received = HeaderMap::new();
        for line in came {
            received.append(name.clone(), HeaderValue::from_static(line));
        }
        let value = forwarded(&received, &settings(forward), peer);
        value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn who_has_proved_nothing_says_nothing_unless_everybody_may() {
        let of_nobody = |forward| goes_on(forward, &["Hash=forged"], None);
        assert_eq!(of_nobody(ForwardClientCert::Sanitize), "");
        assert_eq!(of_nobody(ForwardClientCert::ForwardOnly), "");
        assert_eq!(of_nobody(ForwardClientCert::AppendForward), "");
        assert_eq!(of_nobody(ForwardClientCert::SanitizeSet), "");
        assert_eq!(
            of_nobody(ForwardClientCert::AlwaysForwardOnly),
            "Hash=forged"
        );
    }

    #[test]
    fn who_has_a_certificate_is_told_of_as_the_module_says() {
        let peer = peer();
        let own = format!(
            "Hash={};Subject=\"CN=a\";URI=spiffe://a/b;DNS=a.example",
            peer.hash()
        );
        let of_peer = |forward| goes_on(forward, &["Hash=1", "Hash=2"], Some(&peer));
        assert_eq!(of_peer(ForwardClientCert::Sanitize), "");
        assert_eq!(of_peer(ForwardClientCert::ForwardOnly), "Hash=1,Hash=2");
        assert_eq!(of_peer(ForwardClientCert::SanitizeSet), own);
        assert_eq!(
            of_peer(ForwardClientCert::AppendForward),
            format!("Hash=1,Hash=2,{own}")
        );
        let alone = goes_on(ForwardClientCert::AppendForward, &[], Some(&peer));
        assert_eq!(alone, own);
    }
}
