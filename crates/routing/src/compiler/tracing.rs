//! Which TracingService counts.
//!
//! As in Emissary there may be one, whatever its name and namespace; of several none counts.

use nuncio_config::{Identity, Kind, Module, Qualifier, Resource, TracingService};

use super::assembly::Assembly;
use super::gateway_wide::{GatewayWide, trusted};
use crate::Tracing;
use crate::compile::{Place, Report, Told};

/// All live TracingServices.
#[derive(Debug, Default)]
pub(super) struct TracingServices {
    pub(super) all: GatewayWide,
    counting: Option<Told>,
}

impl TracingServices {
    /// Decides which one counts; answers whether there was anything to decide.
    pub(super) fn settle(&mut self, identity: &Identity, assembly: &mut Assembly) -> bool {
        let decided = self.all.settle(assembly, |all, report| {
            counting(all, identity, report).cloned()
        });
        let was_touched = decided.is_some();
        if let Some(counting) = decided {
            self.counting = counting;
        }
        was_touched
    }

    /// What the one that counts means.
    pub(super) fn tracing(&self, module: &Module, identity: &Identity) -> Option<Tracing> {
        let (resource, service) = as_tracing(self.counting.as_ref()?)?;
        let of_gateway = module.use_ambassador_namespace_for_service_resolution;
        let by = match of_gateway.unwrap_or(false) {
            true => Qualifier::Nothing,
            false => Qualifier::between(&resource.namespace, &identity.namespace),
        };
        Some(Tracing::of(service, by, identity))
    }
}

fn counting<'t>(all: &'t [Told], identity: &Identity, report: &mut Report) -> Option<&'t Told> {
    let resources = all
        .iter()
        .filter_map(|told| Some((told, as_tracing(told)?.0)));
    let mut services: Vec<_> = resources.collect();
    services.retain(|(_, resource)| trusted(resource, identity, report));
    if let [(only, _)] = *services {
        return Some(only);
    }
    for (at, (_, resource)) in services.iter().enumerate() {
        let other = match at {
            0 => services.get(1),
            _ => services.first(),
        };
        let Some((_, other)) = other else { continue };
        let reason = format_args!(
            "ignored: exactly one TracingService is supported, and there is also {} at {}",
            other.name,
            Place(&other.at)
        );
        report.error_against(resource, other, reason);
    }
    None
}

fn as_tracing(told: &Told) -> Option<(&Resource, &TracingService)> {
    let resource = told.resource()?;
    let Kind::TracingService(service) = &resource.kind else {
        return None;
    };
    Some((resource, service))
}
