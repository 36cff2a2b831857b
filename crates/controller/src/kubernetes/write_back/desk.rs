//! What is known of the objects that are written about, and who of them is to be written about now.
//!
//! Every gateway knows it, so that whoever becomes the leader can begin; only the leader's queues
//! are filled.
//!
//! Invariant: what is kept is bounded by the objects that have errors, and by the names of those
//! whose status is ours to write.
//! Deliberately absent: requests.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use nuncio_config::ObjectRef;
use tokio::sync::watch;

use super::WriteBack;
use super::complaint::Complaint;
use super::kinds::INGRESS;
use super::pace::Queue;
use crate::change::Feed;
use crate::pipeline::{News, Verdict};

/// Shared by who hears of verdicts and who writes.
#[derive(Debug, Default)]
pub(super) struct Desk {
    known: Mutex<Known>,
    /// The feeds all of whose objects are known.
    listed: watch::Sender<BTreeSet<Feed>>,
    /// Whose Event is to be written.
    pub(super) events: Queue,
    /// Whose state is to be written.
    pub(super) states: Queue,
    /// Whose address is to be written.
    pub(super) addresses: Queue,
}

#[derive(Debug, Default)]
struct Known {
    complaints: BTreeMap<Arc<ObjectRef>, Complaint>,
    /// The objects with a status of which something is served.
    served: BTreeSet<Arc<ObjectRef>>,
    leading: bool,
}

impl Desk {
    /// Takes note of what became of objects.
    pub(super) fn take(&self, news: News) {
        news.verdicts.iter().for_each(|verdict| self.judge(verdict));
        if !news.listed.is_empty() {
            self.listed.send_modify(|listed| listed.extend(news.listed));
        }
    }

    fn judge(&self, verdict: &Verdict) {
        let Verdict {
            object,
            diagnostics,
            live,
        } = verdict;
        let complaint = Complaint::of(diagnostics, *live);
        let has_status = WriteBack::has_state(object);
        let mut known = self.known();
        let before = match complaint.clone() {
            Some(complaint) => known.complaints.insert(Arc::clone(object), complaint),
            None => known.complaints.remove(object),
        };
        let moved = match (has_status, live) {
            (false, _) => false,
            (true, true) => known.served.insert(Arc::clone(object)),
            (true, false) => known.served.remove(object),
        };
        if !known.leading {
            return;
        }
        drop(known);
        if before != complaint {
            self.events.push(object);
        }
        if has_status && (moved || before != complaint) {
            self.queue_of(object).push(object);
        }
    }

    /// Fills the queue of Events with all that is wrong; from now on all queues are kept.
    pub(super) fn begin_term(&self) {
        let mut known = self.known();
        known.leading = true;
        known
            .complaints
            .keys()
            .for_each(|object| self.events.push(object));
    }

    /// Whatever was not written is for the next leader to write.
    pub(super) fn end_term(&self) {
        self.known().leading = false;
        for queue in [&self.events, &self.states, &self.addresses] {
            queue.clear();
        }
    }

    /// What is wrong with an object now.
    pub(super) fn complaint(&self, object: &ObjectRef) -> Option<Complaint> {
        self.known().complaints.get(object).cloned()
    }

    /// Whether something of an object with a status is served now.
    pub(super) fn is_served(&self, object: &ObjectRef) -> bool {
        self.known().served.contains(object)
    }

    /// Whether there is an Ingress of ours, whose address is of interest.
    pub(super) fn has_ingresses(&self) -> bool {
        self.known()
            .served
            .iter()
            .any(|object| *object.kind == *INGRESS.kind)
    }

    /// Whether all that the feed tells of is known: that an object is not served means something.
    pub(super) fn has_heard(&self, feed: Feed) -> bool {
        self.listed.borrow().contains(&feed)
    }

    /// Waits for that.
    pub(super) async fn heard(&self, feed: Feed) {
        let mut listed = self.listed.subscribe();
        // The sender is here: the wait ends only by what it waits for.
        drop(listed.wait_for(|listed| listed.contains(&feed)).await);
    }

    fn queue_of(&self, object: &ObjectRef) -> &Queue {
        if *object.kind == *INGRESS.kind {
            &self.addresses
        } else {
            &self.states
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
