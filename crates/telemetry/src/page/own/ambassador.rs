//! `ambassador_*`, as Emissary's diagd says it.

use super::super::form::{Family, Fixed, Form, Kind, Labels};
use crate::control::ControlStats;
use crate::telemetry::{BuildInfo, Telemetry};

pub(in crate::page) fn ambassador(telemetry: &Telemetry, page: &mut impl Form) {
    info(&telemetry.build, page);
    phases(&telemetry.control, page);
    let control = &telemetry.control;
    let errors = Fixed::whole(control.errors.value());
    page.gauge(
        "ambassador_diagnostics_errors",
        "Number of configuration errors",
        errors,
    );
    let notices = Fixed::whole(control.warnings.value());
    page.gauge(
        "ambassador_diagnostics_notices",
        "Number of configuration notices",
        notices,
    );
    let level = ("ambassador_log_level", "Whether the level is logged");
    let debug = control.debug_logging.value();
    page.gauges(level, "level", &[("debug", debug)]);
}

fn info(build: &BuildInfo, page: &mut impl Form) {
    // diagd prints Python's booleans.
    let single_namespace = match build.single_namespace {
        true => "True",
        false => "False",
    };
    page.family(&Family {
        name: "ambassador_diagnostics_info",
        kind: Kind::Gauge,
        help: "Ambassador diagnostic info",
    });
    let labels = [
        ("version", &*build.version),
        ("ambassador_id", &build.ambassador_id),
        ("cluster_id", &build.cluster_id),
        ("single_namespace", single_namespace),
    ];
    page.sample(Labels::of(&labels), Fixed::whole(1));
}

/// diagd's phases: reading Kubernetes, its own resources, its intermediate representation, Envoy's
/// configuration. Ours are reading, parsing, compiling, publishing.
fn phases(control: &ControlStats, page: &mut impl Form) {
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
        page.gauge(&name, help, Fixed::nanos(last.nanos()));
    }
}
