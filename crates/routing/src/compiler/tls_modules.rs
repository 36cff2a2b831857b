//! Which Module `tls` counts.
//!
//! As with the Module `ambassador`: the one in the gateway's own namespace, else that of the first.

use std::collections::BTreeSet;

use nuncio_config::{Identity, Kind, Resource};

use super::assembly::Assembly;
use super::gateway_wide::{GatewayWide, counting_one};
use crate::compile::{Named, Told};

/// Lets the one that counts be found by name. Answers of the names whose contexts may be others.
pub(super) fn settle(
    modules: &mut GatewayWide,
    identity: &Identity,
    (named, assembly): (&mut Named, &mut Assembly),
) -> BTreeSet<Box<str>> {
    let decided = modules.settle(assembly, |all, report| {
        counting_one(all, identity, report).cloned()
    });
    let Some(now) = decided else {
        return BTreeSet::new();
    };
    let mut names = BTreeSet::new();
    names.extend(now.as_ref().into_iter().flat_map(contexts));
    let before = named.set_tls_module(now);
    names.extend(before.as_ref().into_iter().flat_map(contexts));
    names
}

fn contexts(told: &Told) -> impl Iterator<Item = Box<str>> {
    let module = told.resource().and_then(as_module);
    module.into_iter().flatten().cloned()
}

fn as_module(resource: &Resource) -> Option<impl Iterator<Item = &Box<str>>> {
    let Kind::TlsModule(module) = &resource.kind else {
        return None;
    };
    Some(module.contexts.iter().map(|(name, _)| name))
}
