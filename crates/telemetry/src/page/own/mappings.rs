//! `nuncio_mapping_*`: Mappings that have had a request, and the weights of those in groups.
//!
//! The label of the namespace is not called `namespace`, since that is what Prometheus calls the
//! gateway's own when it finds it in Kubernetes.

use super::super::form::{Durations, Family, Fixed, Form, Kind, Labels};
use super::super::ours::{MappingWeight, Ours};
use crate::mapping::MappingStats;

/// How far the families of Mappings are written.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::page) struct Progress {
    family: usize,
    mapping: usize,
}

/// A family, and how it is written of one Mapping.
type Written<F> = (Family<'static>, fn(&MappingStats, &mut F));

/// Mappings looked at in one go.
const GO: usize = 64;

impl Progress {
    /// Writes some more; whether there is more to come.
    pub(in crate::page) fn write<F: Form>(&mut self, ours: &Ours, page: &mut F) -> bool {
        let families: [Written<F>; 4] = [
            (REQUESTS, requests),
            (DURATION, duration),
            (RETRIES, |one, page| {
                page.sample(Labels::mapping(one), Fixed::whole(one.count.retries()));
            }),
            (TIMEOUTS, |one, page| {
                page.sample(Labels::mapping(one), Fixed::whole(one.count.timeouts()));
            }),
        ];
        let from = self.mapping;
        let Some((family, write)) = families.get(self.family) else {
            // The last family.
            self.mapping += GO;
            return !go((&WEIGHT, &ours.weights), from, page, weight);
        };
        let mappings = (family, &*ours.mappings);
        *self = match go(mappings, from, page, |one, page| write(one, page)) {
            true => Self {
                family: self.family + 1,
                mapping: 0,
            },
            false => Self {
                mapping: from + GO,
                ..*self
            },
        };
        true
    }
}

/// Some rows of a family; whether those were the last.
fn go<T, F: Form>(
    (family, rows): (&Family<'_>, &[T]),
    from: usize,
    page: &mut F,
    write: impl Fn(&T, &mut F),
) -> bool {
    let rest = rows.get(from..).unwrap_or_default();
    if rest.is_empty() || !page.wants(family.name) {
        return true;
    }
    match from {
        0 => page.family(family),
        _ => page.resume(family),
    }
    rest.iter().take(GO).for_each(|one| write(one, page));
    rest.len() <= GO
}

const REQUESTS: Family<'_> = Family {
    name: "nuncio_mapping_requests_total",
    kind: Kind::Counter,
    help: "Requests by the class of their answer, whoever gave it; none = there was no answer.",
};

const DURATION: Family<'_> = Family {
    name: "nuncio_mapping_request_duration_seconds",
    kind: Kind::Histogram,
    help: "Time from the first byte of a request to the end of its answer.",
};

const RETRIES: Family<'_> = Family {
    name: "nuncio_mapping_retries_total",
    kind: Kind::Counter,
    help: "Times that requests were sent again.",
};

const TIMEOUTS: Family<'_> = Family {
    name: "nuncio_mapping_timeouts_total",
    kind: Kind::Counter,
    help: "Requests that ended because the time for them was over.",
};

fn requests<F: Form>(mapping: &MappingStats, page: &mut F) {
    for (class, count) in mapping.count.classes() {
        let labels = Labels {
            mapping: Some(mapping),
            others: &[("code_class", class)],
        };
        page.sample(labels, Fixed::whole(count));
    }
}

fn duration<F: Form>(mapping: &MappingStats, page: &mut F) {
    let latency = mapping.count.latency();
    page.histogram(Labels::mapping(mapping), Durations::Fine(&latency, mapping));
}

/// Of groups of several Mappings only: the others have all requests.
const WEIGHT: Family<'_> = Family {
    name: "nuncio_mapping_weight_ratio",
    kind: Kind::Gauge,
    help: "Share that a Mapping is to have of the requests of its group.",
};

fn weight<F: Form>(weight: &MappingWeight, page: &mut F) {
    let labels = [
        ("mapping_namespace", &*weight.namespace),
        ("mapping", &weight.name),
    ];
    let percent = u64::from(weight.percent);
    page.sample(Labels::of(&labels), Fixed::hundredths(percent));
}

impl<'a> Labels<'a> {
    fn mapping(mapping: &'a MappingStats) -> Self {
        Self {
            mapping: Some(mapping),
            others: &[],
        }
    }
}
