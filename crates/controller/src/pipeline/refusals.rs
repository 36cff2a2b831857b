//! What compiling refuses, for reasons that lie in other objects: its last good version is put back.
//!
//! Only an object that changed falls back: who is refused because another one changed has no better
//! version. The newest version is tried again when the object it was refused against changes or
//! goes; without such an object, with whatever changes next that it may wait for.
//!
//! Invariant: what is put back was in the last snapshot and compiles; else the newest version is put
//! in its place again.
//! Deliberately absent: who comes before whom. The compiler says that.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nuncio_config::{Diagnostic, ObjectRef, Parsed, Resource, Severity};
use nuncio_routing::{Compiled, Diagnostics, Refusal, Snapshot};

use super::kept::Kept;
use super::last_good::{self, Key, OnInvalid};
use super::objects::Objects;
use super::records::is_of;
use super::restless::{Changed, Restless};
use crate::change::Feed;

/// The newest versions that are not in force.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    by_object: BTreeMap<Arc<ObjectRef>, Vec<Refused>>,
    /// Who is waiting for an object to change.
    waiting: BTreeMap<Arc<ObjectRef>, BTreeSet<Arc<ObjectRef>>>,
    /// Who is waiting for anything to change.
    restless: Restless,
    /// Who is being tried again, and has not changed.
    tried: BTreeSet<Arc<ObjectRef>>,
}

/// A resource that was refused, and what was said about it.
#[derive(Debug)]
struct Refused {
    newest: Resource,
    told: Vec<Diagnostic>,
    against: Option<Arc<ObjectRef>>,
}

impl Refusals {
    /// Forgets what was refused of an object.
    pub(super) fn forget(&mut self, object: &ObjectRef) {
        self.retain(object, |_refused| false);
    }

    /// Forgets what was refused of what one of several feeds says of an object.
    pub(super) fn forget_of(&mut self, feed: Feed, object: &ObjectRef) {
        self.retain(object, |refused| !is_of(feed, &refused.newest.at));
    }

    fn retain(&mut self, object: &ObjectRef, keep: impl Fn(&Refused) -> bool) {
        let Some((object, all)) = self.by_object.remove_entry(object) else {
            return;
        };
        for refused in &all {
            self.stop_waiting(&object, refused.against.as_deref());
        }
        for refused in all.into_iter().filter(|refused| keep(refused)) {
            self.add(&object, refused);
        }
    }

    fn stop_waiting(&mut self, object: &ObjectRef, against: Option<&ObjectRef>) {
        let Some(against) = against else {
            self.restless.remove(object);
            return;
        };
        if let Some(waiting) = self.waiting.get_mut(against) {
            waiting.remove(object);
            if waiting.is_empty() {
                self.waiting.remove(against);
            }
        }
    }

    fn add(&mut self, object: &Arc<ObjectRef>, refused: Refused) {
        let waiting = match &refused.against {
            Some(against) => Some(self.waiting.entry(Arc::clone(against)).or_default()),
            None => None,
        };
        match waiting {
            Some(waiting) => drop(waiting.insert(Arc::clone(object))),
            None => self.restless.add(object, &refused.newest),
        }
        let all = self.by_object.entry(Arc::clone(object)).or_default();
        all.push(refused);
    }

    /// Who is to be tried again now that these have changed, all of them objects of this sort.
    fn due<'a>(
        &mut self,
        objects: impl Iterator<Item = &'a Arc<ObjectRef>>,
        changed: Changed,
    ) -> BTreeSet<Arc<ObjectRef>> {
        let waited = objects.filter_map(|object| self.waiting.get(object));
        let mut due: BTreeSet<_> = waited.flatten().map(Arc::clone).collect();
        due.extend(self.restless.next(changed));
        due
    }
}

impl Objects {
    /// Compiles what is in force. What has changed and is refused falls back.
    pub(super) fn settle(&mut self, generation: u64) -> Snapshot {
        self.refusals.tried = self.try_again();
        let compiled = (self.compile)(&mut self.compiler, generation);
        if self.rules.on_invalid == OnInvalid::Drop {
            return compiled.snapshot;
        }
        let fallen = self.fall_back(&compiled);
        if fallen.is_empty() {
            return compiled.snapshot;
        }
        let compiled = (self.compile)(&mut self.compiler, generation);
        if !self.rise_again(&fallen, &compiled.refused) {
            return compiled.snapshot;
        }
        (self.compile)(&mut self.compiler, generation).snapshot
    }

    /// Puts the newest versions in force again of what may no longer be refused. Answers of whom.
    fn try_again(&mut self) -> BTreeSet<Arc<ObjectRef>> {
        let changed = Changed::of(self.changed());
        let due = self.refusals.due(self.former.keys(), changed);
        for object in &due {
            let keys: Vec<Key> = self.refused_of(object);
            self.remember(object);
            for key in keys {
                self.put_newest(object, &key);
            }
            self.refusals.forget(object);
        }
        due
    }

    /// The resources of objects that have changed, as they were and as they are.
    fn changed(&self) -> impl Iterator<Item = &Resource> {
        let changed = self.former.iter().flat_map(|(object, former)| {
            let now = self.compiler.get(object);
            [former.parsed.as_deref(), now]
        });
        changed.flatten().flat_map(|parsed| &parsed.resources)
    }

    fn refused_of(&self, object: &ObjectRef) -> Vec<Key> {
        let refused = self.refusals.by_object.get(object).into_iter().flatten();
        refused.map(|refused| Key::of(&refused.newest)).collect()
    }

    /// Puts back the last good versions of what is refused. Answers of what.
    fn fall_back(&mut self, compiled: &Compiled) -> Vec<(Arc<ObjectRef>, Key)> {
        let mut fallen = Vec::new();
        for refusal in &compiled.refused {
            if let Some(key) = self.put_back(refusal, &compiled.snapshot.diagnostics) {
                fallen.push((Arc::clone(&refusal.object), key));
            }
        }
        fallen
    }

    fn put_back(&mut self, refusal: &Refusal, diagnostics: &Diagnostics) -> Option<Key> {
        let key = Key {
            kind: refusal.kind,
            namespace: refusal.namespace.clone(),
            name: refusal.name.clone(),
        };
        let former = self.former.get(&refusal.object)?;
        let older = former.resource(&key)?.clone();
        let mut parsed = self.compiler.get(&refusal.object)?.clone();
        let newest = parsed.resources.iter_mut().find(|it| key.is_of(it))?;
        if newest.kind == older.kind {
            return None;
        }
        let kept = former.keep(self.feed_of(&older), &older, self.generation);
        let newest = std::mem::replace(newest, older);
        let told = told(&newest, diagnostics, &parsed, &kept);
        parsed.diagnostics.extend(told.iter().cloned());
        let refused = Refused {
            newest,
            told,
            against: refusal.against.clone(),
        };
        self.refusals.add(&refusal.object, refused);
        let all = self.kept.entry(Arc::clone(&refusal.object)).or_default();
        all.retain(|held| held.key != key);
        all.push(kept);
        if !self.refusals.tried.contains(&refusal.object) {
            self.count_invalid_change();
        }
        self.put(&refusal.object, parsed);
        Some(key)
    }

    /// Puts the newest versions in force of what is refused in its older one too. Answers whether
    /// there is any.
    fn rise_again(&mut self, fallen: &[(Arc<ObjectRef>, Key)], refused: &[Refusal]) -> bool {
        let is_refused = |object: &Arc<ObjectRef>, key: &Key| {
            refused.iter().any(|refusal| {
                refusal.object == *object
                    && refusal.kind == key.kind
                    && refusal.namespace == key.namespace
                    && refusal.name == key.name
            })
        };
        let mut rose = false;
        for (object, key) in fallen {
            if is_refused(object, key) {
                self.put_newest(object, key);
                self.refusals
                    .retain(object, |refused| !key.is_of(&refused.newest));
                rose = true;
            }
        }
        rose
    }

    /// Puts the newest version of a resource in the place of the one that stayed.
    fn put_newest(&mut self, object: &Arc<ObjectRef>, key: &Key) {
        let all = self.refusals.by_object.get(object).into_iter().flatten();
        let Some(refused) = all.into_iter().find(|refused| key.is_of(&refused.newest)) else {
            return;
        };
        let Some(mut parsed) = self.compiler.get(object).cloned() else {
            return;
        };
        if let Some(older) = parsed.resources.iter_mut().find(|it| key.is_of(it)) {
            *older = refused.newest.clone();
        }
        parsed.diagnostics.retain(|it| !refused.told.contains(it));
        if let Some(kept) = self.kept.get_mut(object) {
            kept.retain(|held| held.key != *key);
            if kept.is_empty() {
                self.kept.remove(object);
            }
        }
        self.put(object, parsed);
    }

    fn feed_of(&self, resource: &Resource) -> Feed {
        let feeds = self.records.feeds_of(&resource.at.object);
        let own = feeds.iter().find(|feed| is_of(**feed, &resource.at));
        own.or(feeds.first()).copied().unwrap_or(Feed::Directories)
    }
}

/// What compiling said of a resource, with what became of it.
fn told(
    newest: &Resource,
    diagnostics: &Diagnostics,
    parsed: &Parsed,
    kept: &Kept,
) -> Vec<Diagnostic> {
    let label = newest.to_string();
    let concerns = |it: &&Diagnostic| {
        it.severity == Severity::Error
            && it.at == newest.at
            && it.resource.as_deref() == Some(&*label)
            && !parsed.diagnostics.contains(it)
    };
    let found = diagnostics.of(&newest.at.object).filter(concerns);
    let explained = found.map(|found| Diagnostic {
        reason: format!("{}; {}", found.reason, last_good::stays(kept.since)).into(),
        ..found.clone()
    });
    explained.collect()
}

#[cfg(test)]
mod tests {
    use nuncio_config::{Form, Identity, Origin, parse};

    use super::super::restless::RESTLESS;
    use super::*;

    fn object(name: &str) -> Arc<ObjectRef> {
        Arc::new(ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        })
    }

    fn refused(object: &Arc<ObjectRef>, file: Option<&str>) -> Refused {
        let origin = Origin {
            file: file.map(Into::into),
            ..Origin::api(Arc::clone(object))
        };
        let text = "kind: Mapping\nname: m\nprefix: /m/\nservice: s\n";
        let text = format!("apiVersion: ambassador/v1\n{text}");
        let parsed = parse(Form::Documents, &text, &origin, &Identity::default());
        Refused {
            newest: parsed.resources[0].clone(),
            told: Vec::new(),
            against: None,
        }
    }

    #[test]
    fn everybody_who_waits_for_anything_has_a_turn() {
        let mut refusals = Refusals::default();
        let all: BTreeSet<_> = (0..40).map(|n| object(&format!("s{n}"))).collect();
        for object in &all {
            refusals.add(object, refused(object, None));
        }
        let mut tried = BTreeSet::new();
        for _ in 0..3 {
            let due = refusals.due(std::iter::empty(), Changed::Anything);
            assert_eq!(due.len(), RESTLESS);
            tried.extend(due);
        }
        assert_eq!(tried, all);
    }

    #[test]
    fn what_one_feed_changes_leaves_what_is_refused_of_another() {
        let mut refusals = Refusals::default();
        let object = object("s");
        refusals.add(&object, refused(&object, None));
        refusals.add(&object, refused(&object, Some("s.yaml")));
        refusals.forget_of(Feed::Directories, &object);
        let left = &refusals.by_object[&object];
        assert_eq!(left.len(), 1);
        assert!(left[0].newest.at.file.is_none());
        assert!(refusals.restless.contains(&object));
        refusals.forget(&object);
        assert!(!refusals.restless.contains(&object) && refusals.by_object.is_empty());
    }
}
