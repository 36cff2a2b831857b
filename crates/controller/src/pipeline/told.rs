//! What is told of the configuration: each diagnostic in the log once, and how many objects
//! are wrong.
//!
//! Invariant: an object counts as wrong while a diagnostic of it in the last snapshot is an error.
//! Deliberately absent: copies of diagnostics. Two snapshots share what did not change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use nuncio_config::{Diagnostic, ObjectRef, Severity};
use nuncio_routing::Diagnostics;
use tracing::warn;

/// What has been told so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Those of the last snapshot, sorted by location.
    diagnostics: Diagnostics,
    /// Told before a snapshot had them.
    early: Vec<Diagnostic>,
    /// How many errors there are, by the object they are about.
    wrong: BTreeMap<Arc<ObjectRef>, usize>,
}

impl Told {
    /// Tells at once of what the next snapshot will have.
    pub(crate) fn tell_early(&mut self, diagnostic: Diagnostic) {
        log(&diagnostic);
        self.early.push(diagnostic);
    }

    /// Tells of what is new in a snapshot's diagnostics. Answers with the objects of which something
    /// else is to be told than before.
    pub(crate) fn update(&mut self, now: &Diagnostics) -> BTreeSet<Arc<ObjectRef>> {
        let before = std::mem::replace(&mut self.diagnostics, now.clone());
        let (new, gone) = (now.since(&before), before.since(now));
        for diagnostic in &new {
            self.count(diagnostic);
            if !self.early.contains(diagnostic) {
                log(diagnostic);
            }
        }
        for diagnostic in &gone {
            self.discount(diagnostic);
        }
        self.early.clear();
        let changed = new.into_iter().chain(gone);
        changed.map(|it| Arc::clone(&it.at.object)).collect()
    }

    /// The diagnostics of one object.
    pub(crate) fn of<'s>(&'s self, object: &'s ObjectRef) -> impl Iterator<Item = &'s Diagnostic> {
        self.diagnostics.of(object)
    }

    /// How many objects have an error.
    pub(crate) fn wrong(&self) -> usize {
        self.wrong.len()
    }

    fn count(&mut self, diagnostic: &Diagnostic) {
        if diagnostic.severity == Severity::Error {
            let object = Arc::clone(&diagnostic.at.object);
            *self.wrong.entry(object).or_default() += 1;
        }
    }

    fn discount(&mut self, diagnostic: &Diagnostic) {
        if diagnostic.severity != Severity::Error {
            return;
        }
        let object = &diagnostic.at.object;
        if let Some(errors) = self.wrong.get_mut(object) {
            *errors = errors.saturating_sub(1);
            if *errors == 0 {
                self.wrong.remove(object);
            }
        }
    }
}

fn log(diagnostic: &Diagnostic) {
    warn!(severity = %diagnostic.severity, "{diagnostic}");
}

#[cfg(test)]
mod tests {
    use nuncio_config::{Identity, Origin, parse_annotation};
    use nuncio_routing::compile;

    use super::*;

    fn diagnostics(texts: &[(&str, &str)]) -> Diagnostics {
        let parsed = texts.iter().flat_map(|(name, text)| {
            let origin = Origin::api(Arc::new(object(name)));
            parse_annotation(text, &origin, &Identity::default()).diagnostics
        });
        compile([], parsed, &Identity::default(), 1).diagnostics
    }

    fn object(name: &str) -> ObjectRef {
        ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        }
    }

    fn names(objects: &BTreeSet<Arc<ObjectRef>>) -> Vec<&str> {
        objects.iter().map(|object| &*object.name).collect()
    }

    const ERROR: &str = "kind: [Mapping\n";
    const ANOTHER: &str = "a text\n";
    const TWO: &str = "a text\n---\nanother\n";

    #[test]
    fn objects_are_named_whose_diagnostics_came_went_or_changed() {
        let mut told = Told::default();
        told.update(&diagnostics(&[
            ("changes", ERROR),
            ("goes", TWO),
            ("stays", ERROR),
        ]));
        assert_eq!(told.wrong(), 3);
        let now = diagnostics(&[("changes", ANOTHER), ("comes", ERROR), ("stays", ERROR)]);
        assert_eq!(names(&told.update(&now)), ["changes", "comes", "goes"]);
        assert_eq!(told.wrong(), 3);
        assert!(told.update(&now).is_empty());
        told.update(&Diagnostics::default());
        assert_eq!(told.wrong(), 0);
    }

    #[test]
    fn an_objects_diagnostics_are_found_among_all() {
        let mut told = Told::default();
        told.update(&diagnostics(&[("a", ERROR), ("b", TWO), ("c", ERROR)]));
        let of = |name| told.of(&object(name)).count();
        assert_eq!((of("a"), of("b"), of("c"), of("d")), (1, 2, 1, 0));
    }
}
