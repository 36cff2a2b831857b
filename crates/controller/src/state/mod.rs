//! The configuration in force, saved for a start while the API server is away.
//!
//! Saved are the texts of all objects, and of the older versions that are live in their place: they
//! compile to the same snapshot, by whichever version of the gateway reads them.
//!
//! Invariant: a file is replaced whole or not at all, and read whole or not at all. Trouble with it
//! costs one line, and neither a change nor a start.
//! Deliberately absent: Secrets. None of them is read.

mod file;
mod format;
mod keeper;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use nuncio_config::{Identity, ObjectRef};
use nuncio_telemetry::Telemetry;
use tracing::warn;

use crate::change::{Announced, Feed};
use crate::pipeline::Document;
pub(crate) use keeper::Keeper;

/// Where state is kept.
#[derive(Debug)]
pub(crate) struct StateDir {
    path: PathBuf,
    identity: Identity,
}

/// What was in force.
#[derive(Debug)]
pub(crate) struct Saved {
    pub(crate) at: SystemTime,
    pub(crate) objects: BTreeMap<Key, SavedObject>,
}

/// An object, by the feed that tells of it.
pub(crate) type Key = (Feed, Arc<ObjectRef>);

/// What is in force of an object.
#[derive(Clone, Debug)]
pub(crate) struct SavedObject {
    pub(crate) newest: Announced,
    /// The documents of older versions that are live in the place of newer ones.
    pub(crate) kept: Vec<Document>,
}

impl StateDir {
    pub(crate) fn new(path: PathBuf, identity: Identity) -> Self {
        Self { path, identity }
    }

    /// What was saved last, if it can be used.
    pub(crate) fn load(&self) -> Option<Saved> {
        let file = file::path(&self.path);
        let refused = |reason: &dyn std::fmt::Display| {
            warn!(file = %file.display(), %reason, "the saved state is not used");
        };
        let bytes = file::read(&file)
            .inspect_err(|error| refused(error))
            .ok()??;
        let saved = format::decode(&bytes, &self.identity);
        saved.inspect_err(|reason| refused(reason)).ok()
    }

    /// Begins to save what is in force.
    ///
    /// Without a thread for it nothing is saved, which is told.
    pub(crate) fn keep(self, telemetry: &Arc<Telemetry>) -> Option<Keeper> {
        let keeper = Keeper::start(self, Arc::clone(telemetry));
        let failed = |error: &std::io::Error| warn!(%error, "cannot save the state");
        keeper.inspect_err(failed).ok()
    }
}
