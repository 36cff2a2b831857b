//! The health checks that answer on the data port.
//!
//! Emissary has internal Mappings for them (`IRAmbassador.add_mappings`): precedence 0, host `*`, no
//! method, inserted after all others. So a longer prefix, a host, a header or a precedence of its
//! own lets a user's Mapping go first. A Mapping with just the probe's prefix would share a group
//! with it and take half of its requests in Emissary; here the probe keeps them all.

use nuncio_config::{InternalMapping, Module, Prefix};

use super::groups::{Group, Members};
use super::matching::Matching;
use super::report::Report;
use crate::order::Insertion;
use crate::{Probe, SelectedBy};

/// A probe that is enabled.
#[derive(Debug)]
pub(crate) struct BuiltIn {
    pub(super) group: Group<'static>,
    /// The Module's key for it.
    setting: &'static str,
}

/// The probes that are enabled.
pub(crate) fn built_in(module: &Module) -> Vec<BuiltIn> {
    let probes = [
        (Probe::Alive, &module.liveness_probe, "liveness_probe"),
        (Probe::Ready, &module.readiness_probe, "readiness_probe"),
    ];
    let enabled = probes
        .into_iter()
        .filter_map(|(probe, said, setting)| Some((probe, prefix(probe, said.as_ref())?, setting)));
    let placed = enabled.zip(0..);
    placed
        .map(|((probe, prefix, setting), nth)| {
            let (matching, inserted) = (Matching::prefix(prefix), Insertion::BuiltIn(nth));
            let group = Group {
                selected_by: SelectedBy::everybody(),
                ..Group::new(matching, inserted, Members::Probe(probe))
            };
            BuiltIn { group, setting }
        })
        .collect()
}

/// Where a probe answers, if it does. The parser has seen to it that a prefix is one.
fn prefix(probe: Probe, said: Option<&InternalMapping>) -> Option<Prefix> {
    if said.is_some_and(|said| !said.is_enabled()) {
        return None;
    }
    let own = said.and_then(|said| said.prefix.as_deref());
    let own = own.and_then(|own| own.parse().ok());
    own.or_else(|| probe.prefix().parse().ok())
}

/// Tells the members of a group that a probe is answered in their place.
pub(super) fn warn_hidden(group: &Group<'_>, built_in: &[BuiltIn], report: &mut Report) {
    let hiding = |built_in: &&BuiltIn| built_in.group.matching == group.matching;
    for BuiltIn { setting, .. } in built_in.iter().filter(hiding) {
        for taker in group.takers() {
            report.warning(
                taker.resource,
                format_args!(
                    "never reached: the gateway itself answers this prefix, unless the Module sets \
                     `{setting}: {{enabled: false}}`"
                ),
            );
        }
    }
}
