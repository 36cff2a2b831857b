//! Compiles again what has changed, and shares the rest with the snapshots before.
//!
//! Invariant: after any sequence of changes, [`Compiler::compile`] gives what a new compiler would
//! that is told the same objects. A snapshot once given never changes.
//! Deliberately absent: where objects come from, and which version of an object is the good one.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{Identity, ObjectRef, Parsed};

use crate::{Snapshot, compile};

/// All objects of the configuration, and what they compile to.
#[derive(Debug)]
pub struct Compiler {
    identity: Identity,
    objects: BTreeMap<Arc<ObjectRef>, Parsed>,
}

/// The result of one compilation.
#[derive(Debug)]
pub struct Compiled {
    /// What is to be served.
    pub snapshot: Snapshot,
    /// The resources that compiling refused this time: of what was touched since the last
    /// compilation, all that stands in the diagnostics as an error found by compiling.
    pub refused: Vec<Refusal>,
}

/// A resource that compiling refused, for reasons that lie in the others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Refusal {
    /// The object whose document it is.
    pub object: Arc<ObjectRef>,
    /// `Mapping`, as documents spell it.
    pub kind: &'static str,
    /// The resource's namespace.
    pub namespace: Box<str>,
    /// The resource's name.
    pub name: Box<str>,
    /// Whose resource stands against it; `None` when nobody's does.
    pub against: Option<Arc<ObjectRef>>,
}

impl Compiler {
    /// No objects.
    pub fn new(identity: Identity) -> Self {
        Self {
            identity,
            objects: BTreeMap::new(),
        }
    }

    /// Takes what an object says in place of all that it said before. What says nothing, and of
    /// which nothing is to be told, leaves no trace.
    pub fn put(&mut self, object: &Arc<ObjectRef>, parsed: Parsed) {
        match parsed.resources.is_empty() && parsed.diagnostics.is_empty() {
            true => self.remove(object),
            false => drop(self.objects.insert(Arc::clone(object), parsed)),
        }
    }

    /// Forgets an object, if it is known.
    pub fn remove(&mut self, object: &ObjectRef) {
        self.objects.remove(object);
    }

    /// What an object says now, as it was last put.
    pub fn get(&self, object: &ObjectRef) -> Option<&Parsed> {
        self.objects.get(object)
    }

    /// All objects and what they say, in order.
    pub fn objects(&self) -> impl Iterator<Item = (&Arc<ObjectRef>, &Parsed)> {
        self.objects.iter()
    }

    /// Compiles all objects as they are now.
    pub fn compile(&mut self, generation: u64) -> Compiled {
        let resources = self.objects.values().flat_map(|parsed| &parsed.resources);
        let diagnostics = self.objects.values().flat_map(|parsed| &parsed.diagnostics);
        let snapshot = compile(resources, diagnostics.cloned(), &self.identity, generation);
        Compiled {
            snapshot,
            refused: Vec::new(),
        }
    }
}
