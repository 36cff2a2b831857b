//! The live resources of a kind of which one counts, for the whole gateway.
//!
//! Deliberately absent: which one counts; each kind has a rule of its own.

use nuncio_config::{Identity, Resource, Trust};

use super::assembly::{Assembly, Held};
use crate::compile::{Place, Report, Told, told};

/// All live resources of the kind.
#[derive(Debug, Default)]
pub(super) struct GatewayWide {
    /// In insertion order.
    all: Vec<Told>,
    touched: bool,
    held: Held,
}

impl GatewayWide {
    pub(super) fn add(&mut self, told: Told) {
        told::insert(&mut self.all, told);
        self.touched = true;
    }

    pub(super) fn remove(&mut self, told: &Told) {
        told::take(&mut self.all, told);
        self.touched = true;
    }

    /// Decides which one counts, if there is anything to decide.
    pub(super) fn settle<T>(
        &mut self,
        assembly: &mut Assembly,
        decide: impl FnOnce(&[Told], &mut Report) -> T,
    ) -> Option<T> {
        if !std::mem::take(&mut self.touched) {
            return None;
        }
        let mut report = Report::default();
        let decided = decide(&self.all, &mut report);
        assembly.report(&mut self.held, report);
        Some(decided)
    }
}

/// The one that counts of Modules with one name: that of the gateway's own namespace, else that of the
/// first. The others are errors.
pub(super) fn counting_one<'t>(
    all: &'t [Told],
    identity: &Identity,
    report: &mut Report,
) -> Option<&'t Told> {
    let modules = all.iter().filter_map(|told| Some((told, told.resource()?)));
    let mut modules: Vec<_> = modules.collect();
    modules.retain(|(_, resource)| trusted(resource, identity, report));
    modules.sort_by_key(|(_, resource)| {
        (
            resource.namespace != identity.namespace,
            &resource.namespace,
        )
    });
    let ((first, winner), others) = modules.split_first()?;
    for (_, other) in others {
        let reason = format_args!("ignored: the Module at {} counts", Place(&winner.at));
        report.error_against(other, winner, reason);
    }
    Some(first)
}

/// Whether what holds for the whole gateway may count.
pub(super) fn trusted(resource: &Resource, identity: &Identity, report: &mut Report) -> bool {
    let is_own =
        identity.annotations == Trust::Compatible || resource.namespace == identity.namespace;
    if !is_own {
        let reason = format_args!(
            "ignored: what holds for the whole gateway counts only from the gateway's namespace, {}, \
             since annotations are not trusted beyond their own",
            identity.namespace
        );
        report.error(resource, reason);
    }
    is_own
}
