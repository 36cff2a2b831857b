//! Connections that are carried: TCPMappings with one port, address and host form a group, and share its
//! connections by weight.
//!
//! As in Emissary 4.1 (`IRTCPMappingGroup`), except that shares are what the weights say; Emissary gives
//! cumulative ones to an Envoy that adds them up.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{HostMatch, InvalidHost, Resource, TcpMapping};

use super::hosts::Served;
use super::terminations::Terminations;
use super::{Listened, globs};
use crate::cluster::Roster;
use crate::compile::contexts::sni;
use crate::compile::matching::host_text;
use crate::compile::report::{Place, Report};
use crate::compile::routes::Surroundings;
use crate::compile::upstream::Target;
use crate::compile::weights::{self, Surprise};
use crate::{Cluster, MappingId, TcpRoute, TerminationIndex};

/// All groups, and the clusters that were asked for.
#[derive(Debug, Default)]
pub(super) struct Carried<'r> {
    pub(super) groups: Vec<Group<'r>>,
    pub(super) clusters: Vec<Arc<Cluster>>,
}

/// What takes connections of a port.
#[derive(Debug)]
pub(super) struct Group<'r> {
    pub(super) port: u16,
    pub(super) address: Option<IpAddr>,
    /// The name that clients send; `*` = all connections, as they are.
    pub(super) pattern: HostMatch,
    pub(super) route: Arc<TcpRoute>,
    /// The first Mapping.
    pub(super) resource: &'r Resource,
}

type Member<'r> = (&'r Resource, &'r TcpMapping);
type Key = (u16, Option<IpAddr>, HostMatch);

impl<'r> Surroundings<'r> {
    pub(super) fn carried(
        &self,
        listened: &Listened<'r>,
        (served, terminations): (&[Served<'_>], &mut Terminations),
        roster: &mut Roster,
        report: &mut Report,
    ) -> Carried<'r> {
        let mut by_key: BTreeMap<Key, Vec<Member<'r>>> = BTreeMap::new();
        for (resource, mapping) in &listened.tcp_mappings {
            match pattern(mapping) {
                Ok(pattern) => {
                    let key = (mapping.port, address(mapping), pattern);
                    by_key.entry(key).or_default().push((resource, mapping));
                }
                Err(why) => report.error(resource, format_args!("host: {why}")),
            }
        }
        let mut carried = Carried::default();
        for (key, members) in by_key {
            let members = self.members(members, report);
            let Some((resource, first)) = members.first().copied() else {
                continue;
            };
            let termination = match &key.2 {
                HostMatch::Any => None,
                host => match self.terminating(host, served, terminations) {
                    Some(termination) => Some(termination),
                    None => {
                        refuse_all(&members, "no matching TLSContext found, disabling", report);
                        continue;
                    }
                },
            };
            let shares = shares(&members, report);
            if shares.is_empty() {
                refuse_all(&members, "the group's weights add up to 0", report);
                continue;
            }
            let route = self.route(&shares, (resource, first), roster, &mut carried.clusters);
            let (port, address, pattern) = key;
            carried.groups.push(Group {
                port,
                address,
                pattern,
                route: Arc::new(TcpRoute {
                    termination,
                    ..route
                }),
                resource,
            });
        }
        carried
    }

    /// Those that can be live and agree with the first.
    fn members(&self, all: Vec<Member<'r>>, report: &mut Report) -> Vec<Member<'r>> {
        let mut members: Vec<Member<'r>> = Vec::with_capacity(all.len());
        for (resource, mapping) in all {
            if let Some((first, agreed)) = members.first()
                && let Some(differing) = differing(agreed, mapping)
            {
                let reason = format_args!(
                    "differs in {differing} from {first} at {}, which has the same port and host",
                    Place(&first.at)
                );
                report.error_against(resource, first, reason);
                continue;
            }
            let target = Target::from((resource, mapping));
            match self.discovery(target) {
                Ok(discovery) => {
                    self.wish(target, discovery).report_unknown(report);
                    members.push((resource, mapping));
                }
                Err(reason) => report.error(resource, reason),
            }
        }
        members
    }

    fn route(
        &self,
        shares: &[(Member<'_>, u32)],
        (resource, first): Member<'_>,
        roster: &mut Roster,
        asked: &mut Vec<Arc<Cluster>>,
    ) -> TcpRoute {
        let clusters = shares.iter().map(|(member, share)| {
            let cluster = self.cluster(Target::from(*member), None);
            let (index, cluster) = roster.ask(cluster);
            asked.push(cluster);
            (index, *share)
        });
        let idle = first.idle_timeout.filter(|idle| !idle.is_zero());
        TcpRoute {
            name: MappingId::of(resource).to_string().into(),
            clusters: clusters.collect(),
            total: shares.iter().map(|(_, share)| share).sum(),
            idle_timeout: Some(idle.unwrap_or(IDLE_TIMEOUT)),
            termination: None,
        }
    }

    /// The Termination of the most specific Host that a name may belong to, else of the first context.
    /// (Emissary takes the first Host in alphabetical order, which is `*` if there is one.)
    fn terminating(
        &self,
        name: &HostMatch,
        served: &[Served<'_>],
        terminations: &mut Terminations,
    ) -> Option<TerminationIndex> {
        let said = served.iter().filter(|served| served.resource.is_some());
        let fitting = said.enumerate().filter_map(|(nth, served)| {
            let termination = served.host.termination?;
            let host = sni(&served.pattern);
            let fit = (host == *name, globs::rank(&host), Reverse(nth));
            globs::overlap(&host, name).then_some((fit, termination))
        });
        let best = fitting.max_by_key(|(fit, _)| *fit);
        best.map(|(_, termination)| termination)
            .or_else(|| self.terminating_by_context(name, terminations))
    }

    fn terminating_by_context(
        &self,
        name: &HostMatch,
        terminations: &mut Terminations,
    ) -> Option<TerminationIndex> {
        let name = host_text(name);
        let mut contexts = self.named.contexts();
        let context = contexts.find(|context| {
            let mut hosts = context.hosts().iter();
            hosts.any(|host| host.eq_ignore_ascii_case(&name))
        })?;
        let termination = context.termination(None, &self.defaults.module).ok()?;
        Some(terminations.place(termination))
    }
}

/// Who gets how much.
fn shares<'r>(members: &[Member<'r>], report: &mut Report) -> Vec<(Member<'r>, u32)> {
    let weights: Vec<_> = members.iter().map(|(_, mapping)| mapping.weight).collect();
    let split = weights::split(&weights);
    for (position, surprise) in split.surprises {
        // Nothing falls through: shares are of all there is.
        let is_told = !matches!(surprise, Surprise::FallsThrough(_));
        if let Some((resource, _)) = members.get(position).filter(|_| is_told) {
            report.warning(resource, surprise);
        }
    }
    let shares = split.shares.into_iter();
    let shares = shares.filter(|(_, share)| share.percent() > 0);
    let shares = shares.filter_map(|(position, share)| {
        let member = members.get(position)?;
        Some((*member, u32::from(share.percent())))
    });
    shares.collect()
}

/// The first of the attributes of a group that two have otherwise.
fn differing(a: &TcpMapping, b: &TcpMapping) -> Option<&'static str> {
    let differs = [
        (
            "circuit_breakers",
            a.cluster.circuit_breakers != b.cluster.circuit_breakers,
        ),
        (
            "enable_ipv4",
            a.cluster.enable_ipv4 != b.cluster.enable_ipv4,
        ),
        (
            "enable_ipv6",
            a.cluster.enable_ipv6 != b.cluster.enable_ipv6,
        ),
        ("idle_timeout_ms", a.idle_timeout != b.idle_timeout),
        ("tls", a.service.tls_context != b.service.tls_context),
    ];
    let mut names = differs.into_iter().filter(|(_, differs)| *differs);
    names.next().map(|(name, _)| name)
}

fn refuse_all(members: &[Member<'_>], reason: &str, report: &mut Report) {
    for (resource, _) in members {
        report.error(resource, reason);
    }
}

fn pattern(mapping: &TcpMapping) -> Result<HostMatch, InvalidHost> {
    let host = mapping.host.as_deref().unwrap_or("*");
    host.to_ascii_lowercase().parse()
}

/// Every address is what the gateway listens on anyhow.
fn address(mapping: &TcpMapping) -> Option<IpAddr> {
    let every = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    mapping.address.filter(|address| *address != every)
}

/// Envoy's.
const IDLE_TIMEOUT: Duration = Duration::from_secs(3600);
