//! `nuncio_mapping_*`: Mappings that have had a request.
//!
//! The label of the namespace is not called `namespace`, since that is what Prometheus calls the
//! gateway's own when it finds it in Kubernetes.

use super::super::form::{Durations, Family, Fixed, Form, Kind, Labels};
use super::super::ours::{MappingWeight, Ours};
use crate::mapping::{MappingCounts, MappingStats};

pub(super) fn mappings(ours: &Ours, page: &mut impl Form) {
    weights(&ours.weights, page);
    let mappings = &ours.mappings;
    if mappings.is_empty() {
        return;
    }
    requests(mappings, page);
    durations(mappings, page);
    counts(
        (
            "nuncio_mapping_retries_total",
            "Times that requests were sent again.",
        ),
        mappings,
        MappingCounts::retries,
        page,
    );
    counts(
        (
            "nuncio_mapping_timeouts_total",
            "Requests that ended because the time for them was over.",
        ),
        mappings,
        MappingCounts::timeouts,
        page,
    );
}

type Shown = [std::sync::Arc<MappingStats>];

fn requests(mappings: &Shown, page: &mut impl Form) {
    page.family(&Family {
        name: "nuncio_mapping_requests_total",
        kind: Kind::Counter,
        help: "Requests by the class of their answer, whoever gave it; none = there was no answer.",
    });
    for mapping in mappings {
        for (class, count) in mapping.count.classes() {
            let labels = Labels {
                mapping: Some(mapping),
                others: &[("code_class", class)],
            };
            page.sample(labels, Fixed::whole(count));
        }
    }
}

fn durations(mappings: &Shown, page: &mut impl Form) {
    page.family(&Family {
        name: "nuncio_mapping_request_duration_seconds",
        kind: Kind::Histogram,
        help: "Time from the first byte of a request to the end of its answer.",
    });
    for mapping in mappings {
        let latency = mapping.count.latency();
        page.histogram(Labels::mapping(mapping), Durations::Fine(&latency, mapping));
    }
}

fn counts(
    (name, help): (&str, &str),
    mappings: &Shown,
    count: fn(&MappingCounts) -> u64,
    page: &mut impl Form,
) {
    let kind = Kind::Counter;
    page.family(&Family { name, kind, help });
    for mapping in mappings {
        page.sample(
            Labels::mapping(mapping),
            Fixed::whole(count(&mapping.count)),
        );
    }
}

/// Of groups of several Mappings only: the others have all requests.
fn weights(weights: &[MappingWeight], page: &mut impl Form) {
    if weights.is_empty() {
        return;
    }
    page.family(&Family {
        name: "nuncio_mapping_weight_ratio",
        kind: Kind::Gauge,
        help: "Share that a Mapping is to have of the requests of its group.",
    });
    for weight in weights {
        let labels = [
            ("mapping_namespace", &*weight.namespace),
            ("mapping", &weight.name),
        ];
        let percent = u64::from(weight.percent);
        page.sample(Labels::of(&labels), Fixed::hundredths(percent));
    }
}

impl<'a> Labels<'a> {
    fn mapping(mapping: &'a MappingStats) -> Self {
        Self {
            mapping: Some(mapping),
            others: &[],
        }
    }
}
