//! A place at a Route for what whoever runs it keeps with it.
//!
//! Invariant: filled once, and never again. It is not part of what the Route means: a place is
//! equal to every other, and that of a clone is empty.
//! Deliberately absent: knowing what it is.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};

/// What is kept with a Route, found without asking for anything by name.
#[derive(Default)]
pub struct Attachment(OnceLock<Arc<dyn Any + Send + Sync>>);

impl Attachment {
    /// What is kept, made if there is nothing yet; `None` when it is something else.
    pub fn get_or_attach<T: Any + Send + Sync>(&self, make: impl FnOnce() -> Arc<T>) -> Option<&T> {
        let kept: &(dyn Any + Send + Sync) = &**self.0.get_or_init(|| make());
        kept.downcast_ref()
    }

    /// Whether anything is kept.
    pub fn is_filled(&self) -> bool {
        self.0.get().is_some()
    }
}

impl Clone for Attachment {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Attachment {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Attachment {}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Attachment")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_attached_first_is_kept() {
        let place = Attachment::default();
        assert!(!place.is_filled());
        assert_eq!(place.get_or_attach(|| Arc::new(1_u32)), Some(&1));
        assert_eq!(place.get_or_attach(|| Arc::new(2_u32)), Some(&1));
        assert_eq!(place.get_or_attach(|| Arc::new("other")), None);
    }

    #[test]
    fn it_takes_no_more_than_three_words() {
        assert!(size_of::<Attachment>() <= 3 * size_of::<usize>());
    }

    #[test]
    fn a_clone_begins_empty_and_is_equal() {
        let place = Attachment::default();
        place.get_or_attach(|| Arc::new(1_u32));
        assert!(!place.clone().is_filled());
        assert_eq!(place.clone(), place);
    }
}
