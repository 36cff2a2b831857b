//! What a Secret holds, or files in its place, and what it is good for.
//!
//! Which keys count, in which types of Secrets, is Emissary's (`fetch/secret.py`, `utils.SecretInfo`).
//!
//! Invariant: every value is zeroed when it is dropped, and none is in a `Debug`.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use base64ct::{Base64, Encoding};
use k8s_openapi::ByteString;
use nuncio_config::{ManifestSecret, SecretForm};
use nuncio_routing::Credential;
use nuncio_tls::{Authorities, Identity, Material, Revocations, Unusable};
use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use zeroize::Zeroizing;

/// The values of the keys that count.
#[derive(Default)]
pub(crate) struct Pieces {
    values: Vec<(&'static str, Zeroizing<Vec<u8>>)>,
    /// The type of the Secret, where it is none that is read.
    foreign: Option<Box<str>>,
    /// There are no keys that anybody has written.
    are_files: bool,
}

/// Why something cannot be had of what was found.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    #[error("type {0} is not read (Opaque, kubernetes.io/tls and istio.io/key-and-cert are)")]
    Foreign(Box<str>),
    #[error("no {0}")]
    Lacking(&'static str),
    #[error("{keys}: {source}")]
    Unusable {
        keys: &'static str,
        source: Unusable,
    },
    #[error("{0}")]
    UnusableFile(#[source] Unusable),
    #[error("empty")]
    EmptyFile,
    #[error("internal error (a panic, see the log)")]
    Internal,
}

const CERTIFICATES: [&str; 2] = ["tls.crt", "cert-chain.pem"];
const KEYS: [&str; 2] = ["tls.key", "key.pem"];
const AUTHORITIES: [&str; 4] = ["tls.crt", "cert-chain.pem", "root-cert.pem", "ca.crt"];
const REVOCATIONS: [&str; 1] = ["crl.pem"];
const REQUIRED: &str = "cert_required";

/// All of them, once each.
const KNOWN: [&str; 8] = [
    "tls.crt",
    "cert-chain.pem",
    "tls.key",
    "key.pem",
    "root-cert.pem",
    "ca.crt",
    "crl.pem",
    REQUIRED,
];

const TYPES: [&str; 3] = ["Opaque", "kubernetes.io/tls", "istio.io/key-and-cert"];

impl Pieces {
    /// Of a Secret that the API server sent. What cannot be read is left out.
    pub(crate) fn of_secret(text: &str) -> Self {
        let secret: Secret<'_> = serde_json::from_str(text).unwrap_or_default();
        let mut pieces = secret.data.unwrap_or_default().0;
        pieces.set_type(secret.r#type.as_deref());
        pieces
    }

    /// Of a Secret in a manifest file.
    pub(crate) fn of_manifest(secret: ManifestSecret) -> Self {
        let mut pieces = Self::default();
        pieces.set_type(secret.secret_type.as_deref());
        for value in secret.values {
            let text = Zeroizing::new(value.text.into_string());
            let bytes = match value.form {
                SecretForm::Plain => Zeroizing::new(text.as_bytes().to_vec()),
                // As Emissary takes it, too.
                SecretForm::Base64 if text.starts_with("-----BEGIN") => {
                    Zeroizing::new(text.as_bytes().to_vec())
                }
                SecretForm::Base64 => decoded(&text),
            };
            pieces.put(&value.key, bytes);
        }
        pieces
    }

    /// Adds the value of a key, in place of what it was before.
    pub(crate) fn put(&mut self, key: &str, value: Zeroizing<Vec<u8>>) {
        if let Some(known) = KNOWN.iter().find(|known| **known == key) {
            self.values.retain(|(other, _)| other != known);
            self.values.push((known, value));
        }
    }

    /// Sets the type of the Secret; one without is `Opaque`.
    pub(crate) fn set_type(&mut self, name: Option<&str>) {
        let foreign = name.filter(|name| !name.is_empty() && !TYPES.contains(name));
        self.foreign = foreign.map(Box::from);
    }

    /// What the two files of a certificate and its key hold, or one file of anything else.
    pub(super) fn of_files(values: Vec<Zeroizing<Vec<u8>>>) -> Self {
        let mut pieces = Self {
            are_files: true,
            ..Self::default()
        };
        let mut values = values.into_iter();
        match (values.next(), values.next()) {
            (Some(chain), Some(key)) => {
                pieces.put("tls.crt", chain);
                pieces.put("tls.key", key);
            }
            (Some(only), None) => {
                pieces.put("crl.pem", only.clone());
                pieces.put("tls.crt", only);
            }
            (None, _) => {}
        }
        pieces
    }

    /// Makes the credential of it.
    pub(super) fn material(&self, of: &Credential) -> Result<Material, Unfit> {
        if let Some(foreign) = &self.foreign {
            return Err(Unfit::Foreign(foreign.clone()));
        }
        let (keys, made) = match of {
            Credential::Identity(_) => {
                let (chain_key, chain) = self.first(&CERTIFICATES, "tls.crt")?;
                let (_, key) = self.first(&KEYS, "tls.key")?;
                let made = Identity::from_pem(chain, key);
                let keys = match chain_key {
                    "tls.crt" => "tls.crt, tls.key",
                    _ => "cert-chain.pem, key.pem",
                };
                (keys, made.map(|one| Material::Identity(Arc::new(one))))
            }
            Credential::Authorities(_) => {
                let (key, pem) = self.first(&AUTHORITIES, "tls.crt")?;
                let made = Authorities::from_pem(pem, self.requires());
                (key, made.map(|one| Material::Authorities(Arc::new(one))))
            }
            Credential::Revocations(_) => {
                let (key, pem) = self.first(&REVOCATIONS, "crl.pem")?;
                let made = Revocations::from_pem(pem);
                (key, made.map(|one| Material::Revocations(Arc::new(one))))
            }
        };
        made.map_err(|source| match self.are_files {
            true => Unfit::UnusableFile(source),
            false => Unfit::Unusable { keys, source },
        })
    }

    fn first(&self, keys: &[&str], usual: &'static str) -> Result<(&'static str, &[u8]), Unfit> {
        let value = |wanted: &&str| {
            let mut values = self.values.iter();
            values.find(|(key, value)| key == wanted && !value.is_empty())
        };
        let found = keys.iter().find_map(value);
        let (key, value) = found.ok_or(match self.are_files {
            true => Unfit::EmptyFile,
            false => Unfit::Lacking(usual),
        })?;
        Ok((key, value))
    }

    /// Ambassador 0.21 let the Secret of the authorities say that clients have to have a certificate.
    fn requires(&self) -> bool {
        let said = self.first(&[REQUIRED], REQUIRED);
        said.is_ok_and(|(_, value)| value.trim_ascii().eq_ignore_ascii_case(b"true"))
    }
}

impl fmt::Debug for Pieces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.values.iter().map(|(key, _)| *key);
        f.debug_set().entries(keys).finish()
    }
}

/// What base64 stands for, which may be broken into lines; nothing when it is no base64.
fn decoded(text: &str) -> Zeroizing<Vec<u8>> {
    let mut whole = Zeroizing::new(String::with_capacity(text.len()));
    whole.extend(text.split_ascii_whitespace());
    Zeroizing::new(Base64::decode_vec(&whole).unwrap_or_default())
}

#[derive(Default, Deserialize)]
struct Secret<'a> {
    #[serde(borrow, default)]
    r#type: Option<Cow<'a, str>>,
    #[serde(default)]
    data: Option<Data>,
}

/// Takes what counts out of a map, and passes over the rest.
#[derive(Default)]
struct Data(Pieces);

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = Data;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of base64 texts")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Data, A::Error> {
        let mut pieces = Pieces::default();
        while let Some(key) = map.next_key::<Cow<'de, str>>()? {
            if KNOWN.contains(&&*key) {
                let value: Option<ByteString> = map.next_value()?;
                pieces.put(&key, Zeroizing::new(value.unwrap_or_default().0));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(Data(pieces))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_keys_that_count_are_kept_and_none_is_shown() {
        let text = r#"{"metadata":{"name":"a"},"type":"kubernetes.io/tls","data":{
            "tls.crt":"Y2VydA==","other":"c2VjcmV0","tls.key":"a2V5","ca.crt":null}}"#;
        let pieces = Pieces::of_secret(text);
        assert_eq!(pieces.first(&CERTIFICATES, "").unwrap().1, b"cert");
        assert_eq!(pieces.first(&KEYS, "").unwrap().1, b"key");
        assert_eq!(format!("{pieces:?}"), r#"{"tls.crt", "tls.key", "ca.crt"}"#);
    }

    #[test]
    fn a_file_alone_is_authorities_or_revocations_and_two_are_a_certificate_with_its_key() {
        let file = |text: &str| Zeroizing::new(text.as_bytes().to_vec());
        let one = Pieces::of_files(vec![file("one")]);
        assert_eq!(one.first(&AUTHORITIES, "").unwrap().1, b"one");
        assert_eq!(one.first(&REVOCATIONS, "").unwrap().1, b"one");
        let two = Pieces::of_files(vec![file("chain"), file("key")]);
        assert_eq!(two.first(&CERTIFICATES, "").unwrap().1, b"chain");
        assert_eq!(two.first(&KEYS, "").unwrap().1, b"key");
    }

    #[test]
    fn secrets_of_other_types_are_not_read() {
        let of = |name: &str| {
            let text = format!(r#"{{"type":"{name}","data":{{"crl.pem":"Y2VydA=="}}}}"#);
            Pieces::of_secret(&text).foreign
        };
        assert_eq!(of("Opaque"), None);
        assert_eq!(
            of("kubernetes.io/basic-auth").as_deref(),
            Some("kubernetes.io/basic-auth")
        );
    }

    #[test]
    fn what_is_no_secret_holds_nothing() {
        for text in ["7", "{}", r#"{"data":7}"#, r#"{"data":{"tls.crt":"!"}}"#] {
            assert!(Pieces::of_secret(text).values.is_empty(), "{text}");
        }
    }
}
