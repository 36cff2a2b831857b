//! The keys of tickets that say who a client is.
//!
//! Invariant: whoever resumes a session was verified less than [`LIFETIME`] ago, however often it was
//! resumed since: then no older ticket counts, where rustls would take them for as long as a client keeps
//! exchanging them. Until then a certificate that has expired meanwhile still counts, as does one whose
//! list of revocations is out of date.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustls::Error;
use rustls::crypto::ring::Ticketer;
use rustls::server::ProducesTickets;

/// One key at a time.
pub(crate) struct Forgetful {
    key: RwLock<Key>,
}

#[derive(Clone)]
struct Key {
    made: Instant,
    ticketer: Arc<dyn ProducesTickets>,
}

impl Forgetful {
    pub(crate) fn new() -> Result<Self, Error> {
        Ok(Self {
            key: RwLock::new(Key::made_at(Instant::now())?),
        })
    }

    /// The key of a moment. `None` = there is no randomness for a new one, so nobody resumes.
    fn at(&self, now: Instant) -> Option<Arc<dyn ProducesTickets>> {
        let key = self.key.read().unwrap_or_else(PoisonError::into_inner);
        if key.counts_at(now) {
            return Some(Arc::clone(&key.ticketer));
        }
        drop(key);
        let mut key = self.key.write().unwrap_or_else(PoisonError::into_inner);
        if !key.counts_at(now) {
            *key = Key::made_at(now).ok()?;
        }
        Some(Arc::clone(&key.ticketer))
    }
}

impl Key {
    fn made_at(made: Instant) -> Result<Self, Error> {
        Ok(Self {
            made,
            ticketer: Ticketer::new()?,
        })
    }

    fn counts_at(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.made) < LIFETIME
    }
}

impl ProducesTickets for Forgetful {
    fn enabled(&self) -> bool {
        true
    }

    fn lifetime(&self) -> u32 {
        u32::try_from(LIFETIME.as_secs()).unwrap_or(u32::MAX)
    }

    fn encrypt(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.at(Instant::now())?.encrypt(plain)
    }

    fn decrypt(&self, cipher: &[u8]) -> Option<Vec<u8>> {
        self.at(Instant::now())?.decrypt(cipher)
    }
}

impl fmt::Debug for Forgetful {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Forgetful").finish_non_exhaustive()
    }
}

const LIFETIME: Duration = Duration::from_secs(6 * 3600);

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Forgetful, LIFETIME};

    #[test]
    fn no_ticket_is_older_than_the_key() {
        let tickets = Forgetful::new().unwrap();
        let start = Instant::now();
        let ticket = tickets.at(start).unwrap().encrypt(b"who").unwrap();
        let read = |after| tickets.at(start + after).unwrap().decrypt(&ticket);
        assert_eq!(read(LIFETIME / 2), Some(b"who".to_vec()));
        assert_eq!(read(LIFETIME + Duration::from_secs(1)), None);
    }
}
