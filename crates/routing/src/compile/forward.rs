//! How the requests of one member go to its cluster.

use http::{HeaderName, HeaderValue};
use nuncio_config::{
    Format, HashOn, HeaderAddition, LoadBalancer, Mapping, PathMatch, Piece, Rewrite,
};

use super::attributes::Attributes;
use super::defaults::Defaults;
use super::routes::Surroundings;
use crate::settings::limit;
use crate::{ClusterIndex, Forward, HostRewrite, Shadow};

/// Where a member's requests go.
pub(super) struct Destination {
    pub(super) cluster: ClusterIndex,
    pub(super) shadow: Option<Shadow>,
    /// `host:port` of the service, for linkerd.
    pub(super) authority: Box<str>,
}

/// A member's Forward: its own attributes and those of its group.
pub(super) fn forward(
    mapping: &Mapping,
    attributes: Attributes<'_>,
    destination: &Destination,
    surroundings: &Surroundings<'_>,
) -> Box<Forward> {
    let Surroundings {
        settings, defaults, ..
    } = surroundings;
    let unsaid = surroundings.identity.defaults.stream_idle_timeout;
    let mut request_headers = attributes.request_headers;
    if let Some(addition) = linkerd(mapping, defaults, &destination.authority) {
        request_headers.add.push(addition);
    }
    Box::new(Forward {
        cluster: destination.cluster,
        prefix_len: mapping.path.as_str().len(),
        rewrite: rewrite(mapping),
        regex_rewrite: attributes.regex_rewrite.cloned().map(Box::new),
        host: host(mapping),
        request_headers: request_headers.into(),
        timeout: mapping
            .timeout
            .map_or(settings.cluster_request_timeout, limit),
        idle_timeout: limit(mapping.idle_timeout.unwrap_or(unsaid)),
        retry: attributes.retry,
        priority: attributes.priority,
        hash_on: hash_on(mapping, defaults).cloned().map(Box::new),
        upgrades: attributes.upgrades.into(),
        shadow: destination.shadow,
        bypass_auth: attributes.bypass_auth,
        labels: attributes.labels.into(),
    })
}

/// What a pattern matched is no prefix that could be replaced.
fn rewrite(mapping: &Mapping) -> Rewrite {
    match mapping.path {
        PathMatch::Prefix(_) | PathMatch::Exact(_) => mapping.rewrite.clone(),
        PathMatch::Regex(_) => Rewrite::Untouched,
    }
}

fn host(mapping: &Mapping) -> HostRewrite {
    match (&mapping.host_rewrite, mapping.auto_host_rewrite) {
        (Some(host), _) => HostRewrite::To(host.clone()),
        (None, true) => HostRewrite::Upstream,
        (None, false) => HostRewrite::Keep,
    }
}

fn hash_on<'r>(mapping: &'r Mapping, defaults: &'r Defaults) -> Option<&'r HashOn> {
    let own = mapping.cluster.load_balancer.as_ref();
    match own.or(defaults.module.load_balancer.as_ref())? {
        LoadBalancer::RingHash(hash_on) | LoadBalancer::Maglev(hash_on) => Some(hash_on),
        LoadBalancer::RoundRobin | LoadBalancer::LeastRequest => None,
    }
}

/// `add_linkerd_headers`: the service as seen from the gateway's namespace.
fn linkerd(mapping: &Mapping, defaults: &Defaults, authority: &str) -> Option<HeaderAddition> {
    let own = mapping.add_linkerd_headers;
    let wanted = own.or(defaults.module.add_linkerd_headers).unwrap_or(false);
    // Whoever writes the header means what it says.
    (wanted && HeaderValue::from_str(authority).is_ok()).then(|| HeaderAddition {
        name: L5D_DST_OVERRIDE,
        value: Format([Piece::Text(authority.into())].into()),
        append: false,
    })
}

const L5D_DST_OVERRIDE: HeaderName = HeaderName::from_static("l5d-dst-override");
