//! `retry_policy`

use std::time::Duration;

use crate::fields::Fields;
use crate::mapping::{RetryOn, RetryPolicy};

pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<RetryPolicy> {
    if fields.says_nothing("retry_policy") {
        return None;
    }
    let policy = fields.section("retry_policy", |fields| {
        fields.review(&["retry_on", "num_retries", "per_try_timeout"]);
        fields.require(&["retry_on"]);
        let num_retries = fields.number("num_retries", 0..=u32::MAX);
        let per_try_timeout = fields.duration("per_try_timeout");
        Some(RetryPolicy {
            on: retry_on(fields)?,
            num_retries,
            per_try_timeout: per_try_timeout.filter(|timeout| *timeout > Duration::ZERO),
        })
    });
    policy.flatten()
}

fn retry_on(fields: &mut Fields<'_, '_>) -> Option<RetryOn> {
    let on = fields.parsed_by("retry_on", |text| {
        Ok(match text {
            "5xx" => RetryOn::FiveXx,
            "gateway-error" => RetryOn::GatewayError,
            "connect-failure" => RetryOn::ConnectFailure,
            "retriable-4xx" => RetryOn::Retriable4xx,
            "refused-stream" => RetryOn::RefusedStream,
            "retriable-status-codes" => RetryOn::RetriableStatusCodes,
            _ => return Err(UNKNOWN),
        })
    })?;
    if on == RetryOn::RetriableStatusCodes {
        let reason = "`retry_policy.retry_on`: nothing is tried again: there is no key that lists \
                      retriable status codes";
        fields.warning(fields.line_of("retry_on"), reason);
    }
    Some(on)
}

const UNKNOWN: &str = "is none of `5xx`, `gateway-error`, `connect-failure`, `retriable-4xx`, \
                       `refused-stream` and `retriable-status-codes`";
