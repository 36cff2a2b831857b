//! Turns resources into a [`Snapshot`].
//!
//! Invariant: pure and independent of the order of its inputs. Resources are taken in the order of
//! their [`Location`](nuncio_config::Location) (object, file, document, line), and "earlier",
//! "later" and "insertion" mean this order throughout. A mistake costs the resource that makes it
//! and leaves a [`Diagnostic`].
//! Deliberately absent: incremental compilation; everything is built anew.

mod attributes;
mod defaults;
mod duplicates;
mod forward;
mod groups;
mod matching;
mod membership;
mod modules;
mod precedence;
mod probes;
mod report;
mod routes;
mod surprises;
mod upstream;
mod weights;

use std::sync::Arc;

use nuncio_config::{Diagnostic, Identity, Kind, Module, Resource};

use crate::demands::Tally;
use crate::{Clusters, Demands, RouteTable, Settings, Snapshot};
use defaults::Defaults;
use groups::Member;
pub(crate) use precedence::Precedence;
use report::Report;
use routes::Surroundings;
use upstream::Named;

/// Compiles `resources`, taking over the diagnostics of their parsing.
pub fn compile<'r>(
    resources: impl IntoIterator<Item = &'r Resource>,
    parse_diagnostics: impl IntoIterator<Item = Diagnostic>,
    identity: &Identity,
    generation: u64,
) -> Snapshot {
    let mut report = Report::new(parse_diagnostics);
    let mut resources: Vec<_> = resources.into_iter().collect();
    resources.sort_unstable_by(|a, b| insertion(a).cmp(&insertion(b)));
    let resources = duplicates::resolve(resources, &mut report);

    let nothing_said = Module::default();
    let module = modules::module(&resources, identity, &mut report).unwrap_or(&nothing_said);
    let settings = Settings::from(module);
    let surroundings = Surroundings {
        settings: &settings,
        defaults: Defaults::of(module),
        named: Named::of(&resources),
        identity,
    };
    let live = |member: &Member<'r>| surroundings.judge(member, &mut report);
    let mappings: Vec<_> = mappings(&resources).filter(live).collect();
    let mut groups = groups::form(mappings.into_iter(), module, &mut report);
    let probes = probes::groups(module, &groups, &mut report);
    groups.extend(probes);
    groups::sort(&mut groups);
    let (routes, clusters) = surroundings.lay_out(&groups, &mut report);

    let demands = demands(&routes, &clusters, &settings);
    Snapshot {
        generation,
        routes,
        clusters,
        diagnostics: report.finish(),
        settings: Arc::new(settings),
        demands: Arc::new(demands),
    }
}

fn demands(routes: &RouteTable, clusters: &Clusters, settings: &Settings) -> Demands {
    let mut tally = Tally::default();
    tally.add_pages(&settings.error_overrides);
    routes.iter().for_each(|route| tally.add_route(route));
    let clusters = clusters.slots().iter();
    clusters.for_each(|(_, cluster)| tally.add_cluster(cluster));
    tally.demands()
}

fn mappings<'r>(resources: &[&'r Resource]) -> impl Iterator<Item = Member<'r>> {
    resources
        .iter()
        .filter_map(|resource| match &resource.kind {
            Kind::Mapping(mapping) => Some(Member { resource, mapping }),
            Kind::Module(_)
            | Kind::CircuitBreaker(_)
            | Kind::OutlierDetection(_)
            | Kind::Resolver(_) => None,
        })
}

/// The order in which resources count as inserted; one document makes one resource.
fn insertion(resource: &Resource) -> impl Ord + '_ {
    (&resource.at, &resource.namespace, &resource.name)
}
