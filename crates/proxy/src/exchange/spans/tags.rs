//! What spans say: Envoy's tags, all of them text.

use http::Version;
use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName};
use nuncio_tracing::{Tags, Text};
use pingora_http::RequestHeader;

use super::AttemptSpan;
use crate::exchange::facts::{self, Facts};
use crate::exchange::forwarding::X_REQUEST_ID;
use crate::exchange::grpc;

/// How much of a path a span says: Envoy's default.
const MAX_PATH: usize = 256;

const X_CLIENT_TRACE_ID: HeaderName = HeaderName::from_static("x-client-trace-id");
const X_ENVOY_DOWNSTREAM: HeaderName =
    HeaderName::from_static("x-envoy-downstream-service-cluster");
const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Of the request as a whole.
pub(super) fn of_gateway(facts: &Facts<'_>, received: &RequestHeader) -> Tags {
    let mut tags = Tags::with_capacity(24);
    tags.set("node_id", facts::hostname().unwrap_or_default());
    if let Some(id) = facts.request.forwarding.field(&X_REQUEST_ID) {
        tags.set("guid:x-request-id", Text::of_bytes(id.as_bytes()));
    }
    let headers = &received.headers;
    tags.set("http.url", url(facts, received));
    let method = received.method.as_str();
    tags.set("http.method", Text::of_bytes(method.as_bytes()));
    tags.set("downstream_cluster", field(headers, &X_ENVOY_DOWNSTREAM));
    tags.set("user_agent", field(headers, &USER_AGENT));
    tags.set("http.protocol", facts::protocol(received.version));
    tags.set("peer.address", Text::from(facts.connection.peer.ip()));
    if headers.contains_key(X_CLIENT_TRACE_ID) {
        let id = field(headers, &X_CLIENT_TRACE_ID);
        tags.set("guid:x-client-trace-id", id);
    }
    if grpc::is_call(headers) {
        add_grpc(facts, headers, &mut tags);
    }
    tags.set("request_size", facts.request.body_bytes.to_string());
    tags.set("response_size", facts.response.body_bytes.to_string());
    tags.set("component", "proxy");
    if let Some(cluster) = facts.upstream.cluster {
        let name = facts.upstream.cluster_name.unwrap_or(cluster);
        tags.set("upstream_cluster", name.to_owned());
        tags.set("upstream_cluster.name", cluster.to_owned());
    }
    tags.set("http.status_code", status(facts.response.status));
    tags.set("response_flags", flags(facts.response.flags).to_owned());
    tags
}

/// Of one attempt, the `nth` after the first, at the cluster with this name and this one in
/// statistics.
pub(super) fn of_attempt(
    nth: usize,
    attempt: &AttemptSpan,
    (cluster, stats_name): (&str, &str),
    version: Version,
) -> Tags {
    let mut tags = Tags::with_capacity(12);
    if nth > 0 {
        tags.set("retry.count", nth.to_string());
    }
    tags.set("http.protocol", facts::protocol(version));
    if let Some(endpoint) = attempt.endpoint {
        tags.set("upstream_address", endpoint.to_string());
        tags.set("peer.address", endpoint.to_string());
    }
    tags.set("component", "proxy");
    tags.set("upstream_cluster", cluster.to_owned());
    tags.set("upstream_cluster.name", stats_name.to_owned());
    tags.set("http.status_code", status(attempt.status));
    tags.set("response_flags", flags(attempt.flags));
    tags
}

/// As the client asked for it; the host as it goes on.
fn url(facts: &Facts<'_>, received: &RequestHeader) -> Text {
    let came = received.uri.path_and_query();
    let path = came.map_or("", http::uri::PathAndQuery::as_str);
    let mut end = path.len().min(MAX_PATH);
    while !path.is_char_boundary(end) {
        end -= 1;
    }
    let mut url = format!("{}://", facts.request.forwarding.scheme.as_str());
    url.push_str(&String::from_utf8_lossy(facts.request.host));
    url.push_str(path.get(..end).unwrap_or(path));
    Text::of_bytes(url.as_bytes())
}

fn add_grpc(facts: &Facts<'_>, headers: &HeaderMap, tags: &mut Tags) {
    let path = facts.request.path.split('?').next().unwrap_or_default();
    tags.set("grpc.path", Text::of_bytes(path.as_bytes()));
    tags.set("grpc.authority", Text::of_bytes(facts.request.host));
    tags.set("grpc.content_type", field(headers, &CONTENT_TYPE));
    if headers.contains_key(GRPC_TIMEOUT) {
        tags.set("grpc.timeout", field(headers, &GRPC_TIMEOUT));
    }
    let answered = facts.response.headers;
    if answered.is_some_and(|headers| headers.contains_key(GRPC_STATUS)) {
        let status = answered.map_or(Text::Static("-"), |headers| field(headers, &GRPC_STATUS));
        tags.set("grpc.status_code", status);
    }
}

fn field(headers: &HeaderMap, name: &HeaderName) -> Text {
    match headers.get(name) {
        Some(value) => Text::of_bytes(value.as_bytes()),
        None => Text::Static("-"),
    }
}

fn status(status: Option<u16>) -> String {
    status.unwrap_or(0).to_string()
}

fn flags(flags: &str) -> &str {
    if flags.is_empty() { "-" } else { flags }
}
