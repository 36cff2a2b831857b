//! Which cluster a Mapping asks for.
//!
//! What the Mapping does not say the Module says, else the defaults of Emissary and of Envoy hold.

use std::collections::BTreeMap;
use std::time::Duration;

use nuncio_config::{
    CircuitBreaker, ClusterOptions, Kind, LoadBalancer, Mapping, Module, OutlierDetection,
    Priority, Qualified, Resource,
};

use super::report::Report;
use crate::cluster::{NameParts, stats_name};
use crate::settings::limit;
use crate::{Balance, Cluster, Discovery, Families, Limits};

/// The v0 objects that Mappings name.
#[derive(Debug, Default)]
pub(super) struct Named<'r> {
    breakers: BTreeMap<&'r str, Vec<(&'r str, &'r CircuitBreaker)>>,
    detections: BTreeMap<&'r str, Vec<(&'r str, &'r OutlierDetection)>>,
}

impl<'r> Named<'r> {
    /// Those among `resources`, which are in insertion order.
    pub(super) fn of(resources: &[&'r Resource]) -> Self {
        let mut named = Self::default();
        for resource in resources {
            let (name, namespace) = (&*resource.name, &*resource.namespace);
            match &resource.kind {
                Kind::CircuitBreaker(breaker) => {
                    let same_name = named.breakers.entry(name).or_default();
                    same_name.push((namespace, breaker));
                }
                Kind::OutlierDetection(detection) => {
                    let same_name = named.detections.entry(name).or_default();
                    same_name.push((namespace, detection));
                }
                Kind::Mapping(_) | Kind::Module(_) | Kind::Resolver(_) => {}
            }
        }
        named
    }

    fn breaker(&self, name: &str, namespace: &str) -> Option<&'r CircuitBreaker> {
        nearest(self.breakers.get(name)?, namespace)
    }

    fn detection(&self, name: &str, namespace: &str) -> Option<&'r OutlierDetection> {
        nearest(self.detections.get(name)?, namespace)
    }

    /// Names that nobody has.
    pub(super) fn warn_unknown(&self, resource: &Resource, mapping: &Mapping, report: &mut Report) {
        let options = &mapping.cluster;
        let namespace = &resource.namespace;
        if let Some(name) = &options.circuit_breaker
            && self.breaker(name, namespace).is_none()
        {
            let reason = format_args!("circuit_breaker: there is no CircuitBreaker {name}");
            report.warning(resource, reason);
        }
        if let Some(name) = &options.outlier_detection
            && self.detection(name, namespace).is_none()
        {
            let reason = format_args!("outlier_detection: there is no OutlierDetection {name}");
            report.warning(resource, reason);
        }
    }
}

/// The object of the Mapping's namespace; else the first, since v0 knew no namespaces.
fn nearest<'r, T>(same_name: &[(&str, &'r T)], namespace: &str) -> Option<&'r T> {
    let own = same_name.iter().find(|(other, _)| *other == namespace);
    own.or(same_name.first()).map(|(_, object)| *object)
}

/// One Mapping's wish for a cluster.
pub(super) struct Wish<'a, 'r> {
    pub(super) resource: &'a Resource,
    pub(super) mapping: &'a Mapping,
    pub(super) module: &'a Module,
    pub(super) named: &'a Named<'r>,
}

impl Wish<'_, '_> {
    /// The cluster, under its full name. `marker` makes it another one of the same service.
    pub(super) fn cluster(&self, qualified: Qualified, marker: Option<&str>) -> Cluster {
        let (service, options) = (&self.mapping.service, &self.mapping.cluster);
        let load_balancer = self.load_balancer();
        let idle_timeout = options.cluster_idle_timeout;
        let lifetime = options.cluster_max_connection_lifetime;
        let lifetime = lifetime.or(self.module.cluster_max_connection_lifetime);
        Cluster {
            name: self.full_name(&qualified, marker),
            stats_name: self.stats_name(&qualified),
            host: qualified.host,
            port: service.port,
            discovery: Discovery::Dns,
            tls: service.tls,
            tls_context: service.tls_context.clone(),
            connect_timeout: options.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            http2: options.grpc,
            balance: load_balancer.map(Balance::from).unwrap_or_default(),
            idle_timeout: idle_timeout.or(self.module.cluster_idle_timeout),
            max_connection_lifetime: lifetime.and_then(limit),
            keepalive: options.keepalive.or(self.module.keepalive),
            dns_type: options.dns_type.unwrap_or_default(),
            respect_dns_ttl: options.respect_dns_ttl.unwrap_or(false),
            families: families(options, self.module),
            limits: self.limits(Priority::Default),
            limits_high: self.limits(Priority::High),
            outlier_detection: self.detection().copied(),
        }
    }

    fn full_name(&self, qualified: &Qualified, marker: Option<&str>) -> Box<str> {
        let options = &self.mapping.cluster;
        let host_rewrite = self.mapping.host_rewrite.as_ref();
        let breaker = self.breaker().and(options.circuit_breaker.as_deref());
        let detection = self.detection().and(options.outlier_detection.as_deref());
        let parts = NameParts {
            marker: marker.or(options.cluster_tag.as_deref()),
            service: &self.mapping.service,
            qualified,
            host_rewrite: host_rewrite.and_then(|host| host.to_str().ok()),
            namespace: &self.resource.namespace,
            circuit_breakers: self.listed(),
            load_balancer: self.load_balancer(),
            circuit_breaker: breaker,
            outlier_detection: detection,
        };
        parts.full()
    }

    fn stats_name(&self, qualified: &Qualified) -> Box<str> {
        let own = self.mapping.cluster.stats_name.as_ref();
        own.or(self.module.defaults.stats_name.as_ref())
            .map_or_else(|| stats_name(qualified), Clone::clone)
    }

    fn load_balancer(&self) -> Option<&LoadBalancer> {
        let own = self.mapping.cluster.load_balancer.as_ref();
        own.or(self.module.load_balancer.as_ref())
    }

    /// `circuit_breakers`; the Module's do not hold for a Mapping that names a v0 one.
    fn listed(&self) -> &[CircuitBreaker] {
        let own = self.mapping.cluster.circuit_breakers.as_deref();
        match (own, self.breaker()) {
            (Some(own), _) => own,
            (None, Some(_)) => &[],
            (None, None) => self.module.circuit_breakers.as_deref().unwrap_or_default(),
        }
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        let name = self.mapping.cluster.circuit_breaker.as_deref()?;
        self.named.breaker(name, &self.resource.namespace)
    }

    fn detection(&self) -> Option<&OutlierDetection> {
        let name = self.mapping.cluster.outlier_detection.as_deref()?;
        self.named.detection(name, &self.resource.namespace)
    }

    /// Of several for one priority Envoy takes the first.
    fn limits(&self, priority: Priority) -> Limits {
        let mut all = self.listed().iter().chain(self.breaker());
        let first = all.find(|breaker| breaker.priority.unwrap_or_default() == priority);
        first.map(Limits::from).unwrap_or_default()
    }
}

impl From<&CircuitBreaker> for Limits {
    fn from(breaker: &CircuitBreaker) -> Self {
        let envoy = Self::default();
        Self {
            max_connections: breaker.max_connections.unwrap_or(envoy.max_connections),
            max_pending_requests: breaker
                .max_pending_requests
                .unwrap_or(envoy.max_pending_requests),
            max_requests: breaker.max_requests.unwrap_or(envoy.max_requests),
            max_retries: breaker.max_retries.unwrap_or(envoy.max_retries),
        }
    }
}

impl From<&LoadBalancer> for Balance {
    fn from(load_balancer: &LoadBalancer) -> Self {
        match load_balancer {
            LoadBalancer::RoundRobin => Self::RoundRobin,
            LoadBalancer::LeastRequest => Self::LeastRequest,
            LoadBalancer::RingHash(_) => Self::RingHash,
            LoadBalancer::Maglev(_) => Self::Maglev,
        }
    }
}

/// As in Emissary, who wants neither family gets IPv4; [`wants_no_family`] tells.
fn families(options: &ClusterOptions, module: &Module) -> Families {
    match enabled(options, module) {
        (true, true) => Families::Both,
        (false, true) => Families::V6,
        (true | false, false) => Families::V4,
    }
}

pub(super) fn wants_no_family(options: &ClusterOptions, module: &Module) -> bool {
    enabled(options, module) == (false, false)
}

fn enabled(options: &ClusterOptions, module: &Module) -> (bool, bool) {
    (
        options.enable_ipv4.or(module.enable_ipv4).unwrap_or(true),
        options.enable_ipv6.or(module.enable_ipv6).unwrap_or(false),
    )
}

/// Emissary's default for `connect_timeout_ms`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
