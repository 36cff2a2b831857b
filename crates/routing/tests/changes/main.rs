//! Whatever happens to objects, in whatever order: what was compiled step by step is what would be
//! compiled from scratch.
//!
//! Events are random, and follow from a seed. `NUNCIO_ORACLE_EVENTS` says how many there are, and
//! `NUNCIO_ORACLE_SEED` which world is the first; a failure names the world it happened in.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what these lints allow in tests they do not allow in the functions tests share"
)]

mod documents;
mod edge;
mod requests;
mod world;

use std::env;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use world::World;

/// The events of a world; then another begins.
const LIFE: usize = 400;

#[test]
fn step_by_step_is_as_from_scratch() {
    let events = from_environment("NUNCIO_ORACLE_EVENTS").unwrap_or(10_000);
    let first = from_environment("NUNCIO_ORACLE_SEED").unwrap_or(1);
    let worlds = events.div_ceil(LIFE);
    for seed in (first..).take(worlds) {
        let outcome = catch_unwind(AssertUnwindSafe(|| World::new(seed as u64).live(LIFE)));
        if let Err(panicked) = outcome {
            eprintln!("to see it again: NUNCIO_ORACLE_SEED={seed} NUNCIO_ORACLE_EVENTS={LIFE}");
            resume_unwind(panicked);
        }
    }
}

fn from_environment(variable: &str) -> Option<usize> {
    let value = env::var(variable).ok()?;
    Some(value.replace('_', "").parse().expect("a number"))
}
