//! Adds texts to [`Prefixes`], and removes them.
//!
//! Invariant: of each text, the signposts on the way to it stand and count it, and all that has it as
//! the next shorter text knows it. A change costs what is next to the text, never more than
//! [`MANY`] texts or as many as there are of those that [`MANY`] others begin with.
//! Deliberately absent: searching on behalf of requests.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::super::dictionary::{Scope, position};
use super::super::places::Places;
use super::{Entry, NONE, Part, Post, PrefixTree, Prefixes};

/// The texts of [`Prefixes`] in order, which only those need who change them.
#[derive(Debug, Default)]
pub(in super::super) struct Texts {
    /// Under the number of the scope and the text.
    filed: BTreeMap<Box<[u8]>, Text>,
    places: Places,
}

#[derive(Clone, Copy, Debug)]
struct Text {
    place: u32,
    /// How many texts begin with it: of those with few all, of those with many so many at least.
    below: usize,
}

/// A tree that is being changed.
pub(in super::super) struct Planting<'p, V> {
    pub(in super::super) prefixes: &'p mut Prefixes<V>,
    pub(in super::super) texts: &'p mut Texts,
    pub(in super::super) tree: &'p mut PrefixTree,
}

/// A part of a tree, by position.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Rank {
    Few,
    Many,
}

/// A text with more than this below it is one of those with many.
const MANY: usize = 128;

/// So far is counted.
const COUNTED: usize = 2 * MANY;

impl<V: Clone> Planting<'_, V> {
    /// The value of a text.
    pub(in super::super) fn value(&self, text: &[u8]) -> Option<&V> {
        let (_, filed) = self.filed(text)?;
        self.prefixes.entry(filed.place).map(|entry| &entry.value)
    }

    /// Gives a text this value, or none. The text is in lower case if case does not count.
    pub(in super::super) fn set(&mut self, text: &[u8], value: Option<V>) {
        match (self.filed(text), value) {
            (Some((_, Text { place, .. })), Some(value)) => {
                if let Some(entry) = self.prefixes.entries.get_mut(place as usize) {
                    entry.value = value;
                }
            }
            (Some((rank, Text { place, .. })), None) => self.remove(rank, text, place),
            (None, Some(value)) => self.insert(text, value),
            (None, None) => {}
        }
    }

    fn insert(&mut self, text: &[u8], value: V) {
        let place = self.texts.places.take();
        let entry = Entry {
            value,
            len: position(text.len()),
            above: NONE,
        };
        self.prefixes.entries.set(place as usize, Some(entry));
        let below = self.count_below(text);
        let crowded = self.count_for_shorter(text, |below| below + 1);
        let rank = match below > MANY {
            true => Rank::Many,
            false => Rank::Few,
        };
        self.plant(rank, text, Text { place, below });
        for shorter in crowded.iter().filter_map(|len| text.get(..*len)) {
            self.file_apart(shorter);
        }
    }

    fn remove(&mut self, rank: Rank, text: &[u8], place: u32) {
        self.uproot(rank, text, place);
        self.prefixes.entries.set(place as usize, None);
        self.texts.places.give_back(place);
        self.count_for_shorter(text, |below| below.saturating_sub(1));
        self.file_together(text, rank);
    }

    /// Files a text among those with many others below.
    fn file_apart(&mut self, text: &[u8]) {
        if let Some((Rank::Few, filed)) = self.filed(text) {
            self.uproot(Rank::Few, text, filed.place);
            self.plant(Rank::Many, text, filed);
        }
    }

    /// Files texts that many others were below, before one less was, among those with few. If a text
    /// is one with many, so are those that it begins with: it is enough to look at the longest.
    fn file_together(&mut self, text: &[u8], removed: Rank) {
        let mut is_known = removed == Rank::Few;
        while let Some((len, place)) = self.longest(Rank::Many, text) {
            let Some(shorter) = text.get(..len) else {
                return;
            };
            let below = self.filed(shorter).map_or(0, |(_, filed)| filed.below);
            let mut below = below.saturating_sub(1);
            if !is_known || below < MANY / 2 {
                below = self.count_below(shorter);
            }
            if below >= MANY / 2 {
                return self.note(Rank::Many, shorter, Text { place, below });
            }
            self.uproot(Rank::Many, shorter, place);
            self.plant(Rank::Few, shorter, Text { place, below });
            is_known = false;
        }
    }

    /// Changes how many texts are below each shorter one with few; the lengths of those that have
    /// many now.
    fn count_for_shorter(&mut self, text: &[u8], count: impl Fn(usize) -> usize) -> Vec<usize> {
        let part = self.tree.part(Rank::Few);
        let scope = part.scope;
        let longest = self.prefixes.longest(part, text);
        let shorter = std::iter::successors(longest, |entry| self.prefixes.above(entry));
        let lengths = shorter.map(Entry::len).filter(|len| *len < text.len());
        let mut crowded = Vec::new();
        for len in lengths {
            let Some(shorter) = text.get(..len) else {
                continue;
            };
            if let Some(filed) = self.texts.filed.get_mut(&*key(scope, shorter)) {
                filed.below = count(filed.below);
                crowded.extend((filed.below > MANY).then_some(len));
            }
        }
        crowded
    }

    /// Adds a text that has an entry to a part of the tree.
    fn plant(&mut self, rank: Rank, text: &[u8], filed: Text) {
        let above = self.prefixes.place(self.part(rank), text);
        self.add_length(rank, text.len());
        if let Some(entry) = self.prefixes.entries.get_mut(filed.place as usize) {
            entry.above = above;
        }
        self.add_signposts(rank, text, filed.place);
        let scope = self.part(rank).scope;
        let posts = &mut self.prefixes.posts;
        posts.change(scope, text, |post| post.place = filed.place);
        self.redirect(rank, text, (above, filed.place));
        self.note(rank, text, filed);
    }

    /// Takes a text out of a part of the tree; its entry stays.
    fn uproot(&mut self, rank: Rank, text: &[u8], place: u32) {
        let above = self.prefixes.entry(place).map_or(NONE, |entry| entry.above);
        self.redirect(rank, text, (place, above));
        self.remove_signposts(rank, text);
        let scope = self.part(rank).scope;
        let posts = &mut self.prefixes.posts;
        let post = posts.find(scope, text).copied().unwrap_or_default();
        match post.passing {
            0 => posts.remove(scope, text),
            _ => posts.change(scope, text, |post| post.place = above),
        }
        let lengths = self.lengths(rank);
        *lengths = lengths.without(text.len());
        self.texts.filed.remove(&*key(scope, text));
    }

    /// Lets all that is below a text and knows one place know another.
    fn redirect(&mut self, rank: Rank, text: &[u8], (from, to): (u32, u32)) {
        let Part { scope, lengths } = self.tree.part(rank);
        let Prefixes { posts, entries } = self.prefixes;
        for (longer, place) in self.texts.below(scope, text) {
            let knows = |entry: &&Entry<V>| entry.above == from;
            if entries.get(place as usize).filter(knows).is_some()
                && let Some(entry) = entries.get_mut(place as usize)
            {
                entry.above = to;
            }
            let passed = lengths.passed(longer.len()).into_iter();
            for passed in passed.filter(|len| *len > text.len()) {
                let Some(start) = longer.get(..passed) else {
                    continue;
                };
                if posts
                    .find(scope, start)
                    .is_some_and(|post| post.place == from)
                {
                    posts.change(scope, start, |post| post.place = to);
                }
            }
        }
    }

    /// Adds a length, and moves the signposts to texts to which it changes the way.
    fn add_length(&mut self, rank: Rank, len: usize) {
        let (lengths, changed) = self.lengths(rank).with(len);
        let scope = self.part(rank).scope;
        let moved: Vec<_> = changed.map_or_else(Vec::new, |changed| {
            let texts = self.texts.below(scope, &[]);
            let moved = texts.filter(|(text, _)| changed.contains(&text.len()));
            moved
                .map(|(text, place)| (Box::from(text), place))
                .collect()
        });
        for (text, _) in &moved {
            self.remove_signposts(rank, text);
        }
        *self.lengths(rank) = lengths;
        for (text, place) in &moved {
            self.add_signposts(rank, text, *place);
        }
    }

    /// Longest first, so that the texts above are gone through once.
    fn add_signposts(&mut self, rank: Rank, text: &[u8], mut place: u32) {
        let Part { scope, lengths } = self.tree.part(rank);
        for len in lengths.passed(text.len()).into_iter().rev() {
            while let Some(entry) = self.prefixes.entry(place).filter(|entry| entry.len() > len) {
                place = entry.above;
            }
            let posts = &mut self.prefixes.posts;
            posts.change(scope, text.get(..len).unwrap_or_default(), |post| {
                post.passing += 1;
                post.place = place;
            });
        }
    }

    fn remove_signposts(&mut self, rank: Rank, text: &[u8]) {
        let Part { scope, lengths } = self.tree.part(rank);
        for len in lengths.passed(text.len()) {
            let start = text.get(..len).unwrap_or_default();
            let post = self.prefixes.posts.find(scope, start).copied();
            let Post { place, passing } = post.unwrap_or_default();
            let is_text = self
                .prefixes
                .entry(place)
                .is_some_and(|entry| entry.len() == len);
            let posts = &mut self.prefixes.posts;
            match passing {
                ..=1 if !is_text => posts.remove(scope, start),
                _ => posts.change(scope, start, |post| post.passing -= 1),
            }
        }
    }

    /// How many texts begin with this one, if not more than [`COUNTED`].
    fn count_below(&self, text: &[u8]) -> usize {
        let ranks = [Rank::Few, Rank::Many].into_iter();
        let below = ranks.flat_map(|rank| self.texts.below(self.part(rank).scope, text));
        below.take(COUNTED).count()
    }

    fn longest(&self, rank: Rank, text: &[u8]) -> Option<(usize, u32)> {
        let place = self.prefixes.place(self.part(rank), text);
        Some((self.prefixes.entry(place)?.len(), place))
    }

    fn filed(&self, text: &[u8]) -> Option<(Rank, Text)> {
        let mut ranks = [Rank::Few, Rank::Many].into_iter();
        ranks.find_map(|rank| {
            let filed = self.texts.filed.get(&*key(self.part(rank).scope, text));
            Some((rank, *filed?))
        })
    }

    fn note(&mut self, rank: Rank, text: &[u8], filed: Text) {
        let key = key(self.part(rank).scope, text);
        self.texts.filed.insert(key, filed);
    }

    fn part(&self, rank: Rank) -> Part<'_> {
        self.tree.part(rank)
    }

    fn lengths(&mut self, rank: Rank) -> &mut super::Lengths {
        let [few, many] = &mut self.tree.lengths;
        match rank {
            Rank::Few => few,
            Rank::Many => many,
        }
    }
}

impl PrefixTree {
    fn part(&self, rank: Rank) -> Part<'_> {
        let [few, many] = &self.lengths;
        let (number, lengths) = match rank {
            Rank::Few => (self.number * 2, few),
            Rank::Many => (self.number * 2 + 1, many),
        };
        let case = self.case;
        Part {
            scope: Scope { number, case },
            lengths,
        }
    }
}

impl Texts {
    /// The texts that begin with `text` and are longer, with their places.
    pub(super) fn below(&self, scope: Scope, text: &[u8]) -> impl Iterator<Item = (&[u8], u32)> {
        let start = key(scope, text);
        let from = (Bound::Excluded(&*start), Bound::Unbounded);
        let after = self.filed.range::<[u8], _>(from);
        let number = start.len() - text.len();
        let filed = after.map(|(key, filed)| (&**key, filed.place));
        let below = filed.take_while(move |(key, _)| key.starts_with(&start));
        below.filter_map(move |(key, place)| Some((key.get(number..)?, place)))
    }
}

fn key(scope: Scope, text: &[u8]) -> Box<[u8]> {
    [&scope.number.to_be_bytes(), text].concat().into()
}
