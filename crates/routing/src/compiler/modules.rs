//! Which Module `ambassador` counts.
//!
//! There is one such Module per gateway. Emissary keeps the first it meets, in an order that nobody
//! controls; here the one in the gateway's own namespace counts, else that of the first namespace,
//! unless annotations are not trusted beyond their namespace.

use nuncio_config::{Identity, Kind, Module, Resource};

use super::assembly::Assembly;
use super::gateway_wide::{GatewayWide, counting_one};
use crate::compile::{Report, Told};

/// What the Module that counts says.
#[derive(Debug, Default)]
pub(super) struct Counting {
    pub(super) module: Module,
    /// The Module itself, if it says what the Module `tls` does.
    pub(super) tls: Option<Told>,
}

/// The Module that counts, if Modules were touched; the other Modules are errors.
pub(super) fn settle(
    modules: &mut GatewayWide,
    identity: &Identity,
    assembly: &mut Assembly,
) -> Option<Counting> {
    modules.settle(assembly, |all, report| {
        let counting = counting(all, identity, report);
        counting.unwrap_or_default()
    })
}

fn counting(all: &[Told], identity: &Identity, report: &mut Report) -> Option<Counting> {
    let told = counting_one(all, identity, report)?;
    let (winner, module) = as_module(told)?;
    warn_without_effect(winner, module, report);
    Some(Counting {
        module: module.clone(),
        tls: module.tls.is_some().then(|| told.clone()),
    })
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

fn as_module(told: &Told) -> Option<(&Resource, &Module)> {
    let resource = told.resource()?;
    let Kind::Module(module) = &resource.kind else {
        return None;
    };
    Some((resource, module))
}
