//! One credential: the last good material, and what is to become of newer.
//!
//! Invariant: good material is never given up for worse. Material that has expired is worse than any
//! that has not, and better than none.
//! Deliberately absent: where material comes from.

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
        let material = match made {
            Ok(material) => material,
            Err(unfit) => return self.unfit(&unfit),
        };
        let Some(expiry) = expired(&material, now) else {
            return self.publish(Some(material));
        };
        let better = self.material.as_ref();
        if better.is_some_and(|held| expired(held, now).is_none()) {
            return Verdict {
                publish: None,
                wrong: Some((
                    Severity::Error,
                    format!("the new certificate expired at {expiry}; the one before stays in use"),
                )),
            };
        }
        Verdict {
            wrong: Some(has_expired(expiry)),
            ..self.publish(Some(material))
        }
    }

    /// There is nothing to be found.
    pub(super) fn missing(&mut self) -> Verdict {
        self.publish(None)
    }

    /// There is nothing to be found of authorities that are only looked for: they verify nobody.
    pub(super) fn nobody(&mut self) -> Verdict {
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

    /// Tells when what is in use has expired by now.
    pub(super) fn expiry(&self, now: SystemTime) -> Option<(Severity, String)> {
        Some(has_expired(expired(self.material.as_ref()?, now)?))
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

/// When it expired, if it has by now.
fn expired(material: &Material, now: SystemTime) -> Option<Timestamp> {
    let not_after = not_after(material)?;
    (not_after < now).then(|| Timestamp::try_from(not_after).unwrap_or(Timestamp::MAX))
}

fn not_after(material: &Material) -> Option<SystemTime> {
    match material {
        Material::Identity(identity) => Some(identity.facts().not_after),
        Material::Authorities(_) | Material::Revocations(_) => None,
    }
}

fn has_expired(expiry: Timestamp) -> (Severity, String) {
    let reason = format!("the certificate expired at {expiry}; it is used for want of another");
    (Severity::Error, reason)
}
