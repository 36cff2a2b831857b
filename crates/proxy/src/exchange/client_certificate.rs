//! `x-forwarded-client-cert`: what the upstream is told of the client's certificate.
//!
//! Invariant: what a client says of its certificate is passed on only where the Module says so; what the
//! gateway says is what was proved in the handshake.
//! The form is Envoy's (`ConnectionManagerUtility::mutateXfccRequestHeader`).

use bytes::{BufMut, BytesMut};
use http::header::{HeaderMap, HeaderName, HeaderValue};
use nuncio_config::{ClientCertDetails, ForwardClientCert};
use nuncio_tls::Peer;

/// The header's name.
pub(super) const X_FORWARDED_CLIENT_CERT: HeaderName =
    HeaderName::from_static("x-forwarded-client-cert");

/// What goes on, if anything does. `peer`: what the client has proved.
pub(super) fn forwarded(
    received: &HeaderMap,
    forward: ForwardClientCert,
    details: ClientCertDetails,
    peer: Option<&Peer>,
) -> Option<HeaderValue> {
    let came = || joined(received);
    match (forward, peer) {
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
