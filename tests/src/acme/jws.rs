//! What clients of an authority send: signed JSON (RFC 7515, RFC 8555 section 6.2).

use base64ct::{Base64UrlUnpadded, Encoding};
use ring::digest::{SHA256, digest};
use ring::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde_json::{Value, json};

/// A message, not yet believed.
pub(super) struct Jws {
    pub(super) header: Value,
    /// `null` of a request that only reads.
    pub(super) payload: Value,
    signed: String,
    signature: Vec<u8>,
}

impl Jws {
    pub(super) fn read(body: &[u8]) -> Option<Self> {
        let message: Value = serde_json::from_slice(body).ok()?;
        let text = |key: &str| message[key].as_str();
        let (protected, payload) = (text("protected")?, text("payload")?);
        Some(Self {
            header: serde_json::from_slice(&decoded(protected)?).ok()?,
            payload: serde_json::from_slice(&decoded(payload)?).unwrap_or_default(),
            signed: format!("{protected}.{payload}"),
            signature: decoded(text("signature")?)?,
        })
    }

    pub(super) fn is_by(&self, jwk: &Value) -> bool {
        let part = |key: &str| decoded(jwk[key].as_str()?);
        let (Some(x), Some(y)) = (part("x"), part("y")) else {
            return false;
        };
        let key = [&[4][..], &x, &y].concat();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key);
        key.verify(self.signed.as_bytes(), &self.signature).is_ok()
    }
}

/// RFC 7638.
pub(super) fn thumbprint(jwk: &Value) -> String {
    let members = json!({"crv": jwk["crv"], "kty": jwk["kty"], "x": jwk["x"], "y": jwk["y"]});
    let digest = digest(&SHA256, members.to_string().as_bytes());
    Base64UrlUnpadded::encode_string(digest.as_ref())
}

pub(super) fn decoded(text: &str) -> Option<Vec<u8>> {
    Base64UrlUnpadded::decode_vec(text).ok()
}
