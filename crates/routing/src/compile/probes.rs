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
use crate::Probe;
use crate::order::Insertion;

/// The groups of the probes that are enabled; `groups` are those of the Mappings.
pub(super) fn groups<'r>(
    module: &Module,
    groups: &[Group<'r>],
    report: &mut Report,
) -> Vec<Group<'r>> {
    let probes = [
        (Probe::Alive, &module.liveness_probe, "liveness_probe"),
        (Probe::Ready, &module.readiness_probe, "readiness_probe"),
    ];
    probes
        .into_iter()
        .filter_map(|(probe, said, setting)| Some((probe, prefix(probe, said.as_ref())?, setting)))
        .zip(0..)
        .map(|((probe, prefix, setting), nth)| {
            let matching = Matching::prefix(prefix);
            warn_hidden(&matching, groups, setting, report);
            Group::new(matching, Insertion::BuiltIn(nth), Members::Probe(probe))
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

fn warn_hidden(matching: &Matching<'_>, groups: &[Group<'_>], setting: &str, report: &mut Report) {
    for group in groups.iter().filter(|group| group.matching == *matching) {
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
