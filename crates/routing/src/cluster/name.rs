//! Names of clusters and of their statistics, as in Emissary 4.1 (`IRCluster`, `IR.finalize`).
//!
//! Dashboards and alerts are built on these names: they are part of the contract with users.

use std::fmt::Write;

use nuncio_config::{CircuitBreaker, HashOn, LoadBalancer, Priority, Qualified, Scheme, Service};
use sha1::{Digest, Sha1};

/// What the name of a cluster tells.
#[derive(Clone, Copy, Debug)]
pub(crate) struct NameParts<'a> {
    /// `cluster_tag`, or `shadow`.
    pub(crate) marker: Option<&'a str>,
    pub(crate) service: &'a Service,
    pub(crate) qualified: &'a Qualified,
    pub(crate) host_rewrite: Option<&'a str>,
    /// The Mapping's.
    pub(crate) namespace: &'a str,
    pub(crate) circuit_breakers: &'a [CircuitBreaker],
    pub(crate) load_balancer: Option<&'a LoadBalancer>,
    /// v0: the name of a CircuitBreaker.
    pub(crate) circuit_breaker: Option<&'a str>,
    /// v0: the name of an OutlierDetection.
    pub(crate) outlier_detection: Option<&'a str>,
}

impl NameParts<'_> {
    /// The name before it is shortened, anything but letters, digits and `_` replaced by `_`:
    ///
    /// ```text
    /// cluster[_<marker>]_<service>[_otls[_<context>][_hr-<host>]]_<namespace>
    ///     [_cb_<v0 breaker>][_od_<v0 detection>][_cb<limits>]...[_er-<load balancer>]
    /// ```
    pub(crate) fn full(&self) -> Box<str> {
        let service = self.service;
        let mut name = String::with_capacity(80);
        name.push_str("cluster_");
        if let Some(marker) = self.marker {
            name.extend([marker, "_"]);
        }
        name.push_str(service.scheme.map(Scheme::as_str).unwrap_or_default());
        name.push_str(&self.qualified.authority);
        if service.tls {
            name.push_str("_otls");
            // With a scheme it was the scheme that asked for TLS.
            if let (None, Some(context)) = (service.scheme, &service.tls_context) {
                name.extend(["_", context]);
            }
            if let Some(host) = self.host_rewrite {
                name.extend(["_hr-", host]);
            }
        }
        name.extend(["_", self.namespace]);
        self.push_limits(&mut name);
        if let Some(load_balancer) = self.load_balancer {
            push_load_balancer(load_balancer, &mut name);
        }
        normalised(&name).into()
    }

    fn push_limits(&self, name: &mut String) {
        if let Some(breaker) = self.circuit_breaker {
            name.extend(["_cb_", breaker]);
        }
        if let Some(detection) = self.outlier_detection {
            name.extend(["_od_", detection]);
        }
        for breaker in self.circuit_breakers {
            name.push_str(match breaker.priority {
                None => "_cbn",
                Some(Priority::Default) => "_cbd",
                Some(Priority::High) => "_cbh",
            });
            let limits = [
                ('c', breaker.max_connections),
                ('p', breaker.max_pending_requests),
                ('r', breaker.max_requests),
                ('t', breaker.max_retries),
            ];
            for (letter, limit) in limits {
                if let Some(limit) = limit {
                    // Writing to a String cannot fail.
                    let _ = write!(name, "{letter}{limit}");
                }
            }
        }
    }
}

fn push_load_balancer(load_balancer: &LoadBalancer, name: &mut String) {
    let (policy, hash_on) = match load_balancer {
        LoadBalancer::RoundRobin => ("_er-round_robin", None),
        LoadBalancer::LeastRequest => ("_er-least_request", None),
        LoadBalancer::RingHash(hash_on) => ("_er-ring_hash", Some(hash_on)),
        LoadBalancer::Maglev(hash_on) => ("_er-maglev", Some(hash_on)),
    };
    name.push_str(policy);
    match hash_on {
        Some(HashOn::Header(header)) => name.extend(["-hdr-", header]),
        Some(HashOn::Cookie { name: cookie, .. }) => name.extend(["-cookie-", cookie]),
        Some(HashOn::SourceIp) => name.push_str("-srcip"),
        None => {}
    }
}

/// The name for statistics: the service without its scheme.
pub(crate) fn stats(qualified: &Qualified) -> Box<str> {
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
