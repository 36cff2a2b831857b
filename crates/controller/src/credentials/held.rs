//! One credential: the last good material, and what is to become of newer.
//!
//! Invariant: good material is never given up for worse. Material that has expired, or is not valid
//! yet, is worse than any that is valid, and better than none.
//! Deliberately absent: where material comes from.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use k8s_openapi::jiff::Timestamp;
use nuncio_config::Severity;
use nuncio_tls::{Authorities, Material};

use super::pieces::Unfit;

/// What is in use of a credential.
#[derive(Debug, Default)]
pub(super) struct Held {
    /// The last that was published; `None` where there is none to be had, or was none yet. That nobody
    /// is to be verified is good until something is found, usable or not.
    material: Option<Material>,
    /// The newest, while it is not valid yet.
    next: Option<Material>,
    /// Whether anything was published.
    told: bool,
}

/// What follows from something that was found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Publish this.
    #[expect(clippy::option_option, reason = "whether to publish, and what")]
    pub(super) publish: Option<Option<Material>>,
    /// This is wrong.
    pub(super) wrong: Option<(Severity, String)>,
}

impl Held {
    /// Whether there is material in use.
    pub(super) fn is_some(&self) -> bool {
        self.good().is_some()
    }

    /// Takes what was made of what was found.
    pub(super) fn found(&mut self, made: Result<Material, Unfit>, now: SystemTime) -> Verdict {
        self.next = None;
        let material = match made {
            Ok(material) => material,
            Err(unfit) => return self.unfit(&unfit),
        };
        let Some(flaw) = flaw(&material, now) else {
            return self.publish(Some(material));
        };
        self.next = matches!(flaw, Flaw::Early(_)).then(|| material.clone());
        let better = self.material.as_ref();
        if better.is_some_and(|held| self::flaw(held, now).is_none()) {
            let reason = format!("the new certificate {flaw}; the one before stays in use");
            return Verdict {
                publish: None,
                wrong: Some((Severity::Error, reason)),
            };
        }
        Verdict {
            wrong: Some(flawed(flaw)),
            ..self.publish(Some(material))
        }
    }

    /// There is nothing to be found any more. What was there stays in use: a name that was deleted by
    /// mistake is served on, and clients are verified as before.
    pub(super) fn missing(&mut self) -> Verdict {
        self.next = None;
        match self.is_some() {
            true => Verdict::default(),
            false => self.publish(None),
        }
    }

    /// There is nothing to be found of authorities that are only looked for: they verify nobody. Those
    /// that verified clients go on with it: a Secret deleted by mistake opens no door.
    pub(super) fn nobody(&mut self) -> Verdict {
        if self.is_some() {
            return self.missing();
        }
        let nobody = Arc::new(Authorities::nobody());
        self.publish(Some(Material::Authorities(nobody)))
    }

    /// Whether there is anything to be found cannot be told.
    pub(super) fn unknown(&mut self) -> Verdict {
        match self.material {
            Some(_) => Verdict::default(),
            None => self.publish(None),
        }
    }

    /// When what is in use expires.
    pub(super) fn not_after(&self) -> Option<SystemTime> {
        not_after(self.material.as_ref()?)
    }

    /// What follows from the time that has passed.
    pub(super) fn later(&mut self, now: SystemTime) -> Option<Verdict> {
        let is_early = |next: &mut Material| matches!(flaw(next, now), Some(Flaw::Early(_)));
        if let Some(next) = self.next.take_if(|next| !is_early(next)) {
            return Some(self.found(Ok(next), now));
        }
        match flaw(self.material.as_ref()?, now)? {
            expired @ Flaw::Expired(_) => Some(Verdict {
                publish: None,
                wrong: Some(flawed(expired)),
            }),
            Flaw::Early(_) => None,
        }
    }

    /// What is in use, unless it only says that there is nothing.
    fn good(&self) -> Option<&Material> {
        self.material
            .as_ref()
            .filter(|material| !material.is_nobody())
    }

    fn unfit(&mut self, unfit: &Unfit) -> Verdict {
        if self.is_some() {
            let reason = format!("{unfit}; what was read before stays in use");
            return Verdict {
                publish: None,
                wrong: Some((Severity::Error, reason)),
            };
        }
        Verdict {
            wrong: Some((Severity::Error, format!("{unfit}; it cannot be used"))),
            ..self.publish(None)
        }
    }

    fn publish(&mut self, material: Option<Material>) -> Verdict {
        let same = match (&self.material, &material) {
            (Some(held), Some(new)) => held.same_as(new),
            (None, None) => self.told,
            (Some(_), None) | (None, Some(_)) => false,
        };
        if same {
            return Verdict::default();
        }
        self.told = true;
        self.material.clone_from(&material);
        Verdict {
            publish: Some(material),
            wrong: None,
        }
    }
}

/// Why nobody who looks at the clock accepts a certificate.
#[derive(Clone, Copy, Debug)]
enum Flaw {
    Expired(Timestamp),
    /// It is not valid yet.
    Early(Timestamp),
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Expired(at) => write!(f, "expired at {at}"),
            Self::Early(from) => write!(f, "is not valid before {from}"),
        }
    }
}

fn flaw(material: &Material, now: SystemTime) -> Option<Flaw> {
    let at = |time| Timestamp::try_from(time).unwrap_or(Timestamp::MAX);
    let facts = match material {
        Material::Identity(identity) => identity.facts(),
        Material::Authorities(_) | Material::Revocations(_) => return None,
    };
    if facts.not_after < now {
        return Some(Flaw::Expired(at(facts.not_after)));
    }
    (facts.not_before > now).then(|| Flaw::Early(at(facts.not_before)))
}

fn not_after(material: &Material) -> Option<SystemTime> {
    match material {
        Material::Identity(identity) => Some(identity.facts().not_after),
        Material::Authorities(_) | Material::Revocations(_) => None,
    }
}

fn flawed(flaw: Flaw) -> (Severity, String) {
    let reason = format!("the certificate {flaw}; it is used for want of another");
    (Severity::Error, reason)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use nuncio_tls::Identity;

    use super::*;
    use crate::credentials::tests::pems::Pair;

    const HOUR: Duration = Duration::from_hours(1);

    fn made(pair: &Pair) -> Result<Material, Unfit> {
        let (chain, key) = (pair.certificate.as_bytes(), pair.key.as_bytes());
        let identity = Identity::from_pem(chain, key).unwrap();
        Ok(Material::Identity(Arc::new(identity)))
    }

    #[test]
    fn a_certificate_that_is_not_valid_yet_takes_its_place_when_it_is() {
        let now = SystemTime::now();
        let mut held = Held::default();
        assert!(held.found(made(&Pair::of("a")), now).publish.is_some());
        let early = Pair::until("b", now + 49 * HOUR);
        let verdict = held.found(made(&early), now);
        assert!(verdict.publish.is_none());
        let (_, reason) = verdict.wrong.unwrap();
        assert!(reason.contains("is not valid before"), "{reason}");
        assert!(held.later(now).is_none());
        let verdict = held.later(now + 2 * HOUR).unwrap();
        assert!(verdict.publish.is_some() && verdict.wrong.is_none());
        assert!(held.later(now + 2 * HOUR).is_none());
    }

    #[test]
    fn a_certificate_that_is_not_valid_yet_is_better_than_none() {
        let now = SystemTime::now();
        let mut held = Held::default();
        let early = Pair::until("a", now + 49 * HOUR);
        let verdict = held.found(made(&early), now);
        assert!(verdict.publish.is_some() && verdict.wrong.is_some());
        let verdict = held.later(now + 2 * HOUR).unwrap();
        assert!(verdict.publish.is_none() && verdict.wrong.is_none());
    }
}
