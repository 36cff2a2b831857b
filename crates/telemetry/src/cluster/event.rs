//! What can happen between the gateway and an upstream, in the words of the proxy.

/// Why there is no connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectFailure {
    /// Refused, unreachable, or the TLS handshake failed.
    Refused,
    /// Not established in time.
    Timeout,
}

/// A limit of the cluster that was reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// Connections: the request waits.
    Connections,
    /// Requests that wait for a connection: the request is refused.
    Pending,
    /// Requests with a connection: the request is refused.
    Requests,
}

/// What a circuit breaker counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// Open connections.
    Connections,
    /// Requests without a connection.
    Pending,
    /// Requests with a connection.
    Requests,
    /// Requests sent again.
    Retries,
}

/// What an attempt that is given up for another came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryCause {
    /// A response, which is thrown away.
    Response(u16),
    /// No response.
    Failure,
}

/// Why a retryable request is not sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryRefused {
    /// It was sent as often as the route allows.
    LimitExceeded,
    /// The cluster has too many retries under way.
    Overflow,
}

/// How looking up the cluster's name ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// Other addresses than before.
    Changed {
        /// How many there are now.
        endpoints: usize,
    },
    /// The addresses known already.
    Unchanged,
    /// An answer without addresses; those known stay in use.
    Empty,
    /// No answer; those known stay in use.
    Failed,
}

/// What Ambassador's diagnostics page shows of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClusterSummary {
    /// Endpoints fit to use.
    pub endpoints_healthy: u64,
    /// Endpoints known.
    pub endpoints_total: u64,
    /// Times the cluster's name was looked up.
    pub update_attempts: u64,
    /// Times that gave an answer.
    pub update_successes: u64,
    /// Requests answered, also by the gateway itself.
    pub responses: u64,
    /// Those with a 4xx status.
    pub responses_4xx: u64,
    /// Those with a 5xx status.
    pub responses_5xx: u64,
}
