//! The compact records of every object that is ours, by feed.
//!
//! Invariant: an object is parsed once per text. A list replaces a feed's records as a whole, so an
//! object that is there before and after it is there throughout.
//! Deliberately absent: annotation text (only its fingerprint is kept).

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{
    Diagnostic, Identity, Lines, Location, ObjectRef, Origin, Parsed, Severity, parse,
};
use nuncio_routing::{Snapshot, compile};

use crate::change::{Announced, Feed};
use crate::containment::contained;

/// Whether taking a change altered anything that compiling looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed,
    Unchanged,
}

impl Effect {
    fn of(changed: bool) -> Self {
        if changed {
            Self::Changed
        } else {
            Self::Unchanged
        }
    }
}

/// Every record, ordered by feed and then by object.
#[derive(Debug, Default)]
pub(crate) struct Objects {
    feeds: BTreeMap<Feed, Records>,
}

impl Objects {
    /// Replaces all that `feed` told before.
    pub(crate) fn list(
        &mut self,
        feed: Feed,
        objects: Vec<Announced>,
        diagnostics: Vec<Diagnostic>,
        identity: &Identity,
    ) -> Effect {
        let records = self.feeds.entry(feed).or_default();
        let replaced = records.replace(objects, identity);
        let noted = records.diagnostics != diagnostics;
        records.diagnostics = diagnostics;
        Effect::of(replaced || noted)
    }

    /// Adds or replaces one object.
    pub(crate) fn apply(&mut self, feed: Feed, object: &Announced, identity: &Identity) -> Effect {
        let records = &mut self.feeds.entry(feed).or_default().by_object;
        let held = records
            .get(&object.origin.object)
            .map(|record| record.fingerprint);
        if held == Some(object.fingerprint) {
            return Effect::Unchanged;
        }
        let key = Arc::clone(&object.origin.object);
        records.insert(key, Record::parse(object, identity));
        Effect::Changed
    }

    /// Forgets one object.
    pub(crate) fn remove(&mut self, feed: Feed, object: &ObjectRef) -> Effect {
        let records = self.feeds.get_mut(&feed);
        Effect::of(records.is_some_and(|records| records.by_object.remove(object).is_some()))
    }

    /// Adds a remark on the feed itself; its next list withdraws it.
    pub(crate) fn note(&mut self, feed: Feed, diagnostic: Diagnostic) -> Effect {
        let notes = &mut self.feeds.entry(feed).or_default().diagnostics;
        let known = notes.contains(&diagnostic);
        if !known {
            notes.push(diagnostic);
        }
        Effect::of(!known)
    }

    /// Withdraws the remarks on the feed itself.
    pub(crate) fn withdraw_notes(&mut self, feed: Feed) -> Effect {
        let notes = self
            .feeds
            .get_mut(&feed)
            .map(|records| std::mem::take(&mut records.diagnostics));
        Effect::of(notes.is_some_and(|notes| !notes.is_empty()))
    }

    /// Compiles all records from scratch.
    pub(crate) fn compile(&self, identity: &Identity, generation: u64) -> Snapshot {
        let parsed = || self.feeds.values().flat_map(Records::parsed);
        let resources = parsed().flat_map(|parsed| &parsed.resources);
        let notes = self.feeds.values().flat_map(|records| &records.diagnostics);
        let diagnostics = parsed()
            .flat_map(|parsed| &parsed.diagnostics)
            .chain(notes)
            .cloned();
        compile(resources, diagnostics, identity, generation)
    }
}

#[derive(Debug, Default)]
struct Records {
    by_object: BTreeMap<Arc<ObjectRef>, Record>,
    diagnostics: Vec<Diagnostic>,
}

impl Records {
    fn parsed(&self) -> impl Iterator<Item = &Parsed> {
        self.by_object.values().map(|record| &record.parsed)
    }

    /// Takes a complete list; answers whether any record differs from before.
    fn replace(&mut self, objects: Vec<Announced>, identity: &Identity) -> bool {
        let mut changed = false;
        let mut next = BTreeMap::new();
        for object in objects {
            let key = Arc::clone(&object.origin.object);
            let record = match self.by_object.remove(&key) {
                Some(held) if held.fingerprint == object.fingerprint => held,
                Some(_) | None => {
                    changed = true;
                    Record::parse(&object, identity)
                }
            };
            next.insert(key, record);
        }
        // Whoever was not taken over is gone.
        changed |= !self.by_object.is_empty();
        self.by_object = next;
        changed
    }
}

#[derive(Debug)]
struct Record {
    fingerprint: u64,
    parsed: Parsed,
}

impl Record {
    fn parse(object: &Announced, identity: &Identity) -> Self {
        let parsed = contained(|| parse(object.form, &object.text, &object.origin, identity))
            .unwrap_or_else(|panicked| unreadable(&object.origin, &panicked.to_string()));
        Self {
            fingerprint: object.fingerprint,
            parsed,
        }
    }
}

fn unreadable(origin: &Origin, reason: &str) -> Parsed {
    let (Lines::From(line) | Lines::At(line)) = origin.lines;
    let at = Location {
        object: Arc::clone(&origin.object),
        file: origin.file.clone(),
        document: 0,
        line,
    };
    let diagnostic = Diagnostic {
        severity: Severity::Error,
        at,
        resource: None,
        reason: reason.into(),
    };
    Parsed {
        resources: Vec::new(),
        diagnostics: vec![diagnostic],
    }
}
