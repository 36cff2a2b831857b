//! Every object that is ours, and which version of it is in force.
//!
//! Invariant: an object is parsed once per text. A list replaces what a feed said as a whole, so an
//! object that is there before and after it is there throughout. What two feeds say of one object
//! counts together.
//! Deliberately absent: what objects parse to. The compiler has that, and is asked.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{
    Diagnostic, Identity, Lines, Location, ObjectRef, Origin, Parsed, Resource, Severity, parse,
};
use nuncio_routing::{Compiled, Compiler};

use super::kept::{Document, Former, Kept};
use super::last_good::{self, Key, OnInvalid};
use super::records::{Records, Texts, is_of};
use super::refusals::Refusals;
use super::standing::Since;
use crate::change::{Announced, Feed};
use crate::containment::contained;
use crate::state::{self, SavedObject};

/// Whether taking a change altered anything that compiling looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    Changed,
    Unchanged,
}

impl Effect {
    pub(crate) fn of(changed: bool) -> Self {
        if changed {
            Self::Changed
        } else {
            Self::Unchanged
        }
    }

    pub(crate) fn or(self, other: Self) -> Self {
        Self::of(self == Self::Changed || other == Self::Changed)
    }
}

/// Compiles; another one is for tests.
pub(crate) type Compile = fn(&mut Compiler, u64) -> Compiled;

/// Who this gateway is, and what it does about mistakes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Rules {
    pub(crate) identity: Identity,
    pub(crate) on_invalid: OnInvalid,
}

/// All objects, and the compiler that knows what they say.
#[derive(Debug)]
pub(crate) struct Objects {
    pub(super) rules: Rules,
    pub(super) compiler: Compiler,
    pub(super) compile: Compile,
    pub(super) records: Records,
    /// The objects that changed since the last snapshot, as it has them.
    pub(super) former: BTreeMap<Arc<ObjectRef>, Former>,
    pub(super) kept: BTreeMap<Arc<ObjectRef>, Vec<Kept>>,
    pub(super) refusals: Refusals,
    /// Objects over which the compiler panicked when it was told of them.
    pub(super) fatal: Vec<Arc<ObjectRef>>,
    /// The generation of the last snapshot.
    pub(super) generation: u64,
    /// Versions that had an error, since somebody asked.
    invalid_changes: u64,
}

impl Objects {
    pub(crate) fn new(rules: Rules, texts: Texts) -> Self {
        Self {
            compiler: Compiler::new(rules.identity.clone()),
            compile: Compiler::compile,
            records: Records::new(texts),
            rules,
            former: BTreeMap::new(),
            kept: BTreeMap::new(),
            refusals: Refusals::default(),
            fatal: Vec::new(),
            generation: 0,
            invalid_changes: 0,
        }
    }

    /// Replaces all that `feed` told before.
    pub(crate) fn list(
        &mut self,
        feed: Feed,
        objects: Vec<Announced>,
        diagnostics: Vec<Diagnostic>,
    ) -> Effect {
        let mut effect = Effect::Unchanged;
        for object in self.records.missing(feed, &objects) {
            effect = effect.or(self.remove(feed, &object));
        }
        for object in objects {
            // Its text is freed before the next is parsed.
            effect = effect.or(self.apply(feed, &object));
        }
        effect.or(self.note(feed, diagnostics))
    }

    /// Adds or replaces one object.
    pub(crate) fn apply(&mut self, feed: Feed, said: &Announced) -> Effect {
        let object = &said.origin.object;
        if self.records.has(feed, said) {
            return Effect::Unchanged;
        }
        self.remember(object);
        self.records.say(feed, said);
        let mut newest = self.parsed(said);
        let wrong = last_good::is_wrong(&newest);
        self.invalid_changes += u64::from(wrong);
        let older = match wrong {
            true => self.older(feed, object),
            false => Vec::new(),
        };
        let kept = match self.rules.on_invalid {
            OnInvalid::Keep => self.keep((feed, object), &mut newest, &older),
            OnInvalid::Drop => {
                last_good::explain_dropped(&mut newest, &older);
                Vec::new()
            }
        };
        self.put_version(feed, object, newest, kept);
        Effect::Changed
    }

    /// Takes an object as it was saved: its older versions count as those of the last snapshot.
    pub(crate) fn restore(&mut self, feed: Feed, saved: &SavedObject) {
        let object = &saved.newest.origin.object;
        let mut older = Parsed::default();
        let mut kept = Vec::new();
        for document in &saved.kept {
            for resource in self.read_again(document) {
                kept.push(Kept {
                    feed,
                    key: Key::of(&resource),
                    since: Since::Saved,
                    document: Some(document.clone()),
                });
                older.resources.push(resource);
            }
        }
        if !kept.is_empty() {
            let mut whole = self.compiler.get(object).cloned().unwrap_or_default();
            whole.resources.extend(older.resources.iter().cloned());
            self.put(object, whole);
            let all = self.kept.entry(Arc::clone(object)).or_default();
            all.extend(kept.iter().cloned());
            self.former.remove(object);
        }
        self.apply(feed, &saved.newest);
        self.count_as_former(object, older.resources, kept);
    }

    /// What is saved of an object counts as what the last snapshot has of it, with the older
    /// versions in the place of newer ones, which compiling may refuse again.
    fn count_as_former(&mut self, object: &Arc<ObjectRef>, older: Vec<Resource>, kept: Vec<Kept>) {
        let mut former = self.now(object);
        let mut parsed = former.parsed.as_deref().cloned().unwrap_or_default();
        for (resource, kept) in older.into_iter().zip(kept) {
            parsed.resources.retain(|it| !kept.key.is_of(it));
            parsed.resources.push(resource);
            former.kept_mut().retain(|held| held.key != kept.key);
            former.kept_mut().push(kept);
        }
        former.parsed = Some(Arc::new(parsed));
        self.former.insert(Arc::clone(object), former);
    }

    /// What is in force of an object, to be saved; by feed, `None` where it says nothing any more.
    pub(crate) fn saved(
        &self,
        object: &Arc<ObjectRef>,
        former: &Former,
    ) -> BTreeMap<state::Key, Option<SavedObject>> {
        let key = |feed| (feed, Arc::clone(object));
        let gone = former.texts().iter().map(|(feed, _)| (key(*feed), None));
        let mut saved: BTreeMap<_, _> = gone.collect();
        for (feed, newest) in self.records.texts_of(object) {
            let kept = self.kept.get(object).into_iter().flatten();
            let kept = kept.filter(|kept| kept.feed == feed);
            let kept = kept.filter_map(|kept| kept.document.clone()).collect();
            saved.insert(key(feed), Some(SavedObject { newest, kept }));
        }
        saved
    }

    /// Forgets one object.
    pub(crate) fn remove(&mut self, feed: Feed, object: &Arc<ObjectRef>) -> Effect {
        if !self.records.knows(feed, object) {
            return Effect::Unchanged;
        }
        self.remember(object);
        self.records.silence(feed, object);
        self.put_version(feed, object, Parsed::default(), Vec::new());
        Effect::Changed
    }

    /// Replaces the remarks on a feed and its objects.
    pub(crate) fn note(&mut self, feed: Feed, notes: Vec<Diagnostic>) -> Effect {
        let renoted = self.records.note(feed, notes);
        let effect = Effect::of(!renoted.is_empty());
        for changed in renoted {
            let mut parsed = self
                .compiler
                .get(&changed.object)
                .cloned()
                .unwrap_or_default();
            parsed.diagnostics.retain(|it| !changed.before.contains(it));
            let notes = self.records.notes_on(&changed.object).cloned();
            parsed.diagnostics.extend(notes);
            self.remember(&changed.object);
            self.put(&changed.object, parsed);
        }
        effect
    }

    /// Adds a remark on the feed itself; its next list withdraws it.
    pub(crate) fn remark(&mut self, feed: Feed, diagnostic: Diagnostic) -> Effect {
        let mut notes = self.records.notes(feed);
        if notes.contains(&diagnostic) {
            return Effect::Unchanged;
        }
        notes.push(diagnostic);
        self.note(feed, notes)
    }

    /// Withdraws the remarks on the feed itself.
    pub(crate) fn withdraw_notes(&mut self, feed: Feed) -> Effect {
        self.note(feed, Vec::new())
    }

    /// The objects that changed since this was asked last, as the snapshot before has them.
    pub(crate) fn take_changed(&mut self, generation: u64) -> BTreeMap<Arc<ObjectRef>, Former> {
        self.generation = generation;
        std::mem::take(&mut self.former)
    }

    /// What is in force of an object.
    pub(crate) fn in_force(&self, object: &ObjectRef) -> &[Resource] {
        let parsed = self.compiler.get(object);
        parsed.map(|parsed| &*parsed.resources).unwrap_or_default()
    }

    /// How many objects there are.
    pub(crate) fn len(&self) -> usize {
        self.records.len()
    }

    /// The resources that are live in an older version, by object.
    pub(crate) fn kept(&self) -> &BTreeMap<Arc<ObjectRef>, Vec<Kept>> {
        &self.kept
    }

    /// Whether others are kept than in the last snapshot.
    pub(crate) fn keeps_others(&self) -> bool {
        let mut changed = self.former.iter();
        changed.any(|(object, former)| {
            let now = self.kept.get(object).map(Vec::as_slice);
            now.unwrap_or_default() != former.kept()
        })
    }

    /// How many versions of objects had an error since this was asked last.
    pub(crate) fn take_invalid_changes(&mut self) -> u64 {
        std::mem::take(&mut self.invalid_changes)
    }

    pub(super) fn count_invalid_change(&mut self) {
        self.invalid_changes += 1;
    }

    pub(super) fn parsed(&self, said: &Announced) -> Parsed {
        contained(|| parse(said.form, &said.text, &said.origin, &self.rules.identity))
            .unwrap_or_else(|panicked| unreadable(&said.origin, &panicked.to_string()))
    }

    /// The resources of a document that was live, at the place where it stood.
    fn read_again(&self, document: &Document) -> Vec<Resource> {
        let identity = &self.rules.identity;
        let read = || parse(document.form, &document.text, &document.origin, identity);
        let mut resources = contained(read).unwrap_or_default().resources;
        for resource in &mut resources {
            resource.at.document = document.number;
        }
        resources
    }

    /// Before anything changes about an object: holds on to what the last snapshot has of it.
    pub(super) fn remember(&mut self, object: &Arc<ObjectRef>) {
        if self.former.contains_key(object) {
            return;
        }
        let former = self.now(object);
        self.former.insert(Arc::clone(object), former);
    }

    /// An object as it is.
    fn now(&self, object: &Arc<ObjectRef>) -> Former {
        let kept = self.kept.get(object).cloned().unwrap_or_default();
        let texts = self.records.texts_of(object);
        Former::new(self.compiler.share(object), kept, texts)
    }

    pub(super) fn put(&mut self, object: &Arc<ObjectRef>, parsed: Parsed) {
        if contained(|| self.compiler.put(object, parsed)).is_err() {
            self.fatal.push(Arc::clone(object));
        }
    }

    /// The resources that the last snapshot has of what `feed` says of an object.
    fn older(&self, feed: Feed, object: &Arc<ObjectRef>) -> Vec<Resource> {
        let former = self.former.get(object);
        let Some(parsed) = former.and_then(|former| former.parsed.as_ref()) else {
            return Vec::new();
        };
        let shared = self.records.is_shared(feed, object);
        let own = parsed.resources.iter();
        let own = own.filter(|resource| !shared || is_of(feed, &resource.at));
        own.cloned().collect()
    }

    /// Puts into `newest` what stays of `older` beside it.
    fn keep(
        &self,
        (feed, object): (Feed, &ObjectRef),
        newest: &mut Parsed,
        older: &[Resource],
    ) -> Vec<Kept> {
        let staying = last_good::staying(newest, older);
        let staying: Vec<&Resource> = staying.iter().filter_map(|&at| older.get(at)).collect();
        let kept = staying.iter().filter_map(|resource| {
            let former = self.former.get(object)?;
            Some(former.keep(feed, resource, self.generation))
        });
        let kept: Vec<Kept> = kept.collect();
        let keys: Vec<Key> = kept.iter().map(|kept| kept.key.clone()).collect();
        let told: Vec<(Key, Since)> = kept.iter().map(|k| (k.key.clone(), k.since)).collect();
        last_good::make_room(newest, &keys);
        last_good::explain(newest, &told);
        newest.resources.extend(staying.into_iter().cloned());
        kept
    }

    /// Makes a version of what `feed` says of an object the one in force.
    fn put_version(
        &mut self,
        feed: Feed,
        object: &Arc<ObjectRef>,
        version: Parsed,
        kept: Vec<Kept>,
    ) {
        let mut whole = version;
        let mut staying = kept;
        if self.records.is_shared(feed, object) {
            let others = self.said_by_others(feed, object);
            whole.resources.extend(others.resources);
            whole.diagnostics.extend(others.diagnostics);
            let held = self.kept.remove(object).unwrap_or_default();
            staying.extend(held.into_iter().filter(|held| held.feed != feed));
            self.refusals.forget_of(feed, object);
        } else {
            self.refusals.forget(object);
        }
        whole
            .diagnostics
            .extend(self.records.notes_on(object).cloned());
        match staying.is_empty() {
            true => drop(self.kept.remove(object)),
            false => drop(self.kept.insert(Arc::clone(object), staying)),
        }
        self.put(object, whole);
    }

    /// What is in force of what other feeds say of an object, without remarks.
    fn said_by_others(&self, feed: Feed, object: &ObjectRef) -> Parsed {
        let mut parsed = self.compiler.get(object).cloned().unwrap_or_default();
        let notes: Vec<_> = self.records.notes_on(object).collect();
        parsed.resources.retain(|it| !is_of(feed, &it.at));
        parsed
            .diagnostics
            .retain(|it| !is_of(feed, &it.at) && !notes.contains(&it));
        parsed
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
