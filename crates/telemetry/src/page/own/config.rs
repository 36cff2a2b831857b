//! `nuncio_config_*`: what becomes of what users write.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::super::form::{Durations, Family, Fixed, Form, Kind, Labels};
use crate::control::{ControlStats, IssuanceCounters, StateStats};
use crate::histogram::Histogram;

pub(super) fn config(control: &ControlStats, page: &mut impl Form) {
    seconds(
        ("nuncio_config_compile_seconds", "Time to compile."),
        &control.compile_time,
        page,
    );
    seconds(
        (
            "nuncio_config_propagation_seconds",
            "Time from the arrival of a change to its being served.",
        ),
        &control.propagation_time,
        page,
    );
    running(control, page);
    issuances(&control.issuances, page);
    objects(control, page);
    state(&control.state, page);
}

fn issuances(issuances: &IssuanceCounters, page: &mut impl Form) {
    let name = "nuncio_acme_orders_total";
    let (kind, help) = (
        Kind::Counter,
        "Certificates that authorities were asked for.",
    );
    page.family(&Family { name, kind, help });
    for (outcome, counter) in [
        ("issued", &issuances.issued),
        ("refused", &issuances.refused),
        ("rate_limited", &issuances.rate_limited),
        ("failed", &issuances.failed),
    ] {
        let value = Fixed::whole(counter.value());
        page.sample(Labels::of(&[("outcome", outcome)]), value);
    }
}

fn running(control: &ControlStats, page: &mut impl Form) {
    page.gauge(
        "nuncio_config_generation",
        "Number of the running configuration.",
        Fixed::whole(control.generation.value()),
    );
    page.gauge(
        "nuncio_config_last_publish_timestamp_seconds",
        "Unix time when the running configuration started to run; 0 before the first.",
        Fixed::nanos(control.last_publish.nanos()),
    );
    page.gauges(
        (
            "nuncio_config_diagnostics",
            "Diagnostics of the running configuration.",
        ),
        "severity",
        &[
            ("error", control.errors.value()),
            ("warning", control.warnings.value()),
        ],
    );
    page.gauge(
        "nuncio_leader",
        "Whether this gateway writes Events and status; at most one of its replicas does.",
        Fixed::whole(control.leader.value()),
    );
}

fn objects(control: &ControlStats, page: &mut impl Form) {
    let help = "Objects by their newest version: live, not live but an older one kept, or invalid.";
    page.gauges(
        ("nuncio_config_objects", help),
        "state",
        &[
            ("live", control.objects.live.value()),
            ("kept", control.objects.kept.value()),
            ("invalid", control.objects.invalid.value()),
        ],
    );
    page.counter(
        "nuncio_config_invalid_changes_total",
        "New versions of objects that had an error.",
        control.invalid_changes.value(),
    );
}

fn state(state: &StateStats, page: &mut impl Form) {
    let stale = state.stale.value();
    page.gauge(
        "nuncio_config_stale",
        "1 while the saved state is served, because no source tells of a newer one.",
        Fixed::whole(stale),
    );
    let since = UNIX_EPOCH + Duration::from_nanos(state.stale_since.nanos());
    let age = match stale {
        0 => Duration::ZERO,
        _ => SystemTime::now().duration_since(since).unwrap_or_default(),
    };
    page.gauge(
        "nuncio_config_stale_age_seconds",
        "Age of the saved state that is served; 0 while none is.",
        Fixed::whole(age.as_secs()),
    );
    page.gauge(
        "nuncio_config_state_saved_timestamp_seconds",
        "Unix time when the running configuration was last saved; 0 before.",
        Fixed::nanos(state.saved.nanos()),
    );
    page.counter(
        "nuncio_config_state_failures_total",
        "Times the running configuration could not be saved.",
        state.failures.value(),
    );
}

/// A histogram in seconds: Envoy's buckets, in base units.
fn seconds((name, help): (&str, &str), histogram: &Histogram, page: &mut impl Form) {
    let kind = Kind::Histogram;
    page.family(&Family { name, kind, help });
    let distribution = histogram.distribution();
    page.histogram(Labels::default(), Durations::Coarse(&distribution));
}
