//! Certificates that were issued and could not be written yet.
//!
//! Invariant: none is kept for longer than an hour, nor any that was written.
//! Deliberately absent: when writing is tried again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::order::Certificate;

/// How long an API server may be away before another one is asked for.
const HELD: Duration = Duration::from_hours(1);

/// What was issued, by what it was asked for.
#[derive(Default)]
pub(super) struct InHand(Mutex<Held>);

/// With when each was issued.
type Held = BTreeMap<Box<str>, (Instant, Arc<Certificate>)>;

impl InHand {
    pub(super) fn hold(&self, subject: &str, certificate: &Arc<Certificate>, now: Instant) {
        self.young(now)
            .insert(subject.into(), (now, Arc::clone(certificate)));
    }

    pub(super) fn of(&self, subject: &str, now: Instant) -> Option<Arc<Certificate>> {
        let held = self.young(now);
        held.get(subject)
            .map(|(_since, certificate)| Arc::clone(certificate))
    }

    pub(super) fn let_go(&self, subject: &str) {
        self.all().remove(subject);
    }

    /// Those that are not too old; lets the others go.
    fn young(&self, now: Instant) -> MutexGuard<'_, Held> {
        let mut all = self.all();
        all.retain(|_subject, (since, _certificate)| now < *since + HELD);
        all
    }

    fn all(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn what_was_issued_is_in_hand_for_an_hour_unless_it_is_written() {
        let (in_hand, now) = (InHand::default(), Instant::now());
        let certificate = Arc::new(Certificate {
            chain: "chain".to_owned(),
            key: Zeroizing::new("key".to_owned()),
        });
        in_hand.hold("shop", &certificate, now);
        in_hand.hold("blog", &certificate, now);
        in_hand.let_go("blog");
        assert!(in_hand.of("blog", now).is_none());
        assert!(in_hand.of("shop", now + HELD / 2).is_some());
        assert!(in_hand.of("shop", now + HELD).is_none());
        assert!(in_hand.of("shop", now).is_none());
    }
}
