//! What became of objects, for those who tell their authors.
//!
//! Invariant: of each object only the last verdict is kept, and only until it is taken; while
//! nobody takes any, or too many wait, nothing is kept. Of an object whose authors are told of
//! mistakes alone there is none while it has none and had none.
//! Deliberately absent: telling anybody.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use nuncio_config::{Diagnostic, ObjectRef};
use tokio::sync::Notify;
use tracing::warn;

use crate::change::Feed;

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

/// What is new.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct News {
    /// Ordered by object.
    pub(crate) verdicts: Vec<Verdict>,
    /// The feeds that listed for the first time, all of whose objects verdicts were told of: an
    /// object of theirs of which nothing was told is not served.
    pub(crate) listed: BTreeSet<Feed>,
}

/// Makes a mailbox for verdicts; `has_state` says of an object whether it is to be told that nothing
/// is wrong with it.
pub(crate) fn verdicts(has_state: fn(&ObjectRef) -> bool) -> (Teller, Verdicts) {
    let mailbox = Arc::new(Mailbox::default());
    let teller = Teller {
        mailbox: Arc::downgrade(&mailbox),
        has_state,
    };
    (teller, Verdicts(mailbox))
}

/// The end that takes verdicts in.
#[derive(Debug)]
pub(crate) struct Teller {
    mailbox: Weak<Mailbox>,
    has_state: fn(&ObjectRef) -> bool,
}

/// The end that gives them out. When it is dropped, nothing is kept any more.
#[derive(Debug)]
pub(crate) struct Verdicts(Arc<Mailbox>);

impl Teller {
    /// Whether anybody listens.
    pub(crate) fn is_heard(&self) -> bool {
        self.mailbox.strong_count() > 0
    }

    /// Whether anybody is to hear of an object that nothing is or was wrong with.
    pub(crate) fn hears_good_of(&self, object: &ObjectRef) -> bool {
        (self.has_state)(object)
    }

    /// Replaces the verdicts on the same objects that were not taken yet.
    pub(crate) fn tell(&self, verdicts: impl IntoIterator<Item = Verdict>) {
        let Some(mailbox) = self.mailbox.upgrade() else {
            return;
        };
        let mut waiting = mailbox.waiting();
        for verdict in verdicts {
            let waiting = &mut waiting.verdicts;
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

    /// All verdicts on what the feed listed were told.
    pub(crate) fn listed(&self, feed: Feed) {
        if let Some(mailbox) = self.mailbox.upgrade() {
            mailbox.waiting().listed.insert(feed);
            mailbox.arrived.notify_one();
        }
    }
}

impl Drop for Teller {
    fn drop(&mut self) {
        if let Some(mailbox) = self.mailbox.upgrade() {
            mailbox.arrived.notify_one();
        }
    }
}

impl Verdicts {
    /// Waits for news and takes all there is. `None` at the end.
    ///
    /// Loses nothing when it is dropped before it is done.
    pub(crate) async fn next(&mut self) -> Option<News> {
        loop {
            let taken = std::mem::take(&mut *self.0.waiting());
            if !taken.verdicts.is_empty() || !taken.listed.is_empty() {
                return Some(News {
                    verdicts: taken.verdicts.into_values().collect(),
                    listed: taken.listed,
                });
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
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    verdicts: BTreeMap<Arc<ObjectRef>, Verdict>,
    listed: BTreeSet<Feed>,
}

impl Mailbox {
    fn waiting(&self) -> std::sync::MutexGuard<'_, Waiting> {
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
        let (teller, mut verdicts) = verdicts(|_| true);
        teller.tell([verdict("b", true), verdict("a", true)]);
        teller.tell([verdict("b", false)]);
        let taken = verdicts.next().await.unwrap().verdicts;
        assert_eq!(taken, [verdict("a", true), verdict("b", false)]);
        drop(teller);
        assert_eq!(verdicts.next().await, None);
    }

    #[test]
    fn nothing_is_kept_for_nobody() {
        let (teller, verdicts) = verdicts(|_| true);
        assert!(teller.is_heard());
        drop(verdicts);
        assert!(!teller.is_heard());
        teller.tell([verdict("a", true)]);
    }

    #[tokio::test]
    async fn whoever_waits_hears_of_the_end() {
        let (teller, mut verdicts) = verdicts(|_| true);
        let waiting = tokio::spawn(async move { verdicts.next().await });
        tokio::task::yield_now().await;
        drop(teller);
        assert_eq!(waiting.await.unwrap(), None);
    }
}
