//! Which Module `ambassador` counts.
//!
//! There is one such Module per gateway. Emissary keeps the first it meets, in an order that nobody
//! controls; here the one in the gateway's own namespace counts, else that of the first namespace.

use nuncio_config::{Identity, Kind, Module, Resource};

use super::report::{Place, Report};
use crate::Settings;

/// The settings of the Module that counts; the other Modules are errors.
pub(super) fn settings(
    resources: &[&Resource],
    identity: &Identity,
    report: &mut Report,
) -> Settings {
    let mut modules: Vec<_> = resources
        .iter()
        .filter_map(|resource| module(resource))
        .collect();
    modules.sort_by_key(|(resource, _)| {
        (
            resource.namespace != identity.namespace,
            &resource.namespace,
        )
    });
    let Some(((winner, module), others)) = modules.split_first() else {
        return Settings::default();
    };
    for (other, _) in others {
        report.error(
            other,
            format_args!("ignored: the Module at {} counts", Place(&winner.at)),
        );
    }
    Settings::from(*module)
}

fn module(resource: &Resource) -> Option<(&Resource, &Module)> {
    match &resource.kind {
        Kind::Module(module) => Some((resource, module)),
        Kind::Mapping(_) | Kind::CircuitBreaker(_) | Kind::OutlierDetection(_) => None,
    }
}
