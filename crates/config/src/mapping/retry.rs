//! `retry_policy`

use std::time::Duration;

/// When a request is sent again, and how often.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RetryPolicy {
    /// `retry_on`
    pub on: RetryOn,
    /// `num_retries`: after the first attempt; `None` = Envoy's 1.
    pub num_retries: Option<u32>,
    /// `per_try_timeout`; `None` = the route's timeout only.
    pub per_try_timeout: Option<Duration>,
}

/// `retry_on`: what is tried again, in Envoy's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RetryOn {
    /// `5xx`: a status of 500 and above, or no answer at all (disconnect, reset, timeout).
    FiveXx,
    /// `gateway-error`: 502, 503 or 504, or no answer at all.
    GatewayError,
    /// `connect-failure`: no connection.
    ConnectFailure,
    /// `retriable-4xx`: 409.
    Retriable4xx,
    /// `refused-stream`: an HTTP/2 stream reset with REFUSED_STREAM.
    RefusedStream,
    /// `retriable-status-codes`: Emissary has no key that lists codes, so none is.
    RetriableStatusCodes,
}
