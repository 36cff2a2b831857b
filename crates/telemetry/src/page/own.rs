//! Our own families, and diagd's, with HELP.
//!
//! Invariant: the same families in every form.

mod ambassador;
mod config;
mod feeds;
mod mappings;
mod process;
mod running;

use super::form::Form;
use super::ours::Ours;
use crate::telemetry::Telemetry;
pub(super) use ambassador::ambassador;
pub(super) use mappings::Progress;
pub(super) use process::ambassador_process;

/// `nuncio_*` and `process_*`.
pub(super) fn nuncio(telemetry: &Telemetry, ours: &Ours, page: &mut impl Form) {
    running(telemetry, ours, page);
    let mut progress = Progress::default();
    while progress.write(ours, page) {}
}

/// What there is once, and so is short.
pub(super) fn running(telemetry: &Telemetry, ours: &Ours, page: &mut impl Form) {
    running::build(&telemetry.build, page);
    config::config(&telemetry.control, page);
    feeds::feeds(&telemetry.control, page);
    feeds::dns(telemetry.dns(), page);
    mappings::weights(&ours.weights, page);
    running::running(telemetry, ours, page);
    process::process(ours.memory, page);
}
