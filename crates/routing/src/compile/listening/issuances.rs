//! The certificates that Hosts have authorities asked for (`acmeProvider`).
//!
//! Names are proven by HTTP (RFC 8555 section 8.3), which proves no wildcard. Unlike Edge Stack nothing
//! is filled in but the authority and the account: a Host without `tlsSecret` has no certificate.
//!
//! Deliberately absent: whether a certificate is there already.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use nuncio_config::{AcmeProvider, Host, HostMatch, Kind, Resource, SecretRef};

use super::hosts::Served;
use crate::compile::report::Report;
use crate::compile::routes::Surroundings;
use crate::listening::without_port;
use crate::{Issuance, SecretName};

/// Asked where nobody is named.
const LETS_ENCRYPT: &str = "https://acme-v02.api.letsencrypt.org/directory";

/// What a Secret's name may have.
const LONGEST_NAME: usize = 253;

/// Why nobody is asked.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("without `tlsSecret` there is no place for the certificate")]
    NoPlace,
    #[error("certificates are kept in the Host's own namespace")]
    Elsewhere,
    #[error("{0} is no name that can be proven by HTTP")]
    Unprovable(Box<str>),
    #[error("`tlsSecret` and `privateKeySecret` are the same")]
    KeyInPlace,
    #[error("the same `tlsSecret` is for the certificate of {0}")]
    Taken(Box<str>),
}

impl Surroundings<'_> {
    /// What authorities are to be asked for, by Secrets.
    pub(super) fn issuances(&self, served: &[Served<'_>], report: &mut Report) -> Arc<[Issuance]> {
        let mut all: BTreeMap<SecretName, Issuance> = BTreeMap::new();
        for served in served {
            let Some((resource, host, provider)) = provided(served) else {
                continue;
            };
            let asked = issuance((resource, host), provider, &served.pattern);
            let asked = asked.and_then(|issuance| match all.get(&issuance.secret) {
                Some(first) => Err(Unasked::Taken(first.hostname.clone())),
                None => Ok(issuance),
            });
            match asked {
                Ok(issuance) => {
                    all.insert(issuance.secret.clone(), issuance);
                }
                Err(why) => {
                    let reason = format_args!("acmeProvider: {why}; nobody is asked for one");
                    report.warning(resource, reason);
                }
            }
        }
        all.into_values().collect()
    }
}

/// The Host, if it is served and has a provider.
fn provided<'r>(served: &Served<'r>) -> Option<(&'r Resource, &'r Host, &'r AcmeProvider)> {
    let resource = served.resource?;
    let Kind::Host(host) = &resource.kind else {
        return None;
    };
    let provider = host.acme.as_deref()?;
    let is_right = served.host.termination.is_some() || host.tls_secret.is_none();
    is_right.then_some((resource, host, provider))
}

fn issuance(
    (resource, host): (&Resource, &Host),
    provider: &AcmeProvider,
    pattern: &HostMatch,
) -> Result<Issuance, Unasked> {
    let hostname = provable(pattern).ok_or_else(|| Unasked::Unprovable(host.hostname.clone()))?;
    let place = host.tls_secret.as_ref().ok_or(Unasked::NoPlace)?;
    let authority = provider.authority.as_deref().unwrap_or(LETS_ENCRYPT);
    let account = match &provider.private_key_secret {
        Some(secret) => own(secret, resource)?,
        None => SecretName {
            namespace: resource.namespace.clone(),
            name: account_of(authority, provider.email.as_deref()),
        },
    };
    let secret = own(place, resource)?;
    if secret == account {
        return Err(Unasked::KeyInPlace);
    }
    Ok(Issuance {
        at: resource.at.clone(),
        hostname: hostname.into(),
        secret,
        authority: authority.into(),
        email: provider.email.clone(),
        account,
    })
}

/// The name without its port, if an authority can ask for a file there.
fn provable(pattern: &HostMatch) -> Option<&str> {
    let HostMatch::Exact(authority) = pattern else {
        return None;
    };
    let name = without_port(authority);
    let is_name = name
        .bytes()
        .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, b'-' | b'.'));
    (is_name && !name.is_empty() && name.parse::<IpAddr>().is_err()).then_some(name)
}

fn own(secret: &SecretRef, resource: &Resource) -> Result<SecretName, Unasked> {
    let namespace = secret.namespace.as_deref();
    match namespace.is_none_or(|namespace| *namespace == *resource.namespace) {
        true => Ok(SecretName {
            namespace: resource.namespace.clone(),
            name: secret.name.clone(),
        }),
        false => Err(Unasked::Elsewhere),
    }
}

/// Where the key of an account is kept unless somebody says so: one Secret for each authority and
/// address.
fn account_of(authority: &str, email: Option<&str>) -> Box<str> {
    let place = authority.split("://").last().unwrap_or(authority);
    let said = format!("acme-account-{place}-{}", email.unwrap_or("nobody"));
    let plain = |c: char| match c.to_ascii_lowercase() {
        c if c.is_ascii_lowercase() || c.is_ascii_digit() => c,
        _ => '-',
    };
    let name: String = said.chars().map(plain).take(LONGEST_NAME).collect();
    name.trim_end_matches('-').into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_a_secret_for_each_authority_and_address() {
        let name = account_of(LETS_ENCRYPT, Some("Ops@Example.com"));
        let expected = "acme-account-acme-v02-api-letsencrypt-org-directory-ops-example-com";
        assert_eq!(&*name, expected);
        assert_ne!(name, account_of(LETS_ENCRYPT, None));
        assert!(account_of(&"é/".repeat(300), None).len() <= LONGEST_NAME);
    }

    #[test]
    fn only_names_are_proven() {
        let exact = |text: &str| provable(&HostMatch::Exact(text.into())).map(str::to_owned);
        assert_eq!(exact("shop.test:8443").as_deref(), Some("shop.test"));
        for none in ["10.0.0.1", "[::1]", "", "shop test", "shop_test"] {
            assert_eq!(exact(none), None, "{none}");
        }
        assert_eq!(provable(&HostMatch::Any), None);
        assert_eq!(provable(&HostMatch::Suffix(".test".into())), None);
    }
}
