//! What happens to a request once its Route is known.

use std::time::Duration;

use nuncio_config::{HashOn, HeaderAddition, Priority, RetryOn, ServiceHost};
use serde::{Deserialize, Serialize};

use super::format::AsWritten;
use super::question::Question;
use crate::{
    Action, Balance, Cluster, ClusterIndex, Forward, HeaderRules, HostRewrite, Redirect,
    RequestHead, Route, Snapshot,
};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It goes to a cluster.
    Forward(Box<Forwarded>),
    /// The client is sent elsewhere.
    Redirect {
        /// The status.
        status: u16,
        /// The `location` header.
        location: String,
    },
    /// The gateway answers as a health check.
    Probe,
}

/// How a request is forwarded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Forwarded {
    /// Path and query that are sent.
    pub target: String,
    /// The host that is sent.
    pub host: String,
    /// Where it goes.
    pub upstream: Upstream,
    /// Request headers that are removed first.
    pub remove_request_headers: Vec<String>,
    /// Request headers that are added then, as `name: value`.
    pub add_request_headers: Vec<String>,
    /// Response headers that are removed first.
    pub remove_response_headers: Vec<String>,
    /// Response headers that are added then.
    pub add_response_headers: Vec<String>,
    /// Time for the whole response, in ms; `None` = no limit.
    pub timeout_ms: Option<u64>,
    /// Silence that ends the exchange, in ms; `None` = never.
    pub idle_timeout_ms: Option<u64>,
    /// When and how often it is sent again.
    pub retries: Option<String>,
    /// Whether the limits of high priority hold.
    pub high_priority: bool,
    /// What a hashing load balancer looks at.
    pub hash_on: Option<String>,
    /// Protocols that may be upgraded to.
    pub upgrades: Vec<String>,
    /// Whether answers may be read by pages of other origins.
    pub cors: bool,
    /// Where a copy goes.
    pub shadow: Option<Shadowed>,
}

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Upstream {
    /// The cluster's name.
    pub cluster: String,
    /// Host and port.
    pub address: String,
    /// Whether connections use TLS.
    pub tls: bool,
    /// Whether connections speak HTTP/2.
    pub http2: bool,
    /// How an endpoint is chosen.
    pub balance: String,
    /// Time for a connection, in ms.
    pub connect_timeout_ms: u64,
}

/// Who gets copies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shadowed {
    /// Of how many percent of the requests.
    pub percent: u8,
    /// Where they go.
    pub upstream: Upstream,
}

/// What an outcome depends on besides its Route.
pub(super) struct Circumstances<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) question: &'a Question,
    pub(super) head: &'a RequestHead<'a>,
}

impl Circumstances<'_> {
    pub(super) fn outcome(&self, route: &Route) -> Outcome {
        match &route.action {
            Action::Forward(forward) => Outcome::Forward(self.forwarded(route, forward).into()),
            Action::Redirect(redirect) => self.redirected(redirect),
            Action::Probe(_) => Outcome::Probe,
        }
    }

    fn redirected(&self, redirect: &Redirect) -> Outcome {
        let mut path = String::new();
        redirect.location_path(self.head.path, self.head.query, &mut path);
        Outcome::Redirect {
            status: redirect.status,
            location: format!("{}://{}{path}", self.question.scheme, redirect.host),
        }
    }

    fn forwarded(&self, route: &Route, forward: &Forward) -> Forwarded {
        let HeaderRules { remove, add } = &*forward.request_headers;
        let response = &route.response.headers;
        let retry = forward.retry.as_ref();
        Forwarded {
            target: self.target(forward),
            host: self.host(forward),
            upstream: self.upstream(forward.cluster),
            remove_request_headers: remove.iter().map(ToString::to_string).collect(),
            add_request_headers: add.iter().map(addition).collect(),
            remove_response_headers: response.remove.iter().map(ToString::to_string).collect(),
            add_response_headers: response.add.iter().map(addition).collect(),
            timeout_ms: forward.timeout.map(millis),
            idle_timeout_ms: forward.idle_timeout.map(millis),
            retries: retry.map(|retry| {
                let each = retry
                    .per_try_timeout
                    .map_or_else(String::new, |time| format!(", each within {time:?}"));
                format!("{} on {}{each}", retry.num_retries, retry_on(retry.on))
            }),
            high_priority: forward.priority == Priority::High,
            hash_on: forward.hash_on.as_deref().map(hash_on),
            upgrades: forward.upgrades.iter().map(ToString::to_string).collect(),
            cors: route.response.cors.is_some(),
            shadow: forward.shadow.map(|shadow| Shadowed {
                percent: shadow.percent,
                upstream: self.upstream(shadow.cluster),
            }),
        }
    }

    fn target(&self, forward: &Forward) -> String {
        let RequestHead { path, query, .. } = self.head;
        let mut target = String::new();
        if !forward.rewrite(path, *query, &mut target) {
            target.push_str(path);
            target.extend(query.iter().flat_map(|query| ["?", query]));
        }
        target
    }

    fn host(&self, forward: &Forward) -> String {
        let sent = self.head.host;
        match &forward.host {
            HostRewrite::Keep => sent.to_owned(),
            HostRewrite::To(host) => String::from_utf8_lossy(host.as_bytes()).into_owned(),
            HostRewrite::Upstream => match self.snapshot.cluster(forward.cluster) {
                Some(cluster) if matches!(cluster.host, ServiceHost::Name(_)) => {
                    cluster.host.to_string()
                }
                Some(_) | None => sent.to_owned(),
            },
        }
    }

    fn upstream(&self, index: ClusterIndex) -> Upstream {
        let cluster = self.snapshot.cluster(index);
        cluster.map_or_else(Upstream::nowhere, |cluster| Upstream::of(cluster))
    }
}

impl Upstream {
    fn of(cluster: &Cluster) -> Self {
        Self {
            cluster: cluster.name.to_string(),
            address: format!("{}:{}", cluster.host, cluster.port),
            tls: cluster.tls.is_some(),
            http2: cluster.http2,
            balance: balance(cluster.balance).to_owned(),
            connect_timeout_ms: millis(cluster.connect_timeout),
        }
    }

    /// An index of another Snapshot, which no Route has.
    fn nowhere() -> Self {
        Self {
            cluster: String::new(),
            address: String::new(),
            tls: false,
            http2: false,
            balance: String::new(),
            connect_timeout_ms: 0,
        }
    }
}

fn addition(addition: &HeaderAddition) -> String {
    let how = if addition.append { "" } else { " (replaces)" };
    format!("{}: {}{how}", addition.name, AsWritten(&addition.value))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn balance(balance: Balance) -> &'static str {
    match balance {
        Balance::RoundRobin => "round_robin",
        Balance::LeastRequest => "least_request",
        Balance::RingHash => "ring_hash",
        Balance::Maglev => "maglev",
    }
}

fn retry_on(on: RetryOn) -> &'static str {
    match on {
        RetryOn::FiveXx => "5xx",
        RetryOn::GatewayError => "gateway-error",
        RetryOn::ConnectFailure => "connect-failure",
        RetryOn::Retriable4xx => "retriable-4xx",
        RetryOn::RefusedStream => "refused-stream",
        RetryOn::RetriableStatusCodes => "retriable-status-codes",
    }
}

fn hash_on(hash_on: &HashOn) -> String {
    match hash_on {
        HashOn::Header(name) => format!("header {name}"),
        HashOn::Cookie { name, .. } => format!("cookie {name}"),
        HashOn::SourceIp => "source_ip".to_owned(),
    }
}
