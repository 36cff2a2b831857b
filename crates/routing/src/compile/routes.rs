//! From sorted groups to Routes and the clusters they forward to.
//!
//! Invariant: every Route's cluster is a valid position in the clusters returned beside it.
//! Deliberately absent: where members of a group differ; each becomes a Route of its own, as each
//! becomes an Envoy route in Emissary.

use std::sync::Arc;

use nuncio_config::{Case, Identity, Location, PathMatch, Qualifier};

use super::attributes::Attributes;
use super::defaults::Defaults;
use super::forward::{Destination, forward};
use super::groups::{Group, Member, Members};
use super::matching::Matching;
use super::report::Report;
use super::surprises;
use super::upstream::{Named, Wish};
use super::weights;
use crate::cluster::Roster;
use crate::{
    Action, Cluster, Clusters, MappingId, Order, Probe, Redirect, ResponseRules, Route, RouteTable,
    Settings, Shadow, Share,
};

/// What Routes depend on besides their Mappings.
pub(super) struct Surroundings<'r> {
    pub(super) settings: &'r Settings,
    pub(super) defaults: Defaults<'r>,
    pub(super) named: Named<'r>,
    pub(super) identity: &'r Identity,
}

impl<'r> Surroundings<'r> {
    /// Whether a Mapping can be live, whatever the others are; what it says in vain is reported.
    pub(super) fn judge(&self, member: &Member<'_>, report: &mut Report) -> bool {
        let Member { resource, mapping } = member;
        self.named.warn_unknown(resource, mapping, report);
        let rules = self.settings.connections.path;
        surprises::judge(member, self.defaults.module, rules, report)
    }

    /// The Routes in the order of `groups`, and the clusters sorted by name.
    pub(super) fn lay_out(
        &self,
        groups: &[Group<'r>],
        report: &mut Report,
    ) -> (RouteTable, Clusters) {
        let mut layout = Layout {
            surroundings: self,
            report,
            roster: Roster::with_capacity(groups.len()),
            routes: Vec::with_capacity(groups.len()),
        };
        for group in groups {
            layout.add(group);
        }
        layout.finish()
    }

    fn cluster(&self, Member { resource, mapping }: Member<'_>, marker: Option<&str>) -> Cluster {
        let by = match self
            .settings
            .use_ambassador_namespace_for_service_resolution
        {
            true => Qualifier::Nothing,
            false => Qualifier::between(&resource.namespace, &self.identity.namespace),
        };
        let wish = Wish {
            resource,
            mapping,
            module: self.defaults.module,
            named: &self.named,
        };
        wish.cluster(mapping.service.qualified(by), marker)
    }
}

/// The Routes so far.
struct Layout<'l, 'r> {
    surroundings: &'l Surroundings<'r>,
    report: &'l mut Report,
    roster: Roster,
    routes: Vec<Route>,
}

impl<'r> Layout<'_, 'r> {
    fn add(
        &mut self,
        Group {
            order,
            matching,
            members,
        }: &Group<'r>,
    ) {
        let order = |member| Order {
            group: Arc::clone(order),
            member,
        };
        match members {
            Members::Probe(probe) => self.routes.push(self.probe(order(0), matching, *probe)),
            Members::Redirect(member) => {
                let redirect = self.redirect(order(0), matching, *member);
                self.routes.extend(redirect);
            }
            Members::Forwarding { members, shadow } => {
                let attributes = Attributes::of(members, &self.surroundings.defaults);
                let shadow = shadow.map(|shadow| self.shadow(shadow));
                let each = std::iter::repeat_n(attributes, members.len());
                let split = split(members, self.report);
                for (((member, share), mut attributes), nth) in split.zip(each).zip(0..) {
                    let destination = self.destination(member, shadow);
                    let Member { mapping, .. } = member;
                    let response = attributes.take_response(mapping);
                    let forward = forward(mapping, attributes, &destination, self.surroundings);
                    let outcome = (Action::Forward(forward), response, share);
                    self.routes
                        .push(route(order(nth), matching, member.into(), outcome));
                }
            }
        }
    }

    fn finish(mut self) -> (RouteTable, Clusters) {
        let (clusters, positions) = self.roster.finish();
        for route in &mut self.routes {
            if let Action::Forward(forward) = &mut route.action {
                forward.cluster = positions.of(forward.cluster);
                if let Some(shadow) = &mut forward.shadow {
                    shadow.cluster = positions.of(shadow.cluster);
                }
            }
        }
        (self.routes.into_iter().map(Arc::new).collect(), clusters)
    }

    fn probe(&self, order: Order, matching: &Matching<'_>, probe: Probe) -> Route {
        let mapping = MappingId {
            namespace: self.surroundings.identity.namespace.clone(),
            name: probe.mapping_name().into(),
        };
        let source = Source {
            mapping,
            at: None,
            case: Case::Sensitive,
        };
        let outcome = (Action::Probe(probe), ResponseRules::default(), Share::WHOLE);
        route(order, matching, source, outcome)
    }

    fn redirect(&self, order: Order, matching: &Matching<'_>, member: Member<'r>) -> Option<Route> {
        let redirect = member.mapping.redirect.as_ref()?;
        let prefix_len = match &member.mapping.path {
            PathMatch::Prefix(prefix) => prefix.as_str().len(),
            // Envoy takes what matched, which is all of it.
            PathMatch::Exact(_) | PathMatch::Regex(_) => usize::MAX,
        };
        let action = Action::Redirect(Box::new(Redirect {
            host: redirect.host.clone(),
            path: redirect.path.clone(),
            status: redirect.status,
            prefix_len,
        }));
        let attributes = Attributes::of(&[member], &self.surroundings.defaults);
        let outcome = (action, attributes.redirect_response(), Share::WHOLE);
        Some(route(order, matching, member.into(), outcome))
    }

    fn destination(&mut self, member: Member<'_>, shadow: Option<Shadow>) -> Destination {
        let cluster = self.surroundings.cluster(member, None);
        Destination {
            authority: format!("{}:{}", cluster.host, cluster.port).into(),
            cluster: self.roster.ask(cluster),
            shadow,
        }
    }

    fn shadow(&mut self, member: Member<'_>) -> Shadow {
        let weight = member.mapping.weight.unwrap_or(100);
        let percent = u8::try_from(weight.clamp(0, 100)).unwrap_or(100);
        if i64::from(percent) != weight {
            let reason = weights::Surprise::OutOfRange(weight);
            self.report.warning(member.resource, reason);
        }
        let cluster = self.surroundings.cluster(member, Some("shadow"));
        Shadow {
            cluster: self.roster.ask(cluster),
            percent,
        }
    }
}

/// The members in the order in which they are tried, with their shares.
fn split<'m, 'r>(
    members: &'m [Member<'r>],
    report: &mut Report,
) -> impl Iterator<Item = (Member<'r>, Share)> + use<'m, 'r> {
    let weights: Vec<_> = members.iter().map(|member| member.mapping.weight).collect();
    let split = weights::split(&weights);
    for (position, surprise) in split.surprises {
        if let Some(member) = members.get(position) {
            report.warning(member.resource, surprise);
        }
    }
    let shares = split.shares.into_iter();
    shares.filter_map(|(position, share)| members.get(position).map(|member| (*member, share)))
}

/// What a Route is made from.
struct Source {
    mapping: MappingId,
    at: Option<Location>,
    case: Case,
}

impl From<Member<'_>> for Source {
    fn from(Member { resource, mapping }: Member<'_>) -> Self {
        Self {
            mapping: MappingId {
                namespace: resource.namespace.clone(),
                name: resource.name.clone(),
            },
            at: Some(resource.at.clone()),
            case: mapping.case,
        }
    }
}

fn route(
    order: Order,
    matching: &Matching<'_>,
    source: Source,
    (action, response, share): (Action, ResponseRules, Share),
) -> Route {
    let query_parameters = matching.query_parameters.iter();
    Route {
        mapping: source.mapping,
        at: source.at,
        order,
        precedence: matching.precedence,
        path: matching.path.clone(),
        case: source.case,
        host: matching.host.clone(),
        method: matching.method.cloned(),
        headers: matching.header_matches(),
        query_parameters: query_parameters.map(|&wanted| wanted.clone()).collect(),
        share,
        action,
        response,
    }
}
