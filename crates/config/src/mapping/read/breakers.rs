//! `circuit_breakers`, and the kinds `CircuitBreaker` and `OutlierDetection` of v0.

use std::time::Duration;

use crate::fields::Fields;
use crate::mapping::{CircuitBreaker, OutlierDetection, keys};

pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Box<[CircuitBreaker]>> {
    let breakers = fields.list("circuit_breakers", |fields| {
        fields.review(&[
            "priority",
            "max_connections",
            "max_pending_requests",
            "max_requests",
            "max_retries",
        ]);
        Some(CircuitBreaker {
            priority: super::priority(fields, "priority"),
            max_connections: fields.number("max_connections", ANY),
            max_pending_requests: fields.number("max_pending_requests", ANY),
            max_requests: fields.number("max_requests", ANY),
            max_retries: fields.number("max_retries", ANY),
        })
    })?;
    let mut seen = Vec::new();
    for CircuitBreaker { priority, .. } in &breakers {
        let priority = priority.unwrap_or_default();
        if seen.contains(&priority) {
            let reason = "`circuit_breakers`: of several with the same `priority` the first counts";
            fields.warning(fields.line_of("circuit_breakers"), reason);
        }
        seen.push(priority);
    }
    Some(breakers)
}

const ANY: std::ops::RangeInclusive<u32> = 0..=u32::MAX;

/// Reads v0 `kind: CircuitBreaker`; `None` after an error.
pub(crate) fn circuit_breaker(fields: &mut Fields<'_, '_>) -> Option<CircuitBreaker> {
    keys::review_kind(fields, &["max_connections", "max_pending", "max_retries"]);
    fields.whole(|fields| CircuitBreaker {
        max_connections: Some(fields.number("max_connections", ANY).unwrap_or(1)),
        max_pending_requests: Some(fields.number("max_pending", ANY).unwrap_or(1)),
        max_retries: Some(fields.number("max_retries", ANY).unwrap_or(3)),
        ..CircuitBreaker::default()
    })
}

/// Reads v0 `kind: OutlierDetection`; `None` after an error.
pub(crate) fn outlier_detection(fields: &mut Fields<'_, '_>) -> Option<OutlierDetection> {
    keys::review_kind(fields, &["consecutive_5xx", "max_ejection", "interval_ms"]);
    fields.whole(|fields| {
        let percent = fields.number("max_ejection", 0..=100);
        let interval = fields.number("interval_ms", 1..=u32::MAX);
        OutlierDetection {
            consecutive_5xx: fields.number("consecutive_5xx", 1..=u32::MAX).unwrap_or(5),
            max_ejection_percent: percent
                .and_then(|percent| u8::try_from(percent).ok())
                .unwrap_or(100),
            interval: Duration::from_millis(interval.unwrap_or(3000).into()),
        }
    })
}
