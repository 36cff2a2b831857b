//! Which watches cover the objects that are wanted of one place.
//!
//! A watch selects its objects by name while they are few; beyond that one watch takes everything of
//! the place and keeps what it is for. An object that comes to be wanted gets a watch beside those
//! that run, so that nothing listed before is listed again until there are twice as many.
//!
//! Invariant: each wanted object belongs to exactly one watch, from the moment it is wanted; at most one
//! where the place may not be listed yet.
//! Deliberately absent: the watches themselves.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many watches there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Objects that one watch selects by name at most.
    pub(super) selected: usize,
    /// Watches of one place at most.
    pub(super) watches: usize,
    /// The same where one of them takes everything, which is not to begin anew for a few objects.
    pub(super) beside: usize,
}

/// Whether everything of the place may be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    Now,
    Later,
}

/// What a watch asks for, of objects that are called `N`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Scope<N> {
    pub(super) names: Arc<BTreeSet<N>>,
    pub(super) by: Selection,
}

/// How it asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// The server sends these objects only.
    Name,
    /// The server sends all of the place.
    Place,
}

/// The watches of one place, of which `W` are the handles.
#[derive(Debug)]
pub(super) struct Cover<N, W> {
    limits: Limits,
    watched: Vec<Watched<N, W>>,
}

#[derive(Debug)]
struct Watched<N, W> {
    /// Those that it is for; it may select others that are wanted no longer.
    names: BTreeSet<N>,
    by: Selection,
    handle: W,
}

impl<N: Clone + Ord, W> Cover<N, W> {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            watched: Vec::new(),
        }
    }

    /// Ends the watches that nobody wants, by dropping their handles, and starts those that lack. Answers
    /// whether none lacks any more, for which it may be too early.
    pub(super) fn fit(
        &mut self,
        (wanted, listing): (&BTreeSet<N>, Listing),
        mut start: impl FnMut(Scope<N>) -> W,
    ) -> bool {
        self.watched.retain_mut(|watched| {
            watched.names.retain(|name| wanted.contains(name));
            !watched.names.is_empty()
        });
        let covered: BTreeSet<&N> = self.watched.iter().flat_map(|one| &one.names).collect();
        let lacking = wanted.iter().filter(|name| !covered.contains(name));
        let mut lacking: BTreeSet<N> = lacking.cloned().collect();
        if lacking.is_empty() {
            return true;
        }
        let has_joined = self.join_up(&mut lacking);
        let more = lacking.len().div_ceil(self.limits.selected);
        if !has_joined && self.watched.len() + more > self.most() {
            if listing == Listing::Now {
                self.watched.clear();
                self.add(wanted.clone(), Selection::Place, &mut start);
            }
            return listing == Listing::Now;
        }
        while !lacking.is_empty() {
            let chunk = lacking.iter().take(self.limits.selected).cloned().collect();
            lacking = &lacking - &chunk;
            self.add(chunk, Selection::Name, &mut start);
        }
        true
    }

    /// How many watches there may be: beside one that takes everything, as many as select by name what that
    /// one is for.
    fn most(&self) -> usize {
        let mut watches = self.watched.iter();
        let whole = watches.find(|watched| watched.by == Selection::Place);
        let Limits {
            selected,
            watches,
            beside,
        } = self.limits;
        let twice = whole.map_or(0, |whole| whole.names.len().div_ceil(selected) + 1);
        twice.min(beside).max(watches)
    }

    /// The handle of the watch whose scope the object is in.
    pub(super) fn of<Q>(&self, name: &Q) -> Option<&W>
    where
        N: Borrow<Q>,
        Q: Ord + ?Sized,
    {
        let mut watches = self.watched.iter();
        let watched = watches.find(|watched| watched.names.contains(name));
        watched.map(|watched| &watched.handle)
    }

    /// The objects of the watch whose handle `is_it`.
    pub(super) fn names(&self, is_it: impl Fn(&W) -> bool) -> Option<&BTreeSet<N>> {
        let watched = self.watched.iter().find(|watched| is_it(&watched.handle));
        watched.map(|watched| &watched.names)
    }

    /// Whether a watch takes everything of the place.
    pub(super) fn is_whole(&self, is_it: impl Fn(&W) -> bool) -> bool {
        let watched = self.watched.iter().find(|watched| is_it(&watched.handle));
        watched.is_some_and(|watched| watched.by == Selection::Place)
    }

    /// Ends all watches but the one that takes everything of the place.
    pub(super) fn into_whole(self) -> Option<W> {
        let mut watched = self.watched.into_iter();
        let whole = watched.find(|watched| watched.by == Selection::Place);
        whole.map(|watched| watched.handle)
    }

    /// Takes over the objects of a watch that has room for those that lack one; whether there is one.
    fn join_up(&mut self, lacking: &mut BTreeSet<N>) -> bool {
        let selected = self.limits.selected;
        let has_room = |watched: &Watched<N, W>| {
            watched.by == Selection::Name && watched.names.len() + lacking.len() <= selected
        };
        let position = self.watched.iter().position(has_room);
        if let Some(position) = position {
            lacking.append(&mut self.watched.swap_remove(position).names);
        }
        position.is_some()
    }

    fn add(&mut self, names: BTreeSet<N>, by: Selection, start: &mut impl FnMut(Scope<N>) -> W) {
        let scope = Scope {
            names: Arc::new(names.clone()),
            by,
        };
        self.watched.push(Watched {
            names,
            by,
            handle: start(scope),
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Names = BTreeSet<Box<str>>;

    const LIMITS: Limits = Limits {
        selected: 32,
        watches: 4,
        beside: 4,
    };

    fn cover() -> Cover<Box<str>, usize> {
        Cover::new(LIMITS)
    }

    fn names(numbers: std::ops::Range<usize>) -> Names {
        numbers
            .map(|number| format!("s{number:05}").into())
            .collect()
    }

    /// Fits, and answers what was started: how many Services, and how they are selected.
    fn fit(cover: &mut Cover<Box<str>, usize>, wanted: &Names) -> Vec<(usize, Selection)> {
        let mut started = Vec::new();
        cover.fit((wanted, Listing::Now), |scope| {
            started.push((scope.names.len(), scope.by));
            started.len()
        });
        for name in wanted {
            let watches = cover.watched.iter();
            let covering = watches.filter(|one| one.names.contains(name));
            assert_eq!(covering.count(), 1, "{name}");
        }
        assert!(cover.watched.len() <= cover.limits.watches.max(cover.limits.beside));
        started
    }

    #[test]
    fn few_objects_are_selected_by_name() {
        let mut cover = cover();
        assert_eq!(fit(&mut cover, &names(0..3)), [(3, Selection::Name)]);
        assert_eq!(fit(&mut cover, &names(0..3)), []);
    }

    #[test]
    fn one_more_joins_a_watch_with_room() {
        let mut cover = cover();
        fit(&mut cover, &names(0..40));
        assert_eq!(fit(&mut cover, &names(0..41)), [(9, Selection::Name)]);
    }

    #[test]
    fn many_are_found_among_all_of_the_place() {
        let mut cover = cover();
        let all = fit(&mut cover, &names(0..1000));
        assert_eq!(all, [(1000, Selection::Place)]);
        assert_eq!(fit(&mut cover, &names(0..1001)), [(1, Selection::Name)]);
    }

    #[test]
    fn many_that_come_one_by_one_list_the_place_seldom() {
        let mut cover = cover();
        let mut whole = 0;
        for count in 1..500 {
            let started = fit(&mut cover, &names(0..count));
            whole += started
                .iter()
                .filter(|(_, by)| *by == Selection::Place)
                .count();
        }
        assert!((1..=6).contains(&whole), "{whole}");
    }

    #[test]
    fn with_room_beside_the_whole_the_place_is_listed_again_when_there_are_twice_as_many() {
        let mut cover = Cover::new(Limits {
            selected: 1,
            watches: 8,
            beside: 64,
        });
        let mut listed = Vec::new();
        for count in 1..200 {
            for (names, by) in fit(&mut cover, &names(0..count)) {
                if by == Selection::Place {
                    listed.push(names);
                }
            }
        }
        assert_eq!(listed, [9, 19, 39, 79, 143]);
    }

    #[test]
    fn where_it_is_too_early_to_list_the_others_keep_their_watches() {
        let mut cover = cover();
        fit(&mut cover, &names(0..128));
        let more = names(0..200);
        assert!(!cover.fit((&more, Listing::Later), |_| panic!("too early")));
        assert!(cover.of("s00000").is_some() && cover.of("s00150").is_none());
        assert_eq!(fit(&mut cover, &more), [(200, Selection::Place)]);
    }

    #[test]
    fn the_watch_of_a_whole_place_is_known() {
        let mut cover = cover();
        fit(&mut cover, &names(0..1000));
        fit(&mut cover, &names(0..1001));
        assert!(cover.is_whole(|handle| *handle == 1));
        assert_eq!(cover.watched.len(), 2);
        assert_eq!(cover.into_whole(), Some(1));
    }

    #[test]
    fn a_watch_ends_with_the_last_that_wants_it() {
        let mut cover = cover();
        fit(&mut cover, &names(0..2));
        assert_eq!(fit(&mut cover, &names(1..2)), []);
        assert!(cover.of("s00000").is_none());
        fit(&mut cover, &Names::new());
        assert!(cover.watched.is_empty());
    }

    #[test]
    fn an_object_that_is_wanted_again_is_listed_again() {
        let mut cover = cover();
        fit(&mut cover, &names(0..2));
        fit(&mut cover, &names(1..2));
        assert_eq!(fit(&mut cover, &names(0..2)), [(2, Selection::Name)]);
    }
}
