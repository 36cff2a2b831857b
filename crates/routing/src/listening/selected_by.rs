//! Which Hosts have a Route by the labels of its Mapping.
//!
//! Invariant: takes the room of a pointer, and of no more where no Host selects anything.

use std::collections::BTreeSet;
use std::sync::Arc;

use nuncio_config::Selector;

use super::MappingSelector;

/// The selectors that a Route is selected by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectedBy(Option<Arc<Selection>>);

#[derive(Debug, PartialEq, Eq)]
enum Selection {
    /// By all of them, whatever they want.
    Everybody,
    These {
        /// Sorted; there is at least one.
        selectors: Box<[Selector]>,
        /// Whether a Host that selects nothing does not have the Route.
        only: bool,
    },
}

impl SelectedBy {
    /// By all selectors, whatever they want.
    pub(crate) fn everybody() -> Self {
        Self(Some(Arc::new(Selection::Everybody)))
    }

    /// By these, beside the Hosts that select nothing.
    pub(crate) fn these(selectors: BTreeSet<Selector>) -> Self {
        Self::selected(selectors, false)
    }

    /// By these, and by no Host that selects nothing.
    pub(crate) fn only(selectors: BTreeSet<Selector>) -> Self {
        Self::selected(selectors, true)
    }

    fn selected(selectors: BTreeSet<Selector>, only: bool) -> Self {
        if selectors.is_empty() {
            return Self::default();
        }
        Self(Some(Arc::new(Selection::These {
            selectors: selectors.into_iter().collect(),
            only,
        })))
    }

    /// Whether nobody selects it.
    pub(crate) fn is_nobody(&self) -> bool {
        self.0.is_none()
    }

    /// Whether Hosts that select nothing do not have it.
    pub(crate) fn is_reserved(&self) -> bool {
        matches!(self.0.as_deref(), Some(Selection::These { only: true, .. }))
    }

    /// Whether a Host has it.
    pub fn has(&self, host: &MappingSelector) -> bool {
        match host {
            MappingSelector::Any => !self.is_reserved(),
            MappingSelector::Nothing => false,
            MappingSelector::Labelled(wanted) => match self.0.as_deref() {
                None => false,
                Some(Selection::Everybody) => true,
                Some(Selection::These { selectors, .. }) => selectors.binary_search(wanted).is_ok(),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(key: &str) -> Selector {
        [(key.into(), "1".into())].into_iter().collect()
    }

    #[test]
    fn a_host_has_what_its_selector_selects() {
        let by = |keys: &[&str]| keys.iter().map(|key| selector(key)).collect();
        let [a, c] = ["a", "c"].map(|key| MappingSelector::Labelled(selector(key)));
        let asked = |route: SelectedBy| [&MappingSelector::Any, &a, &c].map(|it| route.has(it));
        assert_eq!(asked(SelectedBy::default()), [true, false, false]);
        assert_eq!(
            asked(SelectedBy::these(by(&["a", "b"]))),
            [true, true, false]
        );
        assert_eq!(
            asked(SelectedBy::only(by(&["a", "b"]))),
            [false, true, false]
        );
        assert_eq!(asked(SelectedBy::only(by(&[]))), [true, false, false]);
        assert_eq!(asked(SelectedBy::everybody()), [true, true, true]);
        assert!(!SelectedBy::everybody().has(&MappingSelector::Nothing));
    }

    #[test]
    fn one_that_nobody_selects_is_no_larger_than_a_pointer() {
        assert_eq!(size_of::<SelectedBy>(), size_of::<usize>());
    }
}
