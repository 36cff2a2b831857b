//! The process, as Prometheus' client libraries say it: `process_*`, and under the prefix that diagd
//! gives it.

use super::super::form::{Family, Fixed, Form, Kind, Labels};
use crate::memory::memory_limit;
use crate::process::{Memory, Process};
use crate::telemetry::Telemetry;

/// `process_*`, and what bounds it.
pub(super) fn process(telemetry: &Telemetry, memory: Option<Memory>, page: &mut impl Form) {
    under("", memory, page);
    let measured = telemetry.server.resources.memory();
    if let Some(limit) = measured.map(|(limit, _)| limit).or_else(memory_limit) {
        page.gauge(
            "nuncio_memory_limit_bytes",
            "Memory that the gateway may use; absent without a limit.",
            Fixed::whole(limit),
        );
    }
    if let Some((_, used)) = measured {
        page.gauge(
            "nuncio_memory_used_bytes",
            "What counts against that limit.",
            Fixed::whole(used),
        );
    }
}

/// `ambassador_process_*`.
pub(in crate::page) fn ambassador_process(memory: Option<Memory>, page: &mut impl Form) {
    under("ambassador_", memory, page);
}

fn under(prefix: &str, memory: Option<Memory>, page: &mut impl Form) {
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
        page.gauge(&format!("{prefix}process_{name}"), help, value);
    }
    page.family(&Family {
        name: &format!("{prefix}process_cpu_seconds_total"),
        kind: Kind::Counter,
        help: "Total user and system CPU time spent in seconds.",
    });
    let cpu = Fixed::hundredths(process.cpu_hundredths());
    page.sample(Labels::default(), cpu);
}
