//! All Terminations, each once.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::{Termination, TerminationIndex};

/// Those that were asked for, in this order.
#[derive(Debug, Default)]
pub(super) struct Terminations {
    all: Vec<Arc<Termination>>,
    places: HashMap<Arc<Termination>, TerminationIndex>,
    contexts: HashSet<Box<str>>,
}

impl Terminations {
    /// The place of one.
    pub(super) fn place(&mut self, termination: Termination) -> TerminationIndex {
        if let Some(place) = self.places.get(&termination) {
            return *place;
        }
        let place = TerminationIndex::new(self.all.len());
        self.contexts.insert(termination.context.clone());
        let termination = Arc::new(termination);
        self.all.push(Arc::clone(&termination));
        self.places.insert(termination, place);
        place
    }

    /// Whether any comes of this context.
    pub(super) fn are_by(&self, context: &str) -> bool {
        self.contexts.contains(context)
    }

    pub(super) fn into_all(self) -> Box<[Arc<Termination>]> {
        self.all.into()
    }
}
