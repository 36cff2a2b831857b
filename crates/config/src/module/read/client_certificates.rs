//! What upstreams are told of clients' certificates.

use crate::fields::Fields;
use crate::module::{ClientCertDetails, ForwardClientCert};
use crate::quote::quoted;

pub(super) fn forward(fields: &mut Fields<'_, '_>) -> Option<ForwardClientCert> {
    let expected = "`SANITIZE`, `FORWARD_ONLY`, `APPEND_FORWARD`, `SANITIZE_SET` or \
                    `ALWAYS_FORWARD_ONLY`";
    fields.read("forward_client_cert_details", expected, |entry| {
        Some(match entry.value.text()? {
            "SANITIZE" => ForwardClientCert::Sanitize,
            "FORWARD_ONLY" => ForwardClientCert::ForwardOnly,
            "APPEND_FORWARD" => ForwardClientCert::AppendForward,
            "SANITIZE_SET" => ForwardClientCert::SanitizeSet,
            "ALWAYS_FORWARD_ONLY" => ForwardClientCert::AlwaysForwardOnly,
            _ => return None,
        })
    })
}

/// Another key is an error, as in Emissary.
pub(super) fn details(fields: &mut Fields<'_, '_>) -> Option<ClientCertDetails> {
    fields.section("set_current_client_cert_details", |fields| {
        for entry in fields.entries() {
            if !DETAILS.contains(&&*entry.key) {
                let key = quoted(&entry.key);
                let reason = format!(
                    "`set_current_client_cert_details` may not contain {key}; it may only contain \
                     `subject`, `cert`, `chain`, `dns` and `uri`"
                );
                fields.error(entry.line, reason);
            }
        }
        let [subject, cert, chain, dns, uri] =
            DETAILS.map(|key| fields.boolean(key).unwrap_or(false));
        ClientCertDetails {
            subject,
            cert,
            chain,
            dns,
            uri,
        }
    })
}

const DETAILS: [&str; 5] = ["subject", "cert", "chain", "dns", "uri"];
