//! What of a certificate that is wanted may be asked for, and what its failures are of.
//!
//! Deliberately absent: whether it is due.

use base64ct::Encoding;
use nuncio_routing::Issuance;

use crate::kubernetes::secrets::Secrets;
use crate::remark::quoted;

/// What is longer is no authority's address, and no person's.
const LONGEST_AUTHORITY: usize = 512;
const LONGEST_EMAIL: usize = 254;

/// Why a certificate cannot be asked for as it is wanted: `names` are those that may be, with all below
/// them; any when `None`.
pub(super) fn unaskable(issuance: &Issuance, names: Option<&[Box<str>]>) -> Option<String> {
    if names.is_some_and(|names| !names.iter().any(|name| is_below(&issuance.hostname, name))) {
        return Some("the hostname is none of --acme-hostnames".to_owned());
    }
    let mut secrets = [&issuance.secret, &issuance.account].into_iter();
    if let Some(name) = secrets.find(|name| !Secrets::can_be(name)) {
        return Some(quoted(&format!("{name} is no name that a Secret can have")));
    }
    let email = issuance.email.as_deref().unwrap_or_default();
    let is_too_long = issuance.authority.len() > LONGEST_AUTHORITY || email.len() > LONGEST_EMAIL;
    is_too_long.then(|| "`authority` or `email` is too long".to_owned())
}

/// What failures are of: another subject begins anew. As long for everybody.
pub(super) fn subject(issuance: &Issuance) -> String {
    let Issuance {
        hostname,
        authority,
        email,
        secret,
        ..
    } = issuance;
    let email = email.as_deref().unwrap_or_default();
    let text = format!("{hostname} {authority} {email} {secret}");
    let digest = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    let digest = base64ct::Base64UrlUnpadded::encode_string(digest.as_ref());
    format!("{}/{digest}", secret.namespace)
}

/// Whether a hostname is `name`, or below it.
fn is_below(hostname: &str, name: &str) -> bool {
    let Some(start) = hostname.len().checked_sub(name.len()) else {
        return false;
    };
    let (above, end) = hostname.as_bytes().split_at(start);
    end.eq_ignore_ascii_case(name.as_bytes()) && (above.is_empty() || above.ends_with(b"."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kubernetes::acme::tests::issuance;

    #[test]
    fn only_names_that_secrets_can_have_are_asked_about() {
        assert_eq!(unaskable(&issuance("default", "shop"), None), None);
        for name in ["../../other/secrets/x", "a?b", "a#b", "a b", "A", ".."] {
            let by_secret = issuance("default", name);
            let by_account = Issuance {
                secret: issuance("default", "shop").secret,
                ..by_secret.clone()
            };
            for wrong in [by_secret, by_account] {
                assert!(unaskable(&wrong, None).is_some(), "{name}");
            }
        }
    }

    #[test]
    fn what_is_too_long_for_the_board_is_not_asked_for() {
        let long = Issuance {
            authority: format!("https://acme.test/{}", "a".repeat(60_000)).into(),
            ..issuance("default", "shop")
        };
        assert!(unaskable(&long, None).unwrap().contains("too long"));
        assert!(subject(&long).len() < 128);
        assert_ne!(subject(&long), subject(&issuance("default", "shop")));
    }

    #[test]
    fn only_the_names_that_are_granted_are_asked_for() {
        let of = |hostname: &str| Issuance {
            hostname: hostname.into(),
            ..issuance("default", "shop")
        };
        let names: [Box<str>; 2] = ["shop.test".into(), "example.com".into()];
        for granted in [
            "shop.test",
            "a.b.shop.test",
            "Example.COM",
            "www.example.com",
        ] {
            assert_eq!(unaskable(&of(granted), Some(&names)), None, "{granted}");
        }
        for other in ["myshop.test", "test", "shop.test.evil.test", "example.org"] {
            assert!(unaskable(&of(other), Some(&names)).is_some(), "{other}");
        }
        assert!(unaskable(&of("shop.test"), Some(&[])).is_some());
    }
}
