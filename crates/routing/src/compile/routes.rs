//! From sorted groups to Routes and the clusters they forward to.
//!
//! Invariant: every Route's cluster is a valid position in the clusters returned beside it.
//! Deliberately absent: where members of a group differ; each becomes a Route of its own, as each
//! becomes an Envoy route in Emissary.

use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{Case, Identity, Location, Mapping, Qualifier, Resource};

use super::groups::{Group, Members};
use super::matching::Matching;
use super::report::Report;
use super::weights;
use crate::cluster::Roster;
use crate::settings::limit;
use crate::{
    Action, Cluster, Forward, HeaderRules, HostRewrite, MappingId, Probe, ResponseRules, Route,
    RouteTable, Settings, Share,
};

/// What Routes depend on besides their Mappings.
pub(super) struct Surroundings<'a> {
    pub(super) settings: &'a Settings,
    pub(super) identity: &'a Identity,
}

impl Surroundings<'_> {
    /// The Routes in the order of `groups`, and the clusters sorted by name.
    pub(super) fn lay_out(
        &self,
        groups: &[Group<'_>],
        report: &mut Report,
    ) -> (RouteTable, Arc<[Arc<Cluster>]>) {
        let mut roster = Roster::default();
        let mut routes = Vec::with_capacity(groups.len());
        for Group {
            matching, members, ..
        } in groups
        {
            match members {
                Members::Probe(probe) => routes.push(self.probe(matching, *probe)),
                Members::Mappings(mappings) => {
                    for (resource, mapping, share) in split(mappings, report) {
                        let forward = self.forward(resource, mapping, &mut roster);
                        routes.push(member(matching, resource, share, forward));
                    }
                }
            }
        }
        let (clusters, positions) = roster.finish();
        for route in &mut routes {
            if let Action::Forward(forward) = &mut route.action {
                forward.cluster = positions.of(forward.cluster);
            }
        }
        (
            RouteTable::new(routes.into_iter().map(Arc::new).collect()),
            clusters,
        )
    }

    fn probe(&self, matching: &Matching<'_>, probe: Probe) -> Route {
        let mapping = MappingId {
            namespace: self.identity.namespace.clone(),
            name: probe.mapping_name().into(),
        };
        route(
            matching,
            (mapping, None),
            Share::WHOLE,
            Action::Probe(probe),
        )
    }

    fn forward(&self, resource: &Resource, mapping: &Mapping, roster: &mut Roster) -> Box<Forward> {
        let by = match self
            .settings
            .use_ambassador_namespace_for_service_resolution
        {
            true => Qualifier::Nothing,
            false => Qualifier::between(&resource.namespace, &self.identity.namespace),
        };
        let qualified = mapping.service.qualified(by);
        Box::new(Forward {
            cluster: roster.ask(mapping, qualified, &resource.namespace),
            prefix_len: mapping.path.as_str().len(),
            rewrite: mapping.rewrite.clone(),
            regex_rewrite: None,
            host: mapping
                .host_rewrite
                .clone()
                .map_or(HostRewrite::Keep, HostRewrite::To),
            request_headers: HeaderRules::default(),
            timeout: mapping
                .timeout
                .map_or(self.settings.cluster_request_timeout, limit),
            idle_timeout: Some(Duration::from_secs(300)),
            retry: None,
            priority: mapping.priority,
            hash_on: None,
            upgrades: Box::default(),
            shadow: None,
            bypass_auth: mapping.bypass_auth,
            labels: mapping.labels.clone(),
        })
    }
}

/// The members in the order in which they are tried, with their shares.
fn split<'g, 'r>(
    mappings: &'g [(&'r Resource, &'r Mapping)],
    report: &mut Report,
) -> impl Iterator<Item = (&'r Resource, &'r Mapping, Share)> + use<'g, 'r> {
    let weights: Vec<_> = mappings.iter().map(|(_, mapping)| mapping.weight).collect();
    let split = weights::split(&weights);
    for (position, surprise) in split.surprises {
        if let Some((resource, _)) = mappings.get(position) {
            report.warning(resource, surprise);
        }
    }
    split.shares.into_iter().filter_map(|(position, share)| {
        mappings
            .get(position)
            .map(|(resource, mapping)| (*resource, *mapping, share))
    })
}

fn member(
    matching: &Matching<'_>,
    resource: &Resource,
    share: Share,
    forward: Box<Forward>,
) -> Route {
    let mapping = MappingId {
        namespace: resource.namespace.clone(),
        name: resource.name.clone(),
    };
    route(
        matching,
        (mapping, Some(resource.at.clone())),
        share,
        Action::Forward(forward),
    )
}

fn route(
    matching: &Matching<'_>,
    (mapping, at): (MappingId, Option<Location>),
    share: Share,
    action: Action,
) -> Route {
    Route {
        mapping,
        at,
        precedence: matching.precedence,
        path: matching.path.clone(),
        case: Case::Sensitive,
        host: matching.host.clone(),
        method: matching.method.cloned(),
        headers: matching.header_matches(),
        query_parameters: matching
            .query_parameters
            .iter()
            .map(|&q| q.clone())
            .collect(),
        share,
        action,
        response: ResponseRules::default(),
    }
}
