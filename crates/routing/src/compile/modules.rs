//! Which Module `ambassador` counts.
//!
//! There is one such Module per gateway. Emissary keeps the first it meets, in an order that nobody
//! controls; here the one in the gateway's own namespace counts, else that of the first namespace.

use nuncio_config::{Identity, Kind, Module, Resource};

use super::report::{Place, Report};

/// The Module that counts; the other Modules are errors.
pub(super) fn module<'r>(
    resources: &[&'r Resource],
    identity: &Identity,
    report: &mut Report,
) -> Option<&'r Module> {
    let mut modules: Vec<_> = resources
        .iter()
        .filter_map(|resource| as_module(resource))
        .collect();
    modules.sort_by_key(|(resource, _)| {
        (
            resource.namespace != identity.namespace,
            &resource.namespace,
        )
    });
    let ((winner, module), others) = modules.split_first()?;
    for (other, _) in others {
        report.error(
            other,
            format_args!("ignored: the Module at {} counts", Place(&winner.at)),
        );
    }
    warn_without_effect(winner, module, report);
    Some(module)
}

/// What is honoured otherwise than its author may expect.
fn warn_without_effect(resource: &Resource, module: &Module, report: &mut Report) {
    let diagnostics = module.diagnostics.as_ref();
    if diagnostics.is_some_and(|diagnostics| diagnostics.enabled == Some(true)) {
        report.warning(
            resource,
            "diagnostics: the pages are on the admin port only, never on the ports of requests",
        );
    }
    let connections = &module.connections;
    if connections.proper_case == Some(true) && connections.header_case_overrides.is_some() {
        report.warning(
            resource,
            "proper_case has no effect beside header_case_overrides",
        );
    }
}

fn as_module(resource: &Resource) -> Option<(&Resource, &Module)> {
    match &resource.kind {
        Kind::Module(module) => Some((resource, module)),
        Kind::Mapping(_)
        | Kind::CircuitBreaker(_)
        | Kind::OutlierDetection(_)
        | Kind::Resolver(_) => None,
    }
}
