//! Which cluster a Mapping or a TCPMapping asks for.
//!
//! What it does not say the Module says, else the defaults of Emissary and of Envoy hold.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use nuncio_config::{
    CircuitBreaker, ClusterOptions, LoadBalancer, Module, OutlierDetection, Priority, Qualified,
    Resource, Scheme, Service, TcpMapping,
};

use super::contexts::Flaw;
use super::groups::Member;
use super::named::Named;
use super::report::Report;
use crate::cluster::{NameParts, stats_name};
use crate::settings::limit;
use crate::{Balance, Cluster, Discovery, Families, Limits, Origination};

/// A service that somebody wants to reach.
#[derive(Clone, Copy, Debug)]
pub(super) struct Target<'a> {
    pub(super) resource: &'a Resource,
    pub(super) service: &'a Service,
    pub(super) options: &'a ClusterOptions,
    host_rewrite: Option<&'a HeaderValue>,
}

impl<'a> From<Member<'a>> for Target<'a> {
    fn from(Member { resource, mapping }: Member<'a>) -> Self {
        Self {
            resource,
            service: &mapping.service,
            options: &mapping.cluster,
            host_rewrite: mapping.host_rewrite.as_deref(),
        }
    }
}

impl<'a> From<(&'a Resource, &'a TcpMapping)> for Target<'a> {
    fn from((resource, mapping): (&'a Resource, &'a TcpMapping)) -> Self {
        Self {
            resource,
            service: &mapping.service,
            options: &mapping.cluster,
            host_rewrite: None,
        }
    }
}

/// The wish for a cluster.
pub(super) struct Wish<'a> {
    pub(super) target: Target<'a>,
    pub(super) module: &'a Module,
    pub(super) named: &'a Named,
    pub(super) discovery: Discovery,
}

impl Wish<'_> {
    /// Names that nobody has, and what is said in vain.
    pub(super) fn report_unknown(&self, report: &mut Report) {
        let Target {
            resource,
            service,
            options,
            ..
        } = self.target;
        if let (Some(name), None) = (&options.circuit_breaker, self.breaker()) {
            let reason = format_args!("circuit_breaker: there is no CircuitBreaker {name}");
            report.warning(resource, reason);
        }
        if let (Some(name), None) = (&options.outlier_detection, self.detection()) {
            let reason = format_args!("outlier_detection: there is no OutlierDetection {name}");
            report.warning(resource, reason);
        }
        let Some(context) = &service.tls_context else {
            return;
        };
        if service.scheme == Some(Scheme::Http) {
            let reason = format_args!(
                "tls: connections use TLS, although {} says http",
                service.written
            );
            report.warning(resource, reason);
        }
        if let Err(flaw) = self.context(context) {
            let reason = format_args!(
                "tls: {flaw}; meanwhile connections use TLS without a certificate, and nothing is \
                 verified"
            );
            report.error(resource, reason);
        }
    }

    /// The cluster, under its full name. `marker` makes it another one of the same service.
    pub(super) fn cluster(&self, qualified: Qualified, marker: Option<&str>) -> Cluster {
        let Target {
            service, options, ..
        } = self.target;
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

    /// How TLS to the service is originated. For want of a context that can be used it is TLS all the
    /// same, never plain text as in Emissary.
    fn origination(&self) -> Origination {
        let Some(name) = &self.target.service.tls_context else {
            return Origination::default();
        };
        self.context(name).unwrap_or_else(|_flaw| Origination {
            context: Some(name.clone()),
            ..Origination::default()
        })
    }

    fn context(&self, name: &str) -> Result<Origination, Flaw> {
        let namespace = &self.target.resource.namespace;
        let context = self.named.context(name, namespace);
        let context = context.ok_or_else(|| Flaw::Unknown(name.into()))?;
        context.origination(self.module)
    }

    fn full_name(&self, qualified: &Qualified, marker: Option<&str>) -> Box<str> {
        let Target {
            resource,
            service,
            options,
            host_rewrite,
        } = self.target;
        let breaker = self.breaker().and(options.circuit_breaker.as_deref());
        let detection = self.detection().and(options.outlier_detection.as_deref());
        let parts = NameParts {
            marker: marker.or(options.cluster_tag.as_deref()),
            service,
            qualified,
            host_rewrite: host_rewrite.and_then(|host| host.to_str().ok()),
            namespace: &resource.namespace,
            circuit_breakers: self.listed(),
            load_balancer: self.load_balancer(),
            circuit_breaker: breaker,
            outlier_detection: detection,
        };
        parts.full()
    }

    fn stats_name(&self, qualified: &Qualified) -> Arc<str> {
        let own = self.target.options.stats_name.as_ref();
        own.or(self.module.defaults.stats_name.as_ref())
            .map_or_else(|| stats_name(qualified).into(), |name| Arc::from(&**name))
    }

    fn load_balancer(&self) -> Option<&LoadBalancer> {
        let own = self.target.options.load_balancer.as_ref();
        own.or(self.module.load_balancer.as_ref())
    }

    /// `circuit_breakers`; the Module's do not hold for a Mapping that names a v0 one.
    fn listed(&self) -> &[CircuitBreaker] {
        let own = self.target.options.circuit_breakers.as_deref();
        match (own, self.breaker()) {
            (Some(own), _) => own,
            (None, Some(_)) => &[],
            (None, None) => self.module.circuit_breakers.as_deref().unwrap_or_default(),
        }
    }

    fn breaker(&self) -> Option<&CircuitBreaker> {
        let name = self.target.options.circuit_breaker.as_deref()?;
        self.named.breaker(name, &self.target.resource.namespace)
    }

    fn detection(&self) -> Option<&OutlierDetection> {
        let name = self.target.options.outlier_detection.as_deref()?;
        self.named.detection(name, &self.target.resource.namespace)
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
