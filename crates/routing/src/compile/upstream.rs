//! Which cluster a Mapping asks for.
//!
//! What the Mapping does not say the Module says, else the defaults of Emissary and of Envoy hold.

use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{
    CircuitBreaker, ClusterOptions, LoadBalancer, Mapping, Module, OutlierDetection, Priority,
    Qualified, Resource,
};

use super::named::Named;
use super::report::Report;
use crate::cluster::{NameParts, stats_name};
use crate::settings::limit;
use crate::{Balance, Cluster, Discovery, Families, Limits, Origination};

/// One Mapping's wish for a cluster.
pub(super) struct Wish<'a> {
    pub(super) resource: &'a Resource,
    pub(super) mapping: &'a Mapping,
    pub(super) module: &'a Module,
    pub(super) named: &'a Named,
    pub(super) discovery: Discovery,
}

impl Wish<'_> {
    /// Names that nobody has.
    pub(super) fn warn_unknown(&self, report: &mut Report) {
        let options = &self.mapping.cluster;
        if let (Some(name), None) = (&options.circuit_breaker, self.breaker()) {
            let reason = format_args!("circuit_breaker: there is no CircuitBreaker {name}");
            report.warning(self.resource, reason);
        }
        if let (Some(name), None) = (&options.outlier_detection, self.detection()) {
            let reason = format_args!("outlier_detection: there is no OutlierDetection {name}");
            report.warning(self.resource, reason);
        }
    }

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
            discovery: self.discovery.clone(),
            tls: service.tls.then(|| Arc::new(self.origination())),
            connect_timeout: options.connect_timeout.unwrap_or(CONNECT_TIMEOUT),
            http2: options.grpc,
            balance: load_balancer.map(Balance::from).unwrap_or_default(),
            idle_timeout: idle_timeout.or(self.module.cluster_idle_timeout),
            max_connection_lifetime: lifetime.and_then(limit),
            keepalive: options.keepalive.or(self.module.keepalive).map(Box::new),
            dns_type: options.dns_type.unwrap_or_default(),
            respect_dns_ttl: options.respect_dns_ttl.unwrap_or(false),
            families: families(options, self.module),
            limits: self.limits(Priority::Default),
            limits_high: self.limits(Priority::High),
            outlier_detection: self.detection().copied().map(Box::new),
        }
    }

    /// How TLS to the service is originated.
    fn origination(&self) -> Origination {
        Origination {
            context: self.mapping.service.tls_context.clone(),
            ..Origination::default()
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

    fn stats_name(&self, qualified: &Qualified) -> Arc<str> {
        let own = self.mapping.cluster.stats_name.as_ref();
        own.or(self.module.defaults.stats_name.as_ref())
            .map_or_else(|| stats_name(qualified).into(), |name| Arc::from(&**name))
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
