//! Whether a certificate has to be asked for.
//!
//! Invariant: what the gateway did not make is never replaced.
//! Deliberately absent: failures before, which may put it off.

use std::time::{Duration, SystemTime};

use k8s_openapi::api::core::v1::Secret;
use nuncio_routing::Issuance;
use nuncio_tls::{Facts, Identity, Unusable};

use super::vault;

/// A certificate is renewed in the last third of its life, and no sooner than this before its end.
const MARGIN: Duration = Duration::from_hours(30 * 24);

/// What is to be done for a certificate.
#[derive(Debug)]
pub(super) enum Due {
    /// It is good for so long.
    In(Duration),
    /// It is to be asked for.
    Now(Why),
    /// It would be asked for if the Secret were the gateway's.
    Theirs(Why),
}

/// Why a certificate is asked for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Why {
    #[error("there is none")]
    Missing,
    #[error("what is there cannot be used ({0})")]
    Unusable(#[source] Unusable),
    #[error("it is not for this name")]
    OtherName,
    #[error("another authority was asked before")]
    OtherAuthority,
    #[error("it expires soon")]
    Expiring,
}

impl Due {
    /// By what stands in the Secret.
    pub(super) fn of(found: Option<&Secret>, issuance: &Issuance, now: SystemTime) -> Self {
        let Some(found) = found else {
            return Self::Now(Why::Missing);
        };
        match (
            needed(found, issuance, now),
            vault::is_our_certificate(found),
        ) {
            (Ok(left), _) => Self::In(left),
            (Err(why), true) => Self::Now(why),
            (Err(why), false) => Self::Theirs(why),
        }
    }
}

/// How long what is there is good.
fn needed(found: &Secret, issuance: &Issuance, now: SystemTime) -> Result<Duration, Why> {
    let [chain, key] = ["tls.crt", "tls.key"].map(|key| vault::value(found, key));
    let identity = Identity::from_pem(chain, key).map_err(Why::Unusable)?;
    let facts = identity.facts();
    if !is_for(facts, &issuance.hostname) {
        return Err(Why::OtherName);
    }
    let left = renewal(facts).duration_since(now);
    let left = left.map_err(|_past| Why::Expiring)?;
    // Who brings a certificate does not say whose it is.
    let authority = vault::authority(found);
    match authority.is_none_or(|authority| *authority == *issuance.authority) {
        true => Ok(left),
        false => Err(Why::OtherAuthority),
    }
}

/// Whether a certificate is for a name (RFC 6125: a wildcard stands for one label).
pub(super) fn is_for(facts: &Facts, hostname: &str) -> bool {
    let parent = hostname.split_once('.').map(|(_, parent)| parent);
    facts.names.iter().any(|name| {
        let wild = name.strip_prefix("*.");
        let is_wild =
            wild.is_some_and(|wild| parent.is_some_and(|parent| parent.eq_ignore_ascii_case(wild)));
        is_wild || name.eq_ignore_ascii_case(hostname)
    })
}

/// When to ask for the next one. Certificates that were issued together are not renewed together.
fn renewal(facts: &Facts) -> SystemTime {
    let life = facts.not_after.duration_since(facts.not_before);
    let margin = (life.unwrap_or_default() / 3).min(MARGIN);
    let jitter = margin.mul_f64(f64::from(facts.fingerprint[0]) / 2560.0);
    let renewal = facts.not_after.checked_sub(margin + jitter);
    renewal.unwrap_or(facts.not_after)
}
