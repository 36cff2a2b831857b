//! What runs, and what it writes elsewhere.

use super::super::form::{Family, Fixed, Form, Kind, Labels};
use super::super::ours::Ours;
use crate::refused::Refused;
use crate::resources::Resources;
use crate::telemetry::{BuildInfo, Telemetry};

pub(super) fn build(build: &BuildInfo, page: &mut impl Form) {
    page.family(&Family {
        name: "nuncio_build_info",
        kind: Kind::Gauge,
        help: "Always 1; labels say what runs.",
    });
    let labels = [("version", &*build.version), ("commit", &build.commit)];
    page.sample(Labels::of(&labels), Fixed::whole(1));
}

pub(super) fn running(telemetry: &Telemetry, ours: &Ours, page: &mut impl Form) {
    page.counter(
        "nuncio_series_overflow_total",
        "Series shown as part of others called _overflow, because the page has no more room.",
        telemetry.guard.overflowed.value(),
    );
    gateway(ours, page);
    resources(&telemetry.server.resources, page);
    refused(&telemetry.server.refused, page);
    certificates(ours, page);
    elsewhere(telemetry, page);
}

/// How busy it is.
fn gateway(ours: &Ours, page: &mut impl Form) {
    for (name, help, value) in [
        (
            "nuncio_workers",
            "Threads that serve requests; 0 before they are started.",
            ours.workers,
        ),
        (
            "nuncio_downstream_connections",
            "Open connections of clients.",
            ours.connections,
        ),
        (
            "nuncio_downstream_requests_active",
            "Requests that are being served.",
            ours.requests,
        ),
        (
            "nuncio_upstream_connections",
            "Open connections to upstreams, idle ones included.",
            ours.upstream_connections,
        ),
        (
            "nuncio_upstream_requests_pending",
            "Requests that wait for a connection to an upstream.",
            ours.upstream_pending,
        ),
    ] {
        page.gauge(name, help, Fixed::whole(value));
    }
}

/// What it has left.
fn resources(resources: &Resources, page: &mut impl Form) {
    page.gauge(
        "nuncio_downstream_connections_max",
        "Connections of clients that there may be; more are closed as they come.",
        Fixed::whole(resources.max_connections.value()),
    );
    page.counter(
        "nuncio_accept_failures_total",
        "Connections that could not be accepted, mostly for lack of file descriptors.",
        resources.accept_failures.value(),
    );
    page.family(&Family {
        name: "nuncio_panics_total",
        kind: Kind::Counter,
        help: "Panics that were confined, by what they ended.",
    });
    for (work, count) in resources.panics() {
        page.sample(Labels::of(&[("work", work.label())]), Fixed::whole(count));
    }
}

/// What did not pass.
fn refused(refused: &Refused, page: &mut impl Form) {
    reasons(
        "nuncio_refused_total",
        "Requests and connections of clients that were refused for what was sent, by reason.",
        refused.requests(),
        page,
    );
    reasons(
        "nuncio_upstream_answers_refused_total",
        "Answers of upstreams that were refused for what was sent, by reason.",
        refused.answers(),
        page,
    );
}

fn reasons(
    name: &'static str,
    help: &'static str,
    counts: impl Iterator<Item = (&'static str, u64)>,
    page: &mut impl Form,
) {
    let mut counts = counts.peekable();
    if counts.peek().is_none() {
        return;
    }
    page.family(&Family {
        name,
        kind: Kind::Counter,
        help,
    });
    for (reason, count) in counts {
        page.sample(Labels::of(&[("reason", reason)]), Fixed::whole(count));
    }
}

fn certificates(ours: &Ours, page: &mut impl Form) {
    if ours.certificates.is_empty() {
        return;
    }
    page.family(&Family {
        name: "nuncio_tls_certificate_expiry_timestamp_seconds",
        kind: Kind::Gauge,
        help: "Unix time when a certificate that is served expires.",
    });
    for (name, expiry) in &ours.certificates {
        page.sample(Labels::of(&[("certificate", name)]), Fixed::whole(*expiry));
    }
}

fn elsewhere(telemetry: &Telemetry, page: &mut impl Form) {
    let (lines, timers) = (&telemetry.access_log_counts, &telemetry.timers);
    let spans = &telemetry.spans;
    for (name, help, value) in [
        (
            "nuncio_access_log_written_total",
            "Lines of the access log that were written.",
            &lines.written,
        ),
        (
            "nuncio_access_log_dropped_total",
            "Lines of the access log that were not: too many at once, or no file to write to.",
            &lines.dropped,
        ),
        (
            "nuncio_statsd_datagrams_total",
            "Datagrams sent to statsd.",
            &timers.sent,
        ),
        (
            "nuncio_statsd_dropped_total",
            "Metrics not sent to statsd: timers beyond what it takes, and names too long for UDP.",
            &timers.dropped,
        ),
        (
            "nuncio_spans_sent_total",
            "Spans that the collector of traces took.",
            &spans.sent,
        ),
        (
            "nuncio_spans_dropped_total",
            "Spans that were lost: too many at once, or a collector that does not take them.",
            &spans.dropped,
        ),
    ] {
        page.counter(name, help, value.value());
    }
}
