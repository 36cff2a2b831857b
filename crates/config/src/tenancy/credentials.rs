//! Whether certificates and keys are the namespace's own.
//!
//! Invariant: a Secret passes only if it is the namespace's own whatever the Module says of
//! `tls_secret_namespacing`.

use super::{HARDENED, Tenancy};
use crate::fields::Fields;
use crate::quote::quoted;
use crate::{Host, TlsContext};

impl Tenancy<'_> {
    /// Reports what a TLSContext must not name when annotations are hardened.
    pub(crate) fn review_tls(&self, context: &TlsContext, fields: &mut Fields<'_, '_>) {
        if self.is_confined() {
            self.review_material(context, "", fields);
        }
    }

    /// Reports what a Host must not name when annotations are hardened.
    pub(crate) fn review_host(&self, host: &Host, fields: &mut Fields<'_, '_>) {
        if !self.is_confined() {
            return;
        }
        let secret = host.tls_secret.as_ref();
        let namespace = secret.and_then(|secret| secret.namespace.as_deref());
        if let Some(namespace) = namespace.filter(|namespace| *namespace != self.home()) {
            let reason = format!(
                "`tlsSecret`: a Secret of namespace {}; {HARDENED}",
                quoted(namespace)
            );
            fields.error(fields.line_of("tlsSecret"), reason);
        }
        if let Some(context) = &host.tls {
            self.review_material(context, "tls.", fields);
        }
    }

    fn review_material(&self, context: &TlsContext, within: &str, fields: &mut Fields<'_, '_>) {
        let line_of = |fields: &Fields<'_, '_>, key: &str| match within {
            "" => fields.line_of(key),
            _ => fields.line_of(within.trim_end_matches('.')),
        };
        for (key, file) in [
            ("cert_chain_file", &context.cert_chain_file),
            ("private_key_file", &context.private_key_file),
            ("cacert_chain_file", &context.cacert_chain_file),
            ("crl_file", &context.crl_file),
        ] {
            let Some(file) = file else { continue };
            let file = quoted(file);
            let reason = format!("`{within}{key}`: {file} is a file of the gateway's; {HARDENED}");
            fields.error(line_of(fields, key), reason);
        }
        for (key, secret) in [
            ("secret", &context.secret),
            ("ca_secret", &context.ca_secret),
            ("crl_secret", &context.crl_secret),
        ] {
            let beyond = secret
                .as_deref()
                .and_then(|name| self.beyond(name, context));
            let Some(namespace) = beyond else { continue };
            let namespace = quoted(namespace);
            let reason = format!("`{within}{key}`: a Secret of namespace {namespace}; {HARDENED}");
            fields.error(line_of(fields, key), reason);
        }
    }

    /// The namespace that stands in the name of a Secret, if it is another one.
    fn beyond<'s>(&self, name: &'s str, context: &TlsContext) -> Option<&'s str> {
        let (_, namespace) = name.rsplit_once('.')?;
        let is_literal = context.secret_namespacing == Some(false);
        (!is_literal && namespace != self.home()).then_some(namespace)
    }
}
