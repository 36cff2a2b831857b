//! Certificates and their keys, made for a test.

use std::fmt;
use std::time::{Duration, SystemTime};

use base64ct::{Base64, Encoding};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

/// A certificate that signs itself, and its key.
pub struct Pair {
    /// PEM.
    pub certificate: String,
    /// PEM.
    pub key: String,
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pair")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Pair {
    /// Good for a day.
    ///
    /// # Panics
    /// When `name` is no name.
    pub fn of(name: &str) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        let day = Duration::from_hours(24);
        params.not_before = (SystemTime::now() - day).into();
        params.not_after = (SystemTime::now() + day).into();
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: pem("CERTIFICATE", params.self_signed(&key).unwrap().der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
        }
    }

    /// As the body of a Secret.
    pub fn secret(&self) -> Value {
        let encoded = |text: &str| Base64::encode_string(text.as_bytes());
        let data = json!({"tls.crt": encoded(&self.certificate), "tls.key": encoded(&self.key)});
        json!({"type": "kubernetes.io/tls", "data": data})
    }

    /// As the manifest of a Secret in `default`.
    pub fn manifest(&self, name: &str) -> String {
        let mut secret = self.secret();
        secret["apiVersion"] = json!("v1");
        secret["kind"] = json!("Secret");
        secret["metadata"] = json!({"name": name});
        format!("---\n{secret}\n")
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines = text.as_bytes().chunks(64).map(String::from_utf8_lossy);
    let lines = lines.collect::<Vec<_>>().join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
