//! What handles are called, for samples that bring no more than their ids.
//!
//! Invariant: workers never wait for who looks here, and nothing is kept while no samples come.

use std::collections::HashMap;

use crate::series::{Names, Wire};
use crate::telemetry::Telemetry;

/// The names of the handles there were when a sample of an unknown one came last.
#[derive(Debug, Default)]
pub(super) struct Called(HashMap<u32, Names>);

/// A look at the names; at most one of them costs finding out all of them.
#[derive(Debug)]
pub(super) struct Look<'a> {
    called: &'a mut Called,
    telemetry: &'a Telemetry,
    is_fresh: bool,
}

impl Called {
    pub(super) fn look<'a>(&'a mut self, telemetry: &'a Telemetry) -> Look<'a> {
        Look {
            called: self,
            telemetry,
            is_fresh: false,
        }
    }
}

impl Look<'_> {
    /// The wire name of a handle; `None` when there is no such handle any more.
    pub(super) fn wire(&mut self, handle: u32) -> Option<Wire<'_>> {
        if !self.is_fresh && !self.called.0.contains_key(&handle) {
            self.called.0 = self.telemetry.names().collect();
            self.is_fresh = true;
        }
        self.called.0.get(&handle).map(Names::wire)
    }
}
