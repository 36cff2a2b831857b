//! Certificates and keys, made for a test.

use std::time::{Duration, SystemTime};

use base64ct::{Base64, Encoding};
use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};

/// A certificate and its key.
pub(in crate::credentials) struct Pair {
    pub(in crate::credentials) certificate: String,
    pub(in crate::credentials) key: String,
}

impl Pair {
    /// Good for a day.
    pub(in crate::credentials) fn of(name: &str) -> Self {
        Self::until(name, SystemTime::now() + Duration::from_hours(24))
    }

    /// Expired yesterday.
    pub(super) fn expired(name: &str) -> Self {
        Self::until(name, SystemTime::now() - Duration::from_hours(24))
    }

    /// Good for the two days before.
    pub(in crate::credentials) fn until(name: &str, end: SystemTime) -> Self {
        let mut params = CertificateParams::new([name.to_owned()]).unwrap();
        params.not_before = (end - Duration::from_hours(48)).into();
        params.not_after = end.into();
        let key = KeyPair::generate().unwrap();
        Self {
            certificate: pem("CERTIFICATE", params.self_signed(&key).unwrap().der()),
            key: pem("PRIVATE KEY", key.serialized_der()),
        }
    }

    /// As a manifest of the Secret `edge`, its values in `field`.
    pub(super) fn secret_manifest(&self, field: &str) -> String {
        let values = [("tls.crt", &self.certificate), ("tls.key", &self.key)];
        let mut text = format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: edge\n{field}:\n");
        for (key, value) in values {
            let value = match field {
                "data" => Base64::encode_string(value.as_bytes()),
                _ => value.clone(),
            };
            let block = value.replace('\n', "\n    ");
            text.push_str(&format!("  {key}: |\n    {block}\n"));
        }
        text
    }

    /// As a Secret of the API server.
    pub(super) fn secret(&self) -> Value {
        secret(&[("tls.crt", &self.certificate), ("tls.key", &self.key)])
    }
}

/// A Secret of these values.
pub(super) fn secret(values: &[(&str, &str)]) -> Value {
    let mut data = json!({});
    for (key, value) in values {
        data[*key] = json!(Base64::encode_string(value.as_bytes()));
    }
    json!({"type": "kubernetes.io/tls", "data": data})
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = Base64::encode_string(der);
    let lines: Vec<_> = text
        .as_bytes()
        .chunks(64)
        .map(String::from_utf8_lossy)
        .collect();
    let lines = lines.join("\n");
    format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n")
}
