//! Turns resources into a [`Snapshot`].
//!
//! Invariant: pure and independent of the order of its inputs. Resources are taken in the order of
//! their [`Location`](nuncio_config::Location) (object, file, document, line), and "earlier",
//! "later" and "insertion" mean this order throughout. A mistake costs the resource that makes it
//! and leaves a [`Diagnostic`].
//! Deliberately absent: incremental compilation; everything is built anew.

mod duplicates;
mod groups;
mod matching;
mod modules;
mod precedence;
mod probes;
mod report;
mod routes;
mod weights;

use std::sync::Arc;

use nuncio_config::{Diagnostic, Identity, Kind, Resource};

use crate::Snapshot;
use report::Report;
use routes::Surroundings;

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

    let settings = modules::settings(&resources, identity, &mut report);
    let mappings = resources
        .iter()
        .filter_map(|resource| match &resource.kind {
            Kind::Mapping(mapping) => Some((*resource, &**mapping)),
            Kind::Module(_) | Kind::CircuitBreaker(_) | Kind::OutlierDetection(_) => None,
        });
    let mut groups = groups::form(mappings, &mut report);
    let probes = probes::groups(&settings, &groups, &mut report);
    groups.extend(probes);
    groups::sort(&mut groups);
    let surroundings = Surroundings {
        settings: &settings,
        identity,
    };
    let (routes, clusters) = surroundings.lay_out(&groups, &mut report);

    Snapshot {
        generation,
        routes,
        clusters,
        diagnostics: report.finish(),
        settings: Arc::new(settings),
    }
}

/// The order in which resources count as inserted; one document makes one resource.
fn insertion(resource: &Resource) -> impl Ord + '_ {
    (&resource.at, &resource.namespace, &resource.name)
}
