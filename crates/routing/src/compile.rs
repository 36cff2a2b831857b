//! Turns resources into a [`Snapshot`] as if nothing had been compiled before, and the Mappings of one
//! group into Routes.
//!
//! Invariant: pure and independent of the order of its inputs. Resources are taken in the order of
//! their [`Location`](nuncio_config::Location) (object, file, document, line), and "earlier",
//! "later" and "insertion" mean this order throughout. A mistake costs the resource that makes it
//! and leaves a [`Diagnostic`].
//! Deliberately absent: what is kept from one compilation to the next, which [`Compiler`] knows.

mod attributes;
mod contexts;
mod defaults;
mod forward;
mod groups;
mod listening;
mod matching;
mod membership;
mod named;
mod precedence;
mod probes;
mod reach;
mod report;
mod resolution;
mod routes;
mod selectors;
mod surprises;
mod tenancy;
pub(crate) mod told;
mod upstream;
mod weights;

use std::sync::Arc;

use nuncio_config::{Diagnostic, Identity, ObjectRef, Parsed, Resource};

use crate::{Compiler, Snapshot};
pub(crate) use defaults::Defaults;
pub(crate) use listening::Listened;
pub(crate) use matching::{GroupKey, Matching};
pub(crate) use named::{Class, Named};
pub(crate) use precedence::Precedence;
pub(crate) use probes::{BuiltIn, built_in};
pub(crate) use report::{Place, Report};
pub(crate) use resolution::{SERVICE, canonical};
pub(crate) use routes::{Routes, Surroundings};
pub(crate) use selectors::Selectors;
pub(crate) use told::Told;

/// Compiles `resources`, taking over the diagnostics of their parsing.
pub fn compile<'r>(
    resources: impl IntoIterator<Item = &'r Resource>,
    parse_diagnostics: impl IntoIterator<Item = Diagnostic>,
    identity: &Identity,
    generation: u64,
) -> Snapshot {
    let all = Parsed {
        resources: resources.into_iter().cloned().collect(),
        diagnostics: parse_diagnostics.into_iter().collect(),
    };
    let mut compiler = Compiler::new(identity.clone());
    compiler.put(&Arc::new(whoever()), all);
    compiler.compile(generation).snapshot
}

/// Who says it does not matter: resources and diagnostics name their objects themselves.
fn whoever() -> ObjectRef {
    let nobody = Box::<str>::default;
    ObjectRef {
        kind: nobody(),
        namespace: nobody(),
        name: nobody(),
    }
}
