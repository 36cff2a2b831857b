//! The status of custom resources: `state` and `reason`, as Emissary writes them for Mappings.
//!
//! Emissary writes `Running` or `Inactive` with a reason when `AMBASSADOR_UPDATE_MAPPING_STATUS` is
//! `true`, and nothing else. Here errors are always written, since their author looks for them
//! there; `Running` only then, or in the place of an error that was written before.
//!
//! Invariant: a status is written when what we have to say changed and differs from what is there,
//! never because somebody else wrote: two gateways that disagree do not fight.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kube::core::DynamicObject;
use nuncio_config::ObjectRef;
use serde_json::{Value, json};

use super::desk::Desk;
use super::kinds::Kind;
use super::lane::Work;
use super::pen::{Pen, Unwritten};

/// Which states are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum States {
    /// Errors, and that they are mended.
    #[default]
    Errors,
    /// That of every Mapping, as Emissary with `AMBASSADOR_UPDATE_MAPPING_STATUS`.
    All,
}

/// Writes states.
pub(super) struct StateWriter {
    pen: Arc<Pen>,
    desk: Arc<Desk>,
    states: States,
    /// Those written in this term, in case the server does not say who wrote what.
    written: Mutex<BTreeSet<Arc<ObjectRef>>>,
}

impl StateWriter {
    pub(super) fn new((pen, desk): (Arc<Pen>, Arc<Desk>), states: States) -> Self {
        Self {
            pen,
            desk,
            states,
            written: Mutex::default(),
        }
    }

    /// Begins a term.
    pub(super) fn begin_term(&self) {
        self.written().clear();
    }

    /// Compares every object of a kind with what is known, and queues those that differ.
    pub(super) async fn compare(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
    ) -> Result<(), Unwritten> {
        let mut token = None;
        loop {
            let page = self.pen.list(kind, namespace, (None, token)).await?;
            for found in &page.items {
                let Some(object) = super::reference(kind, found) else {
                    continue;
                };
                if self.wanted(kind, &object, found).is_some() {
                    self.desk.states.push(&object);
                }
            }
            token = page.metadata.continue_.filter(|token| !token.is_empty());
            if token.is_none() {
                return Ok(());
            }
        }
    }

    /// What is to be written in the place of what is there.
    fn wanted(&self, kind: &Kind, object: &ObjectRef, found: &DynamicObject) -> Option<Value> {
        let complaint = self.desk.complaint(object);
        let ours = self.pen.wrote_status_of(found) || self.written().contains(object);
        let state = match complaint {
            Some(complaint) if complaint.live => State::of("Running", Some(complaint.note)),
            Some(complaint) => State::of("Inactive", Some(complaint.note)),
            None if self.desk.is_served(object) && (ours || self.all(object)) => {
                State::of("Running", None)
            }
            None if ours && self.desk.has_heard(kind.feed) => State::default(),
            None => return None,
        };
        (State::there(found) != state)
            .then(|| json!({"state": state.state, "reason": state.reason}))
    }

    fn all(&self, object: &ObjectRef) -> bool {
        self.states == States::All && &*object.kind == "Mapping"
    }

    fn written(&self) -> MutexGuard<'_, BTreeSet<Arc<ObjectRef>>> {
        self.written.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Work for StateWriter {
    const WHAT: &str = "states of custom resources";

    async fn write(&self, object: &Arc<ObjectRef>) -> Result<(), Unwritten> {
        let Some(kind) = Kind::named(&object.kind) else {
            return Ok(());
        };
        let at = (&*object.namespace, &*object.name);
        let found = self.pen.read(kind, at).await;
        if matches!(found, Err(Unwritten::Gone)) {
            self.written().remove(object);
        }
        let found = found?;
        let Some(status) = self.wanted(kind, object, &found) else {
            return Ok(());
        };
        self.pen.set_status(kind, &found, status).await?;
        self.written().insert(Arc::clone(object));
        Ok(())
    }
}

/// What a status says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct State {
    state: Option<Box<str>>,
    reason: Option<Box<str>>,
}

impl State {
    fn of(state: &str, reason: Option<Box<str>>) -> Self {
        Self {
            state: Some(state.into()),
            reason,
        }
    }

    fn there(found: &DynamicObject) -> Self {
        let text = |field: &str| {
            let text = found.data.get("status")?.get(field)?.as_str()?;
            Some(text).filter(|text| !text.is_empty()).map(Into::into)
        };
        Self {
            state: text("state"),
            reason: text("reason"),
        }
    }
}
