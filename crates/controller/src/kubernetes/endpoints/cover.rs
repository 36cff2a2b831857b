//! Which watches cover the Services of one namespace.
//!
//! A watch selects its Services by label while they are few; beyond that one watch takes all slices
//! of the namespace and keeps those of the Services it is for. A Service that comes to be wanted
//! gets a watch beside those that run, so that nothing listed before is listed again.
//!
//! Invariant: each wanted Service belongs to exactly one watch, from the moment it is wanted.
//! Deliberately absent: the watches themselves.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Services that one watch selects by name at most: their names fit into a URL many times over.
const SELECTED: usize = 32;

/// Watches of one namespace at most.
const WATCHES: usize = 4;

/// Names of Services of one namespace.
pub(super) type Names = BTreeSet<Box<str>>;

/// What a watch asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope {
    pub(super) services: Arc<Names>,
    pub(super) by: Selection,
}

/// How it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// The server sends slices of these Services only.
    Label,
    /// The server sends all of the namespace.
    Namespace,
}

/// The watches of one namespace, of which `W` are the handles.
#[derive(Debug)]
pub(super) struct Cover<W>(Vec<Watched<W>>);

#[derive(Debug)]
struct Watched<W> {
    /// Those that it is for; it may select others that are wanted no longer.
    services: Names,
    by: Selection,
    handle: W,
}

impl<W> Default for Cover<W> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<W> Cover<W> {
    /// Ends the watches that nobody wants, by dropping their handles, and starts those that lack.
    pub(super) fn fit(&mut self, wanted: &Names, mut start: impl FnMut(Scope) -> W) {
        self.0.retain_mut(|watched| {
            watched.services.retain(|service| wanted.contains(service));
            !watched.services.is_empty()
        });
        let lacking = wanted.iter().filter(|service| self.of(service).is_none());
        let mut lacking: Names = lacking.cloned().collect();
        if lacking.is_empty() {
            return;
        }
        self.join_up(&mut lacking);
        if self.0.len() + lacking.len().div_ceil(SELECTED) > WATCHES {
            self.0.clear();
            self.add(wanted.clone(), Selection::Namespace, &mut start);
            return;
        }
        while !lacking.is_empty() {
            let chunk = lacking.iter().take(SELECTED).cloned().collect();
            lacking = &lacking - &chunk;
            self.add(chunk, Selection::Label, &mut start);
        }
    }

    /// The handles of the watches whose scope the service is in.
    pub(super) fn of(&self, service: &str) -> Option<&W> {
        let mut watches = self.0.iter();
        let watched = watches.find(|watched| watched.services.contains(service));
        watched.map(|watched| &watched.handle)
    }

    /// The Services of the watch whose handle `is_it`.
    pub(super) fn services(&self, is_it: impl Fn(&W) -> bool) -> Option<&Names> {
        let watched = self.0.iter().find(|watched| is_it(&watched.handle));
        watched.map(|watched| &watched.services)
    }

    /// Takes over the Services of a watch that has room for those that lack one.
    fn join_up(&mut self, lacking: &mut Names) {
        let has_room = |watched: &Watched<W>| {
            watched.by == Selection::Label && watched.services.len() + lacking.len() <= SELECTED
        };
        if let Some(position) = self.0.iter().position(has_room) {
            lacking.append(&mut self.0.swap_remove(position).services);
        }
    }

    fn add(&mut self, services: Names, by: Selection, start: &mut impl FnMut(Scope) -> W) {
        let scope = Scope {
            services: Arc::new(services.clone()),
            by,
        };
        self.0.push(Watched {
            services,
            by,
            handle: start(scope),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(numbers: std::ops::Range<usize>) -> Names {
        numbers
            .map(|number| format!("s{number:05}").into())
            .collect()
    }

    /// Fits, and answers what was started: how many Services, and how they are selected.
    fn fit(cover: &mut Cover<usize>, wanted: &Names) -> Vec<(usize, Selection)> {
        let mut started = Vec::new();
        cover.fit(wanted, |scope| {
            started.push((scope.services.len(), scope.by));
            started.len()
        });
        for service in wanted {
            let watches = cover.0.iter();
            let covering = watches.filter(|one| one.services.contains(service));
            assert_eq!(covering.count(), 1, "{service}");
        }
        assert!(cover.0.len() <= WATCHES);
        started
    }

    #[test]
    fn few_services_are_selected_by_name() {
        let mut cover = Cover::default();
        assert_eq!(fit(&mut cover, &names(0..3)), [(3, Selection::Label)]);
        assert_eq!(fit(&mut cover, &names(0..3)), []);
    }

    #[test]
    fn one_more_joins_a_watch_with_room() {
        let mut cover = Cover::default();
        fit(&mut cover, &names(0..40));
        assert_eq!(fit(&mut cover, &names(0..41)), [(9, Selection::Label)]);
    }

    #[test]
    fn many_are_found_among_all_of_the_namespace() {
        let mut cover = Cover::default();
        let all = fit(&mut cover, &names(0..1000));
        assert_eq!(all, [(1000, Selection::Namespace)]);
        assert_eq!(fit(&mut cover, &names(0..1001)), [(1, Selection::Label)]);
    }

    #[test]
    fn many_that_come_one_by_one_list_the_namespace_seldom() {
        let mut cover = Cover::default();
        let mut whole = 0;
        for count in 1..500 {
            let started = fit(&mut cover, &names(0..count));
            whole += started
                .iter()
                .filter(|(_, by)| *by == Selection::Namespace)
                .count();
        }
        assert!((1..=6).contains(&whole), "{whole}");
    }

    #[test]
    fn a_watch_ends_with_the_last_that_wants_it() {
        let mut cover = Cover::default();
        fit(&mut cover, &names(0..2));
        assert_eq!(fit(&mut cover, &names(1..2)), []);
        assert!(cover.of("s00000").is_none());
        fit(&mut cover, &Names::new());
        assert!(cover.0.is_empty());
    }

    #[test]
    fn a_service_that_is_wanted_again_is_listed_again() {
        let mut cover = Cover::default();
        fit(&mut cover, &names(0..2));
        fit(&mut cover, &names(1..2));
        assert_eq!(fit(&mut cover, &names(0..2)), [(2, Selection::Label)]);
    }
}
