//! What became of objects, for those who tell their authors.
//!
//! Invariant: of each object only the last verdict is kept, and only until it is taken; while
//! nobody takes any, or too many wait, nothing is kept.
//! Deliberately absent: telling anybody.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio_config::{Diagnostic, ObjectRef};
use tokio::sync::Notify;
use tracing::warn;

/// What became of one object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Which object.
    pub(crate) object: Arc<ObjectRef>,
    /// All that is to be told of it; empty when nothing is wrong, and when it is gone.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Whether anything it says is served, in its newest version or in an older one.
    pub(crate) live: bool,
}

/// Makes a mailbox for verdicts.
pub(crate) fn verdicts() -> (Teller, Verdicts) {
    let mailbox = Arc::new(Mailbox::default());
    let teller = Teller(Arc::downgrade(&mailbox));
    (teller, Verdicts(mailbox))
}

/// The end that takes verdicts in.
#[derive(Debug)]
pub(crate) struct Teller(Weak<Mailbox>);

/// The end that gives them out. When it is dropped, nothing is kept any more.
#[derive(Debug)]
pub(crate) struct Verdicts(Arc<Mailbox>);

impl Teller {
    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.0.strong_count() > 0
    }

    /// Replaces the verdicts on the same objects that were not taken yet.
    pub(crate) fn tell(&self, verdicts: impl IntoIterator<Item = Verdict>) {
        let Some(mailbox) = self.0.upgrade() else {
            return;
        };
        let mut waiting = mailbox.waiting();
        for verdict in verdicts {
            if waiting.len() < MOST || waiting.contains_key(&verdict.object) {
                waiting.insert(Arc::clone(&verdict.object), verdict);
            } else {
                let object = &verdict.object;
                warn!(%object, "too many objects changed at once; nobody is told of this one");
            }
        }
        drop(waiting);
        mailbox.arrived.notify_one();
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let Some(mailbox) = self.0.upgrade() {
            mailbox.arrived.notify_one();
        }
    }
}

impl Verdicts {
    /// Waits for verdicts and takes all there are, ordered by object. `None` at the end.
    ///
    /// Loses nothing when it is dropped before it is done.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "whoever tells authors is still to come")
    )]
    pub(crate) async fn next(&mut self) -> Option<Vec<Verdict>> {
        loop {
            let taken = std::mem::take(&mut *self.0.waiting());
            if !taken.is_empty() {
                return Some(taken.into_values().collect());
            }
            if Arc::weak_count(&self.0) == 0 {
                return None;
            }
            self.0.arrived.notified().await;
        }
    }
}

#[derive(Debug, Default)]
struct Mailbox {
    waiting: Mutex<BTreeMap<Arc<ObjectRef>, Verdict>>,
    arrived: Notify,
}

impl Mailbox {
    fn waiting(&self) -> std::sync::MutexGuard<'_, BTreeMap<Arc<ObjectRef>, Verdict>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More than a large cluster has objects of ours.
const MOST: usize = 200_000;

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, live: bool) -> Verdict {
        let object = ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        };
        Verdict {
            object: Arc::new(object),
            diagnostics: Vec::new(),
            live,
        }
    }

    #[tokio::test]
    async fn of_each_object_the_last_verdict_is_taken() {
        let (teller, mut verdicts) = verdicts();
        teller.tell([verdict("b", true), verdict("a", true)]);
        teller.tell([verdict("b", false)]);
        let taken = verdicts.next().await.unwrap();
        assert_eq!(taken, [verdict("a", true), verdict("b", false)]);
        drop(teller);
        assert_eq!(verdicts.next().await, None);
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let (teller, verdicts) = verdicts();
        assert!(teller.is_heard());
        drop(verdicts);
        assert!(!teller.is_heard());
        teller.tell([verdict("a", true)]);
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_the_end() {
        let (teller, mut verdicts) = verdicts();
        let waiting = tokio::spawn(async move { verdicts.next().await });
        tokio::task::yield_now().await;
        drop(teller);
        assert_eq!(waiting.await.unwrap(), None);
    }
}
