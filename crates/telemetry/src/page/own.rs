//! `ambassador_*` as Emissary's diagd says it, and `nuncio_*`: few numbers, with HELP.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::control::{ControlStats, StateStats};
use crate::histogram::{BOUNDS_US, Histogram};
use crate::process::{Memory, Process};
use crate::series::label_text;
use crate::telemetry::{BuildInfo, Telemetry};
use crate::text;

/// A number with so many decimal places.
#[derive(Clone, Copy)]
struct Fixed(u64, u32);

impl Fixed {
    fn whole(value: u64) -> Self {
        Self(value, 0)
    }

    fn hundredths(value: u64) -> Self {
        Self(value, 2)
    }

    fn nanos(value: u64) -> Self {
        Self(value, 9)
    }
}

pub(super) fn ambassador(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let control = &telemetry.control;
    let info = Family::start(
        out,
        "ambassador_diagnostics_info",
        "gauge",
        "Ambassador diagnostic info",
    );
    info.sample(
        out,
        "",
        &diagnostics_labels(&telemetry.build),
        Fixed::whole(1),
    );
    ambassador_phases(control, out);
    for (name, help, value) in [
        (
            "ambassador_diagnostics_errors",
            "Number of configuration errors",
            &control.errors,
        ),
        (
            "ambassador_diagnostics_notices",
            "Number of configuration notices",
            &control.warnings,
        ),
    ] {
        gauge(out, name, help, Fixed::whole(value.value()));
    }
    let level = Family::start(
        out,
        "ambassador_log_level",
        "gauge",
        "Whether the level is logged",
    );
    level.sample(
        out,
        "",
        "level=\"debug\"",
        Fixed::whole(control.debug_logging.value()),
    );
}

/// diagd's phases: reading Kubernetes, its own resources, its intermediate representation, Envoy's
/// configuration. Ours are reading, parsing, compiling, publishing.
fn ambassador_phases(control: &ControlStats, out: &mut Vec<u8>) {
    for (phase, help, last) in [
        (
            "reconfiguration",
            "Duration of the last reconfiguration",
            &control.reconfiguration_time,
        ),
        (
            "fetcher",
            "Duration of the last reading of sources",
            &control.fetch_time,
        ),
        (
            "aconf",
            "Duration of the last parsing of resources",
            &control.parse_time,
        ),
        (
            "ir",
            "Duration of the last compilation",
            &control.model_time,
        ),
        (
            "econf",
            "Duration of the last publication",
            &control.publish_time,
        ),
        (
            "diagnostics",
            "Duration of the last diagnostics",
            &control.diagnostics_time,
        ),
    ] {
        let name = format!("ambassador_{phase}_time_seconds");
        gauge(out, &name, help, Fixed::nanos(last.nanos()));
    }
}

/// The Python client's process metrics, under the prefix diagd gives them.
pub(super) fn ambassador_process(memory: Option<Memory>, out: &mut Vec<u8>) {
    let (Some(memory), Some(process)) = (memory, Process::read()) else {
        return;
    };
    for (name, help, value) in [
        (
            "virtual_memory_bytes",
            "Virtual memory size in bytes.",
            Fixed::whole(memory.mapped),
        ),
        (
            "resident_memory_bytes",
            "Resident memory size in bytes.",
            Fixed::whole(memory.resident),
        ),
        (
            "start_time_seconds",
            "Start time of the process since unix epoch in seconds.",
            Fixed::hundredths(process.start_hundredths()),
        ),
        (
            "open_fds",
            "Number of open file descriptors.",
            Fixed::whole(process.open_fds),
        ),
        (
            "max_fds",
            "Maximum number of open file descriptors.",
            Fixed::whole(process.max_fds),
        ),
    ] {
        gauge(out, &format!("ambassador_process_{name}"), help, value);
    }
    let help = "Total user and system CPU time spent in seconds.";
    let cpu = Fixed::hundredths(process.cpu_hundredths());
    counter(out, "ambassador_process_cpu_seconds_total", help, cpu);
}

pub(super) fn nuncio(telemetry: &Telemetry, out: &mut Vec<u8>) {
    let (build, timers) = (&telemetry.build, &telemetry.timers);
    let labels = label_text(&[("version", &build.version), ("commit", &build.commit)]);
    let info = Family::start(
        out,
        "nuncio_build_info",
        "gauge",
        "Always 1; labels say what runs.",
    );
    info.sample(out, "", &labels, Fixed::whole(1));
    nuncio_config(&telemetry.control, out);
    let lines = &telemetry.access_log_counts;
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
        counter(out, name, help, Fixed::whole(value.value()));
    }
}

fn nuncio_config(control: &ControlStats, out: &mut Vec<u8>) {
    seconds(
        out,
        "nuncio_config_compile_seconds",
        "Time to compile.",
        &control.compile_time,
    );
    seconds(
        out,
        "nuncio_config_propagation_seconds",
        "Time from the arrival of a change to its being served.",
        &control.propagation_time,
    );
    let help = "Diagnostics of the running configuration.";
    let diagnostics = Family::start(out, "nuncio_config_diagnostics", "gauge", help);
    for (labels, value) in [
        ("severity=\"error\"", &control.errors),
        ("severity=\"warning\"", &control.warnings),
    ] {
        diagnostics.sample(out, "", labels, Fixed::whole(value.value()));
    }
    nuncio_objects(control, out);
    nuncio_state(&control.state, out);
    let generation = Fixed::whole(control.generation.value());
    gauge(
        out,
        "nuncio_config_generation",
        "Number of the running configuration.",
        generation,
    );
    gauge(
        out,
        "nuncio_config_last_publish_timestamp_seconds",
        "Unix time when the running configuration started to run; 0 before the first.",
        Fixed::nanos(control.last_publish.nanos()),
    );
    gauge(
        out,
        "nuncio_leader",
        "Whether this gateway writes Events and status; at most one of its replicas does.",
        Fixed::whole(control.leader.value()),
    );
    control_plane(control, out);
}

fn nuncio_state(state: &StateStats, out: &mut Vec<u8>) {
    let stale = state.stale.value();
    gauge(
        out,
        "nuncio_config_stale",
        "1 while the saved state is served, because no source tells of a newer one.",
        Fixed::whole(stale),
    );
    let since = UNIX_EPOCH + Duration::from_nanos(state.stale_since.nanos());
    let age = match stale {
        0 => Duration::ZERO,
        _ => SystemTime::now().duration_since(since).unwrap_or_default(),
    };
    gauge(
        out,
        "nuncio_config_stale_age_seconds",
        "Age of the saved state that is served; 0 while none is.",
        Fixed::whole(age.as_secs()),
    );
    gauge(
        out,
        "nuncio_config_state_saved_timestamp_seconds",
        "Unix time when the running configuration was last saved; 0 before.",
        Fixed::nanos(state.saved.nanos()),
    );
    counter(
        out,
        "nuncio_config_state_failures_total",
        "Times the running configuration could not be saved.",
        Fixed::whole(state.failures.value()),
    );
}

fn nuncio_objects(control: &ControlStats, out: &mut Vec<u8>) {
    let help = "Objects by their newest version: live, not live but an older one kept, or invalid.";
    let objects = Family::start(out, "nuncio_config_objects", "gauge", help);
    for (labels, value) in [
        ("state=\"live\"", &control.objects.live),
        ("state=\"kept\"", &control.objects.kept),
        ("state=\"invalid\"", &control.objects.invalid),
    ] {
        objects.sample(out, "", labels, Fixed::whole(value.value()));
    }
    counter(
        out,
        "nuncio_config_invalid_changes_total",
        "New versions of objects that had an error.",
        Fixed::whole(control.invalid_changes.value()),
    );
}

/// One number for alerts, and one for each feed to say which.
fn control_plane(control: &ControlStats, out: &mut Vec<u8>) {
    let feeds = control.connected();
    if feeds.is_empty() {
        return;
    }
    let all = feeds.values().all(|connected| *connected);
    let help = "1 while every feed of configuration is connected.";
    let name = "nuncio_control_plane_connected";
    gauge(out, name, help, Fixed::whole(u64::from(all)));
    let help = "1 while the feed of configuration is connected.";
    let family = Family::start(out, "nuncio_feed_connected", "gauge", help);
    for (feed, connected) in feeds {
        let labels = label_text(&[("feed", feed)]);
        family.sample(out, "", &labels, Fixed::whole(u64::from(connected)));
    }
}

/// diagd prints Python's booleans.
fn diagnostics_labels(build: &BuildInfo) -> String {
    let single_namespace = if build.single_namespace {
        "True"
    } else {
        "False"
    };
    label_text(&[
        ("version", &build.version),
        ("ambassador_id", &build.ambassador_id),
        ("cluster_id", &build.cluster_id),
        ("single_namespace", single_namespace),
    ])
}

/// A histogram in seconds: Envoy's buckets, in base units.
fn seconds(out: &mut Vec<u8>, name: &str, help: &str, histogram: &Histogram) {
    let family = Family::start(out, name, "histogram", help);
    let distribution = histogram.distribution();
    for (bound, count) in BOUNDS_US.iter().zip(distribution.buckets) {
        let mut le = b"le=\"".to_vec();
        text::decimal(&mut le, *bound, 6);
        le.push(b'"');
        family.sample(
            out,
            "_bucket",
            &String::from_utf8_lossy(&le),
            Fixed::whole(count),
        );
    }
    let count = Fixed::whole(distribution.count());
    family.sample(out, "_bucket", "le=\"+Inf\"", count);
    family.sample(out, "_sum", "", Fixed::nanos(distribution.sum_ns));
    family.sample(out, "_count", "", count);
}

fn gauge(out: &mut Vec<u8>, name: &str, help: &str, value: Fixed) {
    Family::start(out, name, "gauge", help).sample(out, "", "", value);
}

fn counter(out: &mut Vec<u8>, name: &str, help: &str, value: Fixed) {
    Family::start(out, name, "counter", help).sample(out, "", "", value);
}

/// A family being written.
struct Family<'a>(&'a str);

impl<'a> Family<'a> {
    fn start(out: &mut Vec<u8>, name: &'a str, kind: &str, help: &str) -> Self {
        for part in [
            "# HELP ",
            name,
            " ",
            help,
            "\n# TYPE ",
            name,
            " ",
            kind,
            "\n",
        ] {
            out.extend_from_slice(part.as_bytes());
        }
        Self(name)
    }

    fn sample(&self, out: &mut Vec<u8>, suffix: &str, labels: &str, value: Fixed) {
        let (open, close) = if labels.is_empty() {
            ("", " ")
        } else {
            ("{", "} ")
        };
        for part in [self.0, suffix, open, labels, close] {
            out.extend_from_slice(part.as_bytes());
        }
        text::decimal(out, value.0, value.1);
        out.push(b'\n');
    }
}
