//! From a group to its Routes and the clusters they forward to.
//!
//! Invariant: every cluster of the Routes is asked for in the roster, and stands beside them.
//! Deliberately absent: where members of a group differ; each becomes a Route of its own, as each
//! becomes an Envoy route in Emissary.

use std::sync::Arc;

use nuncio_config::{Case, Identity, Location, PathMatch};

use super::attributes::Attributes;
use super::defaults::Defaults;
use super::forward::{Destination, forward};
use super::groups::{self, Group, Member, Members};
use super::matching::Matching;
use super::named::Named;
use super::probes::{self, BuiltIn};
use super::report::Report;
use super::resolution::{self, Unresolvable};
use super::selectors::{Part, Selectors};
use super::surprises;
use super::tenancy;
use super::upstream::Target;
use super::weights;
use crate::cluster::Roster;
use crate::order::GroupOrder;
use crate::{
    Action, Attachment, Cluster, ClusterIndex, Discovery, MappingId, Order, Probe, Redirect,
    ResponseRules, Route, SelectedBy, Settings, Shadow, Share,
};

/// What Routes depend on besides the Mappings of their group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings<'r> {
    pub(crate) settings: &'r Settings,
    pub(crate) defaults: &'r Defaults,
    pub(crate) named: &'r Named,
    pub(crate) built_in: &'r [BuiltIn],
    pub(crate) selectors: &'r Selectors,
    pub(crate) identity: &'r Identity,
}

/// The Routes of one group.
#[derive(Debug, Default)]
pub(crate) struct Routes {
    pub(crate) routes: Vec<Route>,
    /// What they asked the roster for, once for each time they asked.
    pub(crate) clusters: Vec<Arc<Cluster>>,
}

impl Routes {
    fn append(&mut self, mut other: Self) {
        self.routes.append(&mut other.routes);
        self.clusters.append(&mut other.clusters);
    }
}

impl<'r> Surroundings<'r> {
    /// The Routes of the Mappings with one key, which are in insertion order.
    pub(crate) fn lay_out(
        &self,
        members: impl Iterator<Item = Member<'r>>,
        roster: &mut Roster,
        report: &mut Report,
    ) -> Routes {
        let live = |member: &Member<'r>| self.judge(member, report);
        let live: Vec<_> = members.filter(live).collect();
        let mut routes = Routes::default();
        for Part {
            members,
            selected_by,
        } in self.selectors.parts(live)
        {
            let members = tenancy::of_one_namespace(members, self.identity, report);
            let Some(group) = groups::form(&members, &self.defaults.module, report) else {
                continue;
            };
            let group = Group {
                selected_by,
                ..group
            };
            probes::warn_hidden(&group, self.built_in, report);
            routes.append(self.routes(&group, roster, report));
        }
        routes
    }

    /// The Routes that are built in.
    pub(crate) fn lay_out_built_in(&self, roster: &mut Roster, report: &mut Report) -> Routes {
        let groups = self.built_in.iter().map(|built_in| &built_in.group);
        let each = groups.map(|group| self.routes(group, roster, report));
        Routes {
            routes: each.flat_map(|routes| routes.routes).collect(),
            clusters: Vec::new(),
        }
    }

    fn routes(&self, group: &Group<'_>, roster: &mut Roster, report: &mut Report) -> Routes {
        let mut layout = Layout {
            surroundings: self,
            report,
            roster,
            routes: Routes::default(),
        };
        layout.add(group);
        for route in &mut layout.routes.routes {
            route.selected_by = group.selected_by.clone();
        }
        layout.routes
    }

    /// Whether a Mapping can be live, whatever the others are; what it says in vain is reported.
    fn judge(&self, member: &Member<'_>, report: &mut Report) -> bool {
        let resolved = match self.member_discovery(*member) {
            Ok(discovery) => {
                let wish = self.wish(Target::from(*member), discovery);
                wish.report_unknown(report);
                true
            }
            Err(reason) => {
                report.error(member.resource, reason);
                false
            }
        };
        let rules = self.settings.connections.path;
        surprises::judge(member, &self.defaults.module, rules, report) && resolved
    }

    fn member_discovery(&self, member: Member<'_>) -> Result<Discovery, Unresolvable> {
        let Member { resource, mapping } = member;
        match (&mapping.redirect, mapping.shadow) {
            (Some(_), false) => {
                let name = resolution::name(&mapping.cluster, &self.defaults.module);
                self.resolution().known(name, &resource.namespace)
            }
            (Some(_), true) | (None, _) => self.discovery(Target::from(member)),
        }
    }
}

/// The Routes so far.
struct Layout<'l, 'r> {
    surroundings: &'l Surroundings<'r>,
    report: &'l mut Report,
    roster: &'l mut Roster,
    routes: Routes,
}

impl Layout<'_, '_> {
    fn add(
        &mut self,
        Group {
            order,
            matching,
            members,
            ..
        }: &Group<'_>,
    ) {
        let place = |member| Order {
            group: Arc::clone(order),
            member,
        };
        match members {
            Members::Probe(probe) => {
                let probe = self.probe(place(0), matching, *probe);
                self.routes.routes.push(probe);
            }
            Members::Redirect(member) => {
                let redirect = self.redirect(place(0), matching, *member);
                self.routes.routes.extend(redirect);
            }
            Members::Forwarding { members, shadow } => {
                let attributes = Attributes::of(members, self.surroundings.defaults);
                let shadow = shadow.map(|shadow| self.shadow(shadow));
                let each = std::iter::repeat_n(attributes, members.len());
                let split = split(members, self.report);
                for (((member, share), mut attributes), nth) in split.zip(each).zip(0..) {
                    let destination = self.destination(member, shadow);
                    let Member { mapping, .. } = member;
                    let response = attributes.take_response(mapping);
                    let forward = forward(mapping, attributes, &destination, self.surroundings);
                    let outcome = (Action::Forward(forward), response, share);
                    let route = route(place(nth), matching, Source::of(member, order), outcome);
                    self.routes.routes.push(route);
                }
            }
        }
    }

    fn probe(&self, order: Order, matching: &Matching<'_>, probe: Probe) -> Route {
        let mapping = Arc::new(MappingId {
            namespace: self.surroundings.identity.namespace.clone(),
            name: probe.mapping_name().into(),
        });
        let source = Source {
            mapping,
            at: None,
            case: Case::Sensitive,
        };
        let outcome = (Action::Probe(probe), ResponseRules::default(), Share::WHOLE);
        route(order, matching, source, outcome)
    }

    fn redirect(&self, order: Order, matching: &Matching<'_>, member: Member<'_>) -> Option<Route> {
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
        let attributes = Attributes::of(std::slice::from_ref(&member), self.surroundings.defaults);
        let outcome = (action, attributes.redirect_response(), Share::WHOLE);
        let source = Source::of(member, &order.group);
        Some(route(order, matching, source, outcome))
    }

    fn destination(&mut self, member: Member<'_>, shadow: Option<Shadow>) -> Destination {
        let cluster = self.surroundings.cluster(Target::from(member), None);
        Destination {
            authority: format!("{}:{}", cluster.host, cluster.port).into(),
            cluster: self.ask(cluster),
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
        let cluster = self
            .surroundings
            .cluster(Target::from(member), Some("shadow"));
        Shadow {
            cluster: self.ask(cluster),
            percent,
        }
    }

    fn ask(&mut self, cluster: Cluster) -> ClusterIndex {
        let (index, cluster) = self.roster.ask(cluster);
        self.routes.clusters.push(cluster);
        index
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
    mapping: Arc<MappingId>,
    at: Option<Location>,
    case: Case,
}

impl Source {
    fn of(Member { resource, mapping }: Member<'_>, group: &GroupOrder) -> Self {
        let is_its = |id: &&Arc<MappingId>| {
            (&id.namespace, &id.name) == (&resource.namespace, &resource.name)
        };
        // Most groups have one member.
        let id = group.mapping().filter(is_its).map(Arc::clone);
        Self {
            mapping: id.unwrap_or_else(|| Arc::new(MappingId::of(resource))),
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
        selected_by: SelectedBy::default(),
        action,
        response,
        attachment: Attachment::default(),
    }
}
