//! Who said what: the objects of every feed, and the remarks on them.
//!
//! Invariant: a record is no more than a fingerprint, unless texts are wanted.
//! Deliberately absent: what texts mean.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, ObjectRef};

use crate::change::{Announced, Feed};

/// Whether texts are kept beside their fingerprints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Texts {
    /// Nobody needs them once they are parsed.
    #[default]
    Forgotten,
    /// They are to be saved.
    Kept,
}

/// Every record, ordered by feed and then by object.
#[derive(Debug, Default)]
pub(crate) struct Records {
    texts: Texts,
    feeds: BTreeMap<Feed, BTreeMap<Arc<ObjectRef>, Record>>,
    notes: BTreeMap<Arc<ObjectRef>, Vec<(Feed, Diagnostic)>>,
    noted: BTreeMap<Feed, BTreeSet<Arc<ObjectRef>>>,
}

#[derive(Debug)]
struct Record {
    fingerprint: u64,
    /// Boxed, since of most records there is none.
    text: Option<Box<Announced>>,
}

impl Records {
    pub(crate) fn new(texts: Texts) -> Self {
        Self {
            texts,
            ..Self::default()
        }
    }

    /// Whether an object said just that the last time.
    pub(crate) fn has(&self, feed: Feed, said: &Announced) -> bool {
        let record = self.record(feed, &said.origin.object);
        record.is_some_and(|record| record.fingerprint == said.fingerprint)
    }

    /// Whether an object said anything.
    pub(crate) fn knows(&self, feed: Feed, object: &ObjectRef) -> bool {
        self.record(feed, object).is_some()
    }

    /// Takes down what an object says.
    pub(crate) fn say(&mut self, feed: Feed, said: &Announced) {
        let text = match self.texts {
            Texts::Forgotten => None,
            Texts::Kept => Some(Box::new(said.clone())),
        };
        let record = Record {
            fingerprint: said.fingerprint,
            text,
        };
        let object = Arc::clone(&said.origin.object);
        self.feeds.entry(feed).or_default().insert(object, record);
    }

    /// Forgets what an object said by a feed.
    pub(crate) fn silence(&mut self, feed: Feed, object: &ObjectRef) {
        if let Some(records) = self.feeds.get_mut(&feed) {
            records.remove(object);
        }
    }

    /// The objects of a feed that a complete list lacks.
    pub(crate) fn missing(&self, feed: Feed, listed: &[Announced]) -> Vec<Arc<ObjectRef>> {
        let Some(records) = self.feeds.get(&feed) else {
            return Vec::new();
        };
        if records.is_empty() {
            return Vec::new();
        }
        let present: BTreeSet<&ObjectRef> =
            listed.iter().map(|said| &*said.origin.object).collect();
        let known = records.keys();
        let missing = known.filter(|object| !present.contains(&***object));
        missing.map(Arc::clone).collect()
    }

    /// The feeds that say something about an object.
    pub(crate) fn feeds_of(&self, object: &ObjectRef) -> Vec<Feed> {
        let knowing = self.feeds.iter();
        let knowing = knowing.filter(|(_, records)| records.contains_key(object));
        knowing.map(|(feed, _)| *feed).collect()
    }

    /// How many records there are.
    pub(crate) fn len(&self) -> usize {
        self.feeds.values().map(BTreeMap::len).sum()
    }

    /// Whether another feed than this one says something about an object.
    pub(crate) fn is_shared(&self, feed: Feed, object: &ObjectRef) -> bool {
        let mut others = self.feeds.iter().filter(|(other, _)| **other != feed);
        others.any(|(_, records)| records.contains_key(object))
    }

    /// What an object says, by feed; nothing when texts are forgotten.
    pub(crate) fn texts_of(&self, object: &ObjectRef) -> Vec<(Feed, Announced)> {
        if self.texts == Texts::Forgotten {
            return Vec::new();
        }
        let of = |(feed, records): (&Feed, &BTreeMap<Arc<ObjectRef>, Record>)| {
            Some((*feed, Announced::clone(records.get(object)?.text.as_ref()?)))
        };
        self.feeds.iter().filter_map(of).collect()
    }

    /// Replaces a feed's remarks. Answers with the objects of which there are others now.
    pub(crate) fn note(&mut self, feed: Feed, notes: Vec<Diagnostic>) -> Vec<Renoted> {
        let mut by_object: BTreeMap<Arc<ObjectRef>, Vec<(Feed, Diagnostic)>> = BTreeMap::new();
        for note in notes {
            let object = Arc::clone(&note.at.object);
            by_object.entry(object).or_default().push((feed, note));
        }
        let now: BTreeSet<_> = by_object.keys().map(Arc::clone).collect();
        let before = self.noted.remove(&feed).unwrap_or_default();
        let mut renoted = Vec::new();
        for object in before.union(&now) {
            let fresh = by_object.remove(object).unwrap_or_default();
            renoted.extend(self.renote(feed, object, fresh));
        }
        if !now.is_empty() {
            self.noted.insert(feed, now);
        }
        renoted
    }

    /// The remarks of a feed.
    pub(crate) fn notes(&self, feed: Feed) -> Vec<Diagnostic> {
        let objects = self.noted.get(&feed).into_iter().flatten();
        let notes = objects
            .filter_map(|object| self.notes.get(object))
            .flatten();
        let own = notes.filter(|(by, _)| *by == feed);
        own.map(|(_, note)| note.clone()).collect()
    }

    /// The remarks on an object.
    pub(crate) fn notes_on(&self, object: &ObjectRef) -> impl Iterator<Item = &Diagnostic> {
        let notes = self.notes.get(object).into_iter().flatten();
        notes.map(|(_, note)| note)
    }

    fn record(&self, feed: Feed, object: &ObjectRef) -> Option<&Record> {
        self.feeds.get(&feed)?.get(object)
    }

    fn renote(
        &mut self,
        feed: Feed,
        object: &Arc<ObjectRef>,
        fresh: Vec<(Feed, Diagnostic)>,
    ) -> Option<Renoted> {
        let before = self.notes.remove(object).unwrap_or_default();
        let others = before.iter().filter(|(by, _)| *by != feed).cloned();
        let after: Vec<_> = others.chain(fresh).collect();
        let changed = before != after;
        if !after.is_empty() {
            self.notes.insert(Arc::clone(object), after);
        }
        changed.then(|| Renoted {
            object: Arc::clone(object),
            before: before.into_iter().map(|(_, note)| note).collect(),
        })
    }
}

/// An object of which there are other remarks than before.
#[derive(Debug)]
pub(crate) struct Renoted {
    pub(crate) object: Arc<ObjectRef>,
    pub(crate) before: Vec<Diagnostic>,
}

/// Whether something stands in what a feed says. Asked only of objects that several feeds speak of:
/// manifest files alone share their objects with others.
pub(crate) fn is_of(feed: Feed, at: &Location) -> bool {
    at.file.is_some() == (feed == Feed::Directories)
}
