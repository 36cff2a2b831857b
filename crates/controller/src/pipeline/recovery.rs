//! A new compiler in the place of the one there is: after a panic, without the change that brought it
//! about, and after most objects are gone, in memory of its own.
//!
//! Invariant: what panics harms its own object, whose last good version is put back; all other
//! changes of the batch are live.
//! Deliberately absent: trying the same version again. The object's next change is the next try.

use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, ObjectRef, Parsed, Severity};
use nuncio_routing::{Compiler, Snapshot};
use tracing::error;

use super::kept::Former;
use super::last_good::OnInvalid;
use super::objects::{Effect, Objects};
use crate::containment::{Panicked, contained};

impl Objects {
    /// Compiles what is in force, without objects over which that panics.
    pub(crate) fn compile(&mut self, generation: u64) -> Result<Snapshot, Panicked> {
        if self.fatal.is_empty()
            && let Ok(snapshot) = contained(|| self.settle(generation))
        {
            return Ok(snapshot);
        }
        error!("compiling failed; starting anew without the change that did it");
        self.recover(generation)
    }

    /// Moves what objects say together, for what is freed to be given back. What is served stays the
    /// same, and is to be published for its older self to go.
    pub(crate) fn gather(&mut self) -> Effect {
        Effect::of(self.rebuild(&[]).is_ok())
    }

    /// Builds the compiler anew, change by change.
    fn recover(&mut self, generation: u64) -> Result<Snapshot, Panicked> {
        let fatal = std::mem::take(&mut self.fatal);
        let changed: Vec<_> = self.former.keys().map(Arc::clone).collect();
        let mut fresh = Vec::new();
        for object in &changed {
            let parsed = self.compiler.get(object).cloned();
            fresh.push((Arc::clone(object), parsed.unwrap_or_default()));
        }
        self.rebuild(&changed)?;
        let mut culprits = 0;
        for (object, parsed) in fresh {
            let accepted = culprits < CULPRITS
                && !fatal.contains(&object)
                && contained(|| self.attempt(&object, parsed, generation)).is_ok();
            if !accepted {
                culprits += 1;
                self.rebuild_without(&object)?;
            }
        }
        contained(|| self.settle(generation))
    }

    fn attempt(&mut self, object: &Arc<ObjectRef>, parsed: Parsed, generation: u64) {
        self.compiler.put(object, parsed);
        drop((self.compile)(&mut self.compiler, generation));
    }

    /// A new compiler that knows all objects as they are, but these as the last snapshot has them.
    fn rebuild(&mut self, changed: &[Arc<ObjectRef>]) -> Result<(), Panicked> {
        contained(|| {
            let mut compiler = Compiler::new(self.rules.identity.clone());
            for (object, parsed) in self.compiler.objects() {
                if changed.binary_search(object).is_err() {
                    compiler.put(object, parsed.clone());
                }
            }
            for object in changed {
                let former = self.former.get(object);
                if let Some(parsed) = former.and_then(|former| former.parsed.as_ref()) {
                    compiler.put(object, Parsed::clone(parsed));
                }
            }
            self.compiler = compiler;
        })
    }

    /// A new compiler that knows all objects as they are, but this one as the last snapshot has it,
    /// with a word on why.
    fn rebuild_without(&mut self, object: &Arc<ObjectRef>) -> Result<(), Panicked> {
        self.refusals.forget(object);
        self.rebuild(std::slice::from_ref(object))?;
        let kept = self.rules.on_invalid == OnInvalid::Keep;
        let former = self.former.get(object);
        let former = former.and_then(|former| former.parsed.as_deref().cloned());
        let mut parsed = former.filter(|_| kept).unwrap_or_default();
        parsed.diagnostics = vec![panicked(object, !parsed.resources.is_empty())];
        self.keep_all(object);
        contained(|| self.compiler.put(object, parsed))
    }

    /// All that an object had in the last snapshot is of an older version now.
    fn keep_all(&mut self, object: &Arc<ObjectRef>) {
        self.kept.remove(object);
        let Some(Former {
            parsed: Some(parsed),
            ..
        }) = self.former.get(object)
        else {
            return;
        };
        if self.rules.on_invalid == OnInvalid::Drop {
            return;
        }
        let feeds = self.records.feeds_of(object);
        let (Some(feed), Some(former)) = (feeds.first(), self.former.get(object)) else {
            return;
        };
        let kept = parsed.resources.iter();
        let kept: Vec<_> = kept
            .map(|resource| former.keep(*feed, resource, self.generation))
            .collect();
        if !kept.is_empty() {
            self.kept.insert(Arc::clone(object), kept);
        }
    }
}

fn panicked(object: &Arc<ObjectRef>, stays: bool) -> Diagnostic {
    let consequence = match stays {
        true => "; its last good version stays live",
        false => "",
    };
    let at = Location {
        object: Arc::clone(object),
        file: None,
        document: 0,
        line: 0,
    };
    Diagnostic {
        severity: Severity::Error,
        at,
        resource: None,
        reason: format!("{Panicked}{consequence}").into(),
    }
}

/// Further changes of a batch with so many fatal ones are not tried: each costs a compile of all.
const CULPRITS: usize = 16;
