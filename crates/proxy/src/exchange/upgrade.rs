//! Requests that turn their connection into something else: WebSocket, and what a Mapping allows
//! besides.
//!
//! Invariant: what is forwarded as such a request has no body, so that behind its head there is
//! nothing but the other protocol.
//!
//! Deliberately absent: extended CONNECT (RFC 8441), which Emissary does not offer to HTTP/2
//! clients either.

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode, Version};
use nuncio_routing::Forward;
use pingora_core::Result;
use pingora_http::{RequestHeader, ResponseHeader};

use super::head::{self, Refusal};

/// What `received` wants its connection to become on a Route to `to`, in its own spelling; `None`
/// for nothing, or what Envoy ignores too.
pub(super) fn asked(
    received: &RequestHeader,
    to: &Forward,
) -> Result<Option<HeaderValue>, Refusal> {
    if !head::asks_for_upgrade(received) {
        return Ok(None);
    }
    let mut tokens = received.headers.get_all(UPGRADE).iter();
    let (Some(token), None) = (tokens.next(), tokens.next()) else {
        return Err(Refusal::UpgradeForbidden);
    };
    // The field does not exist in HTTP/2 (RFC 9113 section 8.2.2).
    if received.version != Version::HTTP_11 || !is_allowed(token, to) {
        return Err(Refusal::UpgradeForbidden);
    }
    match has_body(&received.headers) {
        // Nobody could say where it ends.
        true => Err(Refusal::Malformed),
        false => Ok(Some(token.clone())),
    }
}

/// Asks the upstream for `token`.
///
/// # Errors
///
/// When the fields cannot be held.
pub(super) fn announce(head: &mut RequestHeader, token: &HeaderValue) -> Result<()> {
    head.insert_header(CONNECTION, HeaderValue::from_static("Upgrade"))?;
    head.insert_header(UPGRADE, token.clone())
}

/// Whether `received` gives the client the protocol it asked for, and no other (RFC 9110 section 7.8).
pub(super) fn is_granted(received: &ResponseHeader, asked: &HeaderValue) -> bool {
    let mut tokens = received.headers.get_all(UPGRADE).iter();
    let (Some(token), None) = (tokens.next(), tokens.next()) else {
        return false;
    };
    received.status == StatusCode::SWITCHING_PROTOCOLS
        && received.version == Version::HTTP_11
        && is_alike(token, asked)
}

/// Makes `head`, which was made from `received` as for any answer, the end of HTTP on the
/// connection.
///
/// # Errors
///
/// When the fields cannot be held.
pub(super) fn confirm(head: &mut ResponseHeader, received: &ResponseHeader) -> Result<()> {
    head.remove_header(&CONTENT_LENGTH);
    head.remove_header(&TRANSFER_ENCODING);
    head.insert_header(CONNECTION, HeaderValue::from_static("Upgrade"))?;
    match received.headers.get(UPGRADE) {
        Some(token) => head.insert_header(UPGRADE, token.clone()),
        None => Ok(()),
    }
}

fn is_alike(token: &HeaderValue, other: &HeaderValue) -> bool {
    let (token, other) = (token.as_bytes(), other.as_bytes());
    token.trim_ascii().eq_ignore_ascii_case(other.trim_ascii())
}

fn is_allowed(token: &HeaderValue, to: &Forward) -> bool {
    let token = token.as_bytes().trim_ascii();
    to.upgrades
        .iter()
        .any(|allowed| token.eq_ignore_ascii_case(allowed.as_bytes()))
}

fn has_body(headers: &HeaderMap) -> bool {
    let is_some = |length: &HeaderValue| length.as_bytes() != b"0";
    headers.contains_key(TRANSFER_ENCODING) || headers.get(CONTENT_LENGTH).is_some_and(is_some)
}
