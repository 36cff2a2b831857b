//! The buffers of one worker, which all that it carries share.
//!
//! Invariant: whoever has nothing to write has no buffer, so that connections that are quiet cost
//! nothing here, and those that are not find a buffer that is still in the cache.

use std::cell::RefCell;

/// Buffers that nobody has.
#[derive(Debug, Default)]
pub(crate) struct Buffers(RefCell<Vec<Box<[u8]>>>);

/// What is read at once. Less costs more calls, more does not stay in the cache.
pub(super) const LENGTH: usize = 128 * 1024;

/// How many are kept. Beyond one they are had by those whose other end does not keep up.
const KEPT: usize = 8;

impl Buffers {
    pub(super) fn take(&self) -> Box<[u8]> {
        let kept = self.0.borrow_mut().pop();
        kept.unwrap_or_else(|| vec![0; LENGTH].into())
    }

    pub(super) fn give_back(&self, buffer: Box<[u8]>) {
        let mut kept = self.0.borrow_mut();
        if kept.len() < KEPT {
            kept.push(buffer);
        }
    }
}
