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

/// Of `nuncio_*` and `process_*` what there is once, and so is short. What there is of every
/// Mapping is for [`Progress`].
pub(super) fn running(telemetry: &Telemetry, ours: &Ours, page: &mut impl Form) {
    running::build(&telemetry.build, page);
    config::config(&telemetry.control, page);
    feeds::feeds(&telemetry.control, page);
    feeds::dns(telemetry.dns(), page);
    running::running(telemetry, ours, page);
    process::process(telemetry, ours.memory, page);
}
