//! Where Mappings count, from one snapshot to the next.
//!
//! Invariant: a Mapping that had a request keeps its handle while it is configured, also when it is
//! another since and has had none yet; one that is not loses it at a look after the last request
//! that it took has ended, and the last page that shows it is written. Looks go on until then.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use nuncio_routing::{Route, Share};
use nuncio_telemetry::{Configured, MappingStats, Weight};

use super::{Live, Switch};

/// Gives the handles that nobody has to those who have come instead, and lets go of the rest.
/// Looks at Routes only if there are such handles.
pub(super) fn hand_over(live: &Live) {
    let unused = live.telemetry.unused_mappings();
    if unused.is_empty() {
        return;
    }
    let by_name: HashMap<(&str, &str), &Arc<MappingStats>> =
        unused.iter().map(|stats| (stats.name(), stats)).collect();
    for route in live.routes().in_any_order() {
        let name = (&*route.mapping.namespace, &*route.mapping.name);
        if let Some(stats) = by_name.get(&name) {
            route.attachment.get_or_attach(|| Arc::clone(stats));
        }
    }
    drop(by_name);
    drop(unused);
    live.telemetry.let_go_of_mappings();
}

/// Whether there are handles that no Route has: somebody still has them, be it a page.
pub(super) fn are_left(live: &Live) -> bool {
    let routes = live.routes().in_any_order();
    let attached = routes.filter(|route| route.attachment.is_filled());
    let names: HashSet<_> = attached.map(|route| &*route.mapping).collect();
    live.telemetry.known_mappings() > names.len()
}

impl Configured for Switch {
    fn mappings(&self) -> usize {
        self.live.load().routes().len()
    }

    fn weights(&self, tell: &mut dyn FnMut(Weight<'_>)) {
        let live = self.live();
        let shared = |route: &&Arc<Route>| route.share != Share::WHOLE;
        for route in live.routes().in_any_order().filter(shared) {
            tell(Weight {
                namespace: &route.mapping.namespace,
                name: &route.mapping.name,
                percent: route.share.percent(),
            });
        }
    }
}
