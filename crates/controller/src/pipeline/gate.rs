//! When there is enough to publish.
//!
//! Invariant: nothing is published before every required feed has listed, but for a saved state once
//! the API server had its time to answer. Feeds that are not required are waited for a moment, so
//! that what they bring is there from the first snapshot on, and no longer.
//! Deliberately absent: clocks. Whoever owns one says when the time is over.

use std::collections::BTreeSet;

use crate::change::{Feed, Need};

/// What is waited for, for so long at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Any list, before a saved state is served.
    Lists,
    /// The lists of feeds that are not required, once the others are there.
    Optional,
    /// That changes pause, for work that none of them shall wait for.
    Pause,
}

/// Sets an alarm, which is to come back as a change.
pub(crate) type Alarm = Box<dyn Fn(Patience) + Send>;

/// What is still waited for.
pub(crate) struct Gate {
    feeds: Box<[Feed]>,
    required: BTreeSet<Feed>,
    optional: BTreeSet<Feed>,
    stale: Stale,
    alarm: Alarm,
}

/// What a saved state is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stale {
    /// There is none, or it is needed no more.
    Over,
    /// It is there in case no list comes in time.
    Loaded,
    /// It is being served.
    Served,
}

impl Gate {
    pub(crate) fn new(feeds: &[Feed], alarm: Alarm) -> Self {
        let of = |need| {
            let all = feeds.iter().copied();
            all.filter(|feed| feed.need() == need).collect()
        };
        let gate = Self {
            feeds: feeds.into(),
            required: of(Need::Required),
            optional: of(Need::Optional),
            stale: Stale::Over,
            alarm,
        };
        gate.be_patient();
        gate
    }

    /// Whether a feed is followed at all.
    pub(crate) fn is_of(&self, feed: Feed) -> bool {
        self.feeds.contains(&feed)
    }

    /// There is a saved state to serve.
    pub(crate) fn load(&mut self) {
        if !self.required.is_empty() {
            self.stale = Stale::Loaded;
            (self.alarm)(Patience::Lists);
        }
    }

    /// A feed told everything it has.
    pub(crate) fn listed(&mut self, feed: Feed) {
        self.optional.remove(&feed);
        if self.required.remove(&feed) && self.required.is_empty() {
            self.stale = Stale::Over;
            self.be_patient();
        }
    }

    /// A feed will tell nothing for now.
    pub(crate) fn refused(&mut self, feed: Feed) {
        self.optional.remove(&feed);
    }

    /// The time is over. Answers whether a saved state is to be served from now on.
    pub(crate) fn waited(&mut self, patience: Patience) -> bool {
        match patience {
            Patience::Optional => self.optional.clear(),
            Patience::Lists if self.stale == Stale::Loaded => {
                self.stale = Stale::Served;
                return true;
            }
            Patience::Lists | Patience::Pause => {}
        }
        false
    }

    /// Changes are to pause.
    pub(crate) fn wait_for_pause(&self) {
        (self.alarm)(Patience::Pause);
    }

    /// Whether what there is may be published.
    pub(crate) fn is_open(&self) -> bool {
        self.is_stale() || (self.required.is_empty() && self.optional.is_empty())
    }

    /// Whether what is served is what was saved, because not everything has listed.
    pub(crate) fn is_stale(&self) -> bool {
        self.stale == Stale::Served
    }

    fn be_patient(&self) {
        if self.required.is_empty() && !self.optional.is_empty() {
            (self.alarm)(Patience::Optional);
        }
    }
}

impl std::fmt::Debug for Gate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gate")
            .field("required", &self.required)
            .field("optional", &self.optional)
            .field("stale", &self.stale)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(feeds: &[Feed]) -> Gate {
        Gate::new(feeds, Box::new(drop))
    }

    #[test]
    fn feeds_that_are_not_required_are_waited_for_a_moment() {
        let mut gate = gate(&[Feed::Services, Feed::Ingresses, Feed::Mappings]);
        gate.listed(Feed::Services);
        assert!(!gate.is_open());
        gate.refused(Feed::Ingresses);
        assert!(!gate.is_open());
        gate.waited(Patience::Optional);
        assert!(gate.is_open());
    }

    #[test]
    fn no_time_makes_up_for_a_required_list() {
        let mut gate = gate(&[Feed::Services]);
        gate.waited(Patience::Optional);
        gate.waited(Patience::Lists);
        gate.refused(Feed::Services);
        assert!(!gate.is_open());
    }

    #[test]
    fn a_saved_state_is_served_until_every_required_feed_has_listed() {
        let mut gate = gate(&[Feed::Directories, Feed::Services]);
        gate.load();
        assert!(!gate.is_open());
        assert!(gate.waited(Patience::Lists));
        assert!(gate.is_open() && gate.is_stale());
        gate.listed(Feed::Directories);
        assert!(gate.is_stale());
        gate.listed(Feed::Services);
        assert!(gate.is_open() && !gate.is_stale());
    }

    #[test]
    fn a_saved_state_is_not_served_when_lists_come_in_time() {
        let mut gate = gate(&[Feed::Services]);
        gate.load();
        gate.listed(Feed::Services);
        assert!(!gate.waited(Patience::Lists));
        assert!(!gate.is_stale());
    }
}
