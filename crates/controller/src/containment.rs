//! Keeps a panic over one object from ending the control path.
//!
//! Parsers and the compiler are written not to panic; they read what any tenant may write, so that
//! promise is backed here as well. The panic itself is reported by the process's panic hook.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The work panicked; its result does not exist.
#[derive(Debug, thiserror::Error)]
#[error("internal error (a panic, see the log)")]
pub(crate) struct Panicked;

/// Runs `work`, turning a panic into `Panicked`.
///
/// `work` must not leave a value that outlives it half changed: callers pass closures that only
/// build something new.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Result<T, Panicked> {
    catch_unwind(AssertUnwindSafe(work)).map_err(|_panic| Panicked)
}

#[cfg(test)]
mod tests {
    use super::contained;

    #[test]
    fn a_panic_becomes_an_error() {
        assert_eq!(contained(|| 7).ok(), Some(7));
        assert!(contained(|| panic!("hostile input")).is_err());
    }
}
