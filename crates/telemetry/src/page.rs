//! The Prometheus page, text format 0.0.4.
//!
//! Order: Envoy's families (counters, gauges, histograms; within those by scope, then by name;
//! series by label), then diagd's `ambassador_*`, then `nuncio_*`.
//!
//! Invariants: every family is contiguous, its TYPE comes first, a family without series is not
//! mentioned, and no series appears twice.
//! Deliberately absent: OpenMetrics, which would rename Envoy's counters to end in `_total`.

mod envoy;
mod own;

use crate::telemetry::Telemetry;

pub(crate) fn render(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let handles = telemetry.handles();
    envoy::render(telemetry, &handles, out);
    own::ambassador(telemetry, out);
    own::ambassador_process(handles.memory, out);
    own::nuncio(telemetry, out);
}
