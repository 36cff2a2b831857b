//! Names of clusters and of their statistics, as in Emissary 4.1 (`IRCluster`, `IR.finalize`).
//!
//! Dashboards and alerts are built on these names: they are part of the contract with users.

use std::fmt::Write;

use nuncio_config::{Qualified, Scheme, Service};
use sha1::{Digest, Sha1};

/// The name before it is shortened: `cluster_<service>[_otls[_<context>]][_hr-<host>]_<namespace>`,
/// anything but letters, digits and `_` replaced by `_`. Breakers and load balancing will follow.
pub(super) fn full(
    service: &Service,
    qualified: &Qualified,
    host_rewrite: Option<&str>,
    namespace: &str,
) -> String {
    let scheme = service.scheme.map(Scheme::as_str).unwrap_or_default();
    let mut name = format!("cluster_{scheme}{}", qualified.authority);
    if service.tls {
        name.push_str("_otls");
        // With a scheme it was the scheme that asked for TLS.
        if let (None, Some(context)) = (service.scheme, &service.tls_context) {
            name.extend(["_", context]);
        }
        if let Some(host) = host_rewrite {
            name.extend(["_hr-", host]);
        }
    }
    name.extend(["_", namespace]);
    normalised(&name)
}

/// The name for statistics: the service without its scheme.
pub(super) fn stats(qualified: &Qualified) -> Box<str> {
    normalised(&qualified.authority).into()
}

/// The name to use for the `nth` cluster with this full name. Names over 60 characters become 40
/// characters, 16 digits of their SHA-1 and the number; Envoy once refused longer ones.
///
/// Where short names collide (`foo-bar` and `foo.bar`), Emissary sends the second Mapping to the
/// first one's service; here the second cluster gets a number.
pub(super) fn unique(full: &str, nth: usize) -> Box<str> {
    if full.len() > MAX_LEN {
        let start = full.get(..KEPT_LEN).unwrap_or(full);
        return format!("{start}-{}-{nth}", digest(full)).into();
    }
    match nth {
        0 => full.into(),
        _ => format!("{full}-{nth}").into(),
    }
}

const MAX_LEN: usize = 60;
const KEPT_LEN: usize = 40;

fn digest(text: &str) -> String {
    Sha1::digest(text)
        .iter()
        .take(8)
        .fold(String::with_capacity(16), |mut hex, byte| {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{byte:02X}");
            hex
        })
}

fn normalised(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '_' })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_up_to_sixty_characters_are_kept() {
        let name = "c".repeat(60);
        assert_eq!(&*unique(&name, 0), name);
    }

    #[test]
    fn longer_names_keep_forty_characters_and_get_a_digest() {
        let name = "c".repeat(61);
        assert_eq!(
            &*unique(&name, 0),
            format!("{}-1DB2AD54191975B1-0", &name[..40])
        );
    }

    #[test]
    fn clusters_whose_names_collide_are_numbered() {
        assert_eq!(
            &*unique("cluster_foo_bar_default", 1),
            "cluster_foo_bar_default-1"
        );
    }
}
