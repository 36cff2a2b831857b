//! How what is served stands to what its authors want: whether it is the saved state, and what of it
//! is of an older version.
//!
//! Invariant: it is told before the snapshot that it is about.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use nuncio_config::{Diagnostic, ObjectRef, Severity};
use tracing::{info, warn};

use super::Pipeline;
use super::kept::{Former, Kept};
use super::objects::Effect;
use crate::change::Feed;
use crate::remark;

/// How what is served stands to what its authors want.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// When the configuration was saved that is served because nobody tells of a newer one; `None`
    /// when what is served is what there is.
    pub saved_at: Option<SystemTime>,
    /// The resources that are live in an older version than their newest, sorted by object.
    pub kept: Arc<[KeptResource]>,
}

/// A resource that is live in an older version than its newest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptResource {
    /// Whose it is.
    pub object: Arc<ObjectRef>,
    /// `Mapping httpbin_mapping`, as diagnostics call it.
    pub resource: Box<str>,
    /// When the older version was the newest.
    pub since: Since,
}

/// When the version that stays was the newest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// In the snapshot of this generation.
    Generation(u64),
    /// When the state was saved that this process began with.
    Saved,
}

/// What was heard of a feed that has saved objects and has not listed yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Heard {
    Nothing,
    /// The source does not know it; a server that is starting may say so of any kind.
    Absent,
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generation(generation) => write!(f, "generation {generation}"),
            Self::Saved => f.write_str("the saved state"),
        }
    }
}

impl Pipeline {
    /// Takes the saved state, if there is one, and begins to save.
    pub(super) fn begin(&mut self) {
        let Some(state) = self.state.take() else {
            return;
        };
        if let Some(saved) = state.load() {
            self.gate.load();
            self.saved_at = Some(saved.at);
            for ((feed, _), object) in &saved.objects {
                // What a source said that is not followed any more holds no more.
                if self.gate.is_of(*feed) {
                    self.objects.restore(*feed, object);
                    self.unlisted.insert(*feed, Heard::Nothing);
                }
            }
        }
        self.keeper = state.keep(&self.outlets.telemetry);
    }

    /// The source does not know a feed. Saved objects of it go when it says so again.
    pub(super) fn absent(&mut self, feed: Feed) -> Effect {
        self.gate.refused(feed);
        match self.unlisted.get_mut(&feed) {
            None => Effect::Unchanged,
            Some(heard @ Heard::Nothing) => {
                *heard = Heard::Absent;
                Effect::Unchanged
            }
            Some(Heard::Absent) => {
                self.unlisted.remove(&feed);
                self.objects.list(feed, Vec::new(), Vec::new())
            }
        }
    }

    /// Says of which feeds only what was saved is known.
    pub(super) fn remark_unlisted(&mut self) {
        for &feed in self.unlisted.keys() {
            self.objects.remark(feed, unlisted(feed));
        }
    }

    /// Tells what the next snapshot is.
    pub(super) fn tell_standing(&mut self) {
        let saved_at = self.saved_at.filter(|_| self.gate.is_stale());
        if saved_at != self.standing.saved_at {
            self.tell_stale(saved_at);
        }
        // What is restored counts as former, so that nothing of it differs at first.
        let kept = match self.generation == 0 || self.objects.keeps_others() {
            true => self.objects.kept().iter().flat_map(resources).collect(),
            false => Arc::clone(&self.standing.kept),
        };
        let standing = Standing { saved_at, kept };
        if standing != self.standing {
            self.standing = standing.clone();
            self.outlets.publish.standing(standing);
        }
    }

    fn tell_stale(&self, saved_at: Option<SystemTime>) {
        self.outlets.telemetry.control().set_stale(saved_at);
        let Some(at) = saved_at else {
            info!("what is served is what there is again");
            return;
        };
        let age = SystemTime::now().duration_since(at).unwrap_or_default();
        let (objects, age_seconds) = (self.objects.len(), age.as_secs());
        warn!(
            objects,
            age_seconds, "no list in time; serving the saved state"
        );
    }

    /// Hands over what has changed, to be saved.
    pub(super) fn save(&self, changed: &BTreeMap<Arc<ObjectRef>, Former>) {
        let Some(keeper) = &self.keeper else { return };
        let saved = |(object, former)| self.objects.saved(object, former);
        keeper.note(changed.iter().flat_map(saved));
        // Saved again, the saved state would seem to be of today.
        if !self.gate.is_stale() {
            keeper.save();
        }
    }
}

fn unlisted(feed: Feed) -> Diagnostic {
    let reason = "not listed since the start; its objects are of the saved state";
    remark::of_all(feed.label(), Severity::Warning, reason)
}

fn resources((object, kept): (&Arc<ObjectRef>, &Vec<Kept>)) -> Vec<KeptResource> {
    let of = |kept: &Kept| KeptResource {
        object: Arc::clone(object),
        resource: kept.key.to_string().into(),
        since: kept.since,
    };
    kept.iter().map(of).collect()
}
