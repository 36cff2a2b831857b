//! The health checks that answer on the data port.
//!
//! Emissary has internal Mappings for them (`IRAmbassador.add_mappings`): precedence 0, host `*`, no
//! method, inserted after all others. So a longer prefix, a host, a header or a precedence of its
//! own lets a user's Mapping go first. A Mapping with just the probe's prefix would share a group
//! with it and take half of its requests in Emissary; here the probe keeps them all.

use super::groups::{Group, Members};
use super::matching::Matching;
use super::report::Report;
use crate::{Probe, Settings};

/// The groups of the probes that are enabled; `groups` are those of the Mappings.
pub(super) fn groups<'r>(
    settings: &Settings,
    groups: &[Group<'r>],
    report: &mut Report,
) -> Vec<Group<'r>> {
    let probes = [
        (Probe::Alive, settings.liveness_probe, "liveness_probe"),
        (Probe::Ready, settings.readiness_probe, "readiness_probe"),
    ];
    let enabled = probes.into_iter().filter(|(_, enabled, _)| *enabled);
    enabled
        .filter_map(|(probe, _, setting)| Some((probe, probe.prefix().parse().ok()?, setting)))
        .map(|(probe, prefix, setting)| {
            let matching = Matching::prefix(prefix);
            warn_hidden(&matching, groups, setting, report);
            Group::new(matching, Members::Probe(probe))
        })
        .collect()
}

fn warn_hidden(matching: &Matching<'_>, groups: &[Group<'_>], setting: &str, report: &mut Report) {
    for group in groups.iter().filter(|group| group.matching == *matching) {
        let Members::Mappings(mappings) = &group.members else {
            continue;
        };
        for (resource, _) in mappings {
            report.warning(
                resource,
                format_args!(
                    "never reached: the gateway itself answers this prefix, unless the Module sets \
                     `{setting}: {{enabled: false}}`"
                ),
            );
        }
    }
}
