//! Which names each port serves.
//!
//! As in Emissary 4.1 (`IRListener`, `V3Listener`); the differences are that of two Hosts with one name
//! the first counts for everything, as in 1.x, and that a port which carries connections without TLS may
//! serve Hosts over TLS beside them.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use nuncio_config::{HostMatch, Listener as Written, Resource, SecurityModel, Stack};

use super::binding::Binding;
use super::hosts::{Served, report_taken};
use super::tcp::Group;
use crate::compile::contexts::sni;
use crate::compile::report::{Place, Report};
use crate::compile::routes::Surroundings;
use crate::{HostMap, Implied, Listener, TerminationIndex, VirtualHost};

/// Ports in the making.
pub(super) struct Ports<'p, 'r> {
    surroundings: &'p Surroundings<'r>,
    served: &'p [Served<'r>],
    bound: BTreeMap<Binding<'r>, Bound>,
    /// One for each that is served.
    fates: Vec<Fate>,
}

/// The names of a binding.
#[derive(Clone, Debug, Default)]
struct Bound {
    hosts: Arc<HostMap<Arc<VirtualHost>>>,
    terminations: Arc<HostMap<TerminationIndex>>,
}

/// What became of a name.
#[derive(Clone, Copy, Debug, Default)]
struct Fate {
    is_served: bool,
    /// Who had it first, on some port.
    taken_by: Option<usize>,
    /// Whose TLS it has instead of its own, since clients send the same name for both.
    tls_of: Option<usize>,
}

impl<'p, 'r> Ports<'p, 'r> {
    pub(super) fn new(surroundings: &'p Surroundings<'r>, served: &'p [Served<'r>]) -> Self {
        Self {
            surroundings,
            served,
            bound: BTreeMap::new(),
            fates: vec![Fate::default(); served.len()],
        }
    }

    /// What Listeners ask for, and what TCPMappings ask for besides; by port and address.
    pub(super) fn listeners(
        &mut self,
        written: &[(&'r Resource, &'r Written)],
        groups: &[Group<'_>],
        report: &mut Report,
    ) -> Box<[Arc<Listener>]> {
        let mut carried: BTreeMap<(u16, Option<IpAddr>), Vec<&Group<'_>>> = BTreeMap::new();
        for group in groups {
            let key = (group.port, group.address);
            carried.entry(key).or_default().push(group);
        }
        let mut first: HashMap<u16, &Resource> = HashMap::new();
        let mut listeners = BTreeMap::new();
        for (resource, listener) in written {
            if let Some(other) = first.get(&listener.port) {
                let (port, place) = (listener.port, Place(&other.at));
                let reason = format_args!("{other} at {place} listens on port {port} already");
                report.error_against(resource, other, reason);
                continue;
            }
            first.insert(listener.port, resource);
            let key = (listener.port, None);
            let groups = carried.remove(&key).unwrap_or_default();
            if let Some(listener) = self.listener((resource, listener), &groups, report) {
                listeners.insert(key, listener);
            }
        }
        for (key, groups) in carried {
            listeners.insert(key, self.implied_by(key, &groups));
        }
        listeners.into_values().map(Arc::new).collect()
    }

    /// What the addresses of the command line serve.
    pub(super) fn implied(&mut self) -> Implied {
        let bound = self.bound(Binding::default());
        let proxy = self.surroundings.defaults.module.use_proxy_proto;
        let proxy = proxy.unwrap_or(false);
        let http = Listener {
            hosts: bound.hosts,
            trusted_hops: self.surroundings.settings.connections.trusted_hops,
            stats_prefix: "ingress_http".into(),
            ..plain(
                0,
                Stack {
                    proxy,
                    ..Stack::HTTP
                },
            )
        };
        let https = Listener {
            stack: Stack {
                proxy,
                ..Stack::HTTPS
            },
            stats_prefix: "ingress_https".into(),
            terminations: bound.terminations,
            ..http.clone()
        };
        Implied {
            http: Arc::new(http),
            https: (!https.terminations.is_empty()).then(|| Arc::new(https)),
        }
    }

    /// Tells of names that are served nowhere, or not everywhere.
    pub(super) fn report_fates(&self, report: &mut Report) {
        for (served, fate) in self.served.iter().zip(&self.fates) {
            let tls_of = fate.tls_of.and_then(|first| self.served.get(first));
            if let (Some(first), Some(resource)) = (tls_of, served.resource) {
                let name = first.resource.map(ToString::to_string).unwrap_or_default();
                let reason = format_args!(
                    "clients send the same name as for {name}, and TLS is terminated as that says"
                );
                report.warning(resource, reason);
            }
            let taken_by = fate.taken_by.and_then(|first| self.served.get(first));
            match (taken_by, fate.is_served, served.resource) {
                (Some(first), false, _) => report_taken(served, first, report),
                (Some(first), true, Some(resource)) => {
                    let hostname = &served.host.hostname;
                    let name = first.resource.map(ToString::to_string).unwrap_or_default();
                    let reason = format_args!(
                        "{hostname} is answered for by {name} on ports that have both"
                    );
                    report.warning(resource, reason);
                }
                (None, false, Some(resource)) => {
                    report.warning(resource, "no Listener serves it");
                }
                (None, true, _) | (_, _, None) => {}
            }
        }
    }

    fn listener(
        &mut self,
        (resource, written): (&'r Resource, &'r Written),
        groups: &[&Group<'_>],
        report: &mut Report,
    ) -> Option<Listener> {
        let bound = match written.stack.http {
            true => self.bound(Binding::of(resource, written)),
            false => Bound::default(),
        };
        if bound.hosts.is_empty() && groups.is_empty() {
            report.error(
                resource,
                "no matching Hosts or TCPMappings found, disabling",
            );
            return None;
        }
        self.report_conflicts(&bound, groups, report);
        let tls = written.stack.tls;
        let own = written.stats_prefix.clone();
        let trusted_hops = self.surroundings.settings.connections.trusted_hops;
        Some(Listener {
            security: written.security_model,
            trusted_hops: match written.l7_depth {
                0 => trusted_hops,
                depth => depth,
            },
            stats_prefix: own.unwrap_or_else(|| stats_prefix(written.stack, written.port)),
            http2_max_streams: written.http2_max_concurrent_streams,
            hosts: bound.hosts,
            terminations: if tls {
                bound.terminations
            } else {
                Arc::default()
            },
            tcp: tcp(groups),
            ..plain(
                written.port,
                Stack {
                    tls: tls || groups.iter().any(|group| is_terminating(group)),
                    ..written.stack
                },
            )
        })
    }

    fn implied_by(
        &self,
        (port, address): (u16, Option<IpAddr>),
        groups: &[&Group<'_>],
    ) -> Listener {
        let stack = match groups.iter().any(|group| is_terminating(group)) {
            true => Stack::TLS,
            false => Stack::TCP,
        };
        Listener {
            address,
            security: SecurityModel::Secure,
            stats_prefix: stats_prefix(stack, port),
            tcp: tcp(groups),
            ..plain(port, stack)
        }
    }

    fn bound(&mut self, binding: Binding<'r>) -> Bound {
        if let Some(bound) = self.bound.get(&binding) {
            return bound.clone();
        }
        let bound = self.bind(binding);
        self.bound.insert(binding, bound.clone());
        bound
    }

    /// Of several with one name the first counts.
    fn bind(&mut self, binding: Binding<'r>) -> Bound {
        let mut hosts = HostMap::default();
        let mut terminations = HostMap::default();
        let mut first: HashMap<&HostMatch, usize> = HashMap::new();
        let mut names: HashMap<HostMatch, (usize, TerminationIndex)> = HashMap::new();
        let all = self.served.iter().zip(&mut self.fates).enumerate();
        for (nth, (served, fate)) in all {
            if !binding.takes(served, self.surroundings.identity.any_label) {
                continue;
            }
            if let Some(first) = first.get(&served.pattern) {
                fate.taken_by = fate.taken_by.or(Some(*first));
                continue;
            }
            if hosts
                .insert(&served.pattern, Arc::clone(&served.host))
                .is_ok()
            {
                first.insert(&served.pattern, nth);
                fate.is_served = true;
            }
            if let Some(termination) = served.host.termination {
                let sni = sni(&served.pattern);
                let (first, said) = *names.entry(sni.clone()).or_insert((nth, termination));
                if terminations.insert(&sni, termination).is_err() && said != termination {
                    fate.tls_of = fate.tls_of.or(Some(first));
                }
            }
        }
        Bound {
            hosts: Arc::new(hosts),
            terminations: Arc::new(terminations),
        }
    }

    /// TCPMappings go before Hosts.
    fn report_conflicts(&self, bound: &Bound, groups: &[&Group<'_>], report: &mut Report) {
        for group in groups {
            let (port, resource) = (group.port, group.resource);
            if group.pattern == HostMatch::Any && !bound.hosts.is_empty() {
                let reason = format_args!(
                    "takes all connections to port {port} that have no TLS, and Hosts none"
                );
                report.warning(resource, reason);
            }
            if group.pattern != HostMatch::Any && bound.terminations.at(&group.pattern).is_some() {
                let reason = format_args!(
                    "takes all connections over TLS to port {port} for a name that a Host has, too"
                );
                report.warning(resource, reason);
            }
        }
    }
}

fn is_terminating(group: &Group<'_>) -> bool {
    group.route.termination.is_some()
}

fn tcp(groups: &[&Group<'_>]) -> Arc<HostMap<Arc<crate::TcpRoute>>> {
    let mut tcp = HostMap::default();
    for group in groups {
        let inserted = tcp.insert(&group.pattern, Arc::clone(&group.route));
        debug_assert!(inserted.is_ok(), "each name is that of one group");
    }
    Arc::new(tcp)
}

/// Emissary's default for `statsPrefix`.
fn stats_prefix(stack: Stack, port: u16) -> Box<str> {
    match (stack.http, stack.tls) {
        (true, true) => "ingress_https".into(),
        (true, false) => "ingress_http".into(),
        (false, true) => format!("ingress_tls_{port}").into(),
        (false, false) => format!("ingress_tcp_{port}").into(),
    }
}

/// A port where nobody is served.
fn plain(port: u16, stack: Stack) -> Listener {
    Listener {
        address: None,
        port,
        stack,
        security: SecurityModel::default(),
        trusted_hops: 0,
        stats_prefix: Box::default(),
        http2_max_streams: None,
        hosts: Arc::default(),
        terminations: Arc::default(),
        tcp: Arc::default(),
    }
}
