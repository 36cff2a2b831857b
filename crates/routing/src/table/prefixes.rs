//! Which texts does another one begin with? The longest is found first.
//!
//! Texts are filed by length. A search tries the middle length, goes on among the longer ones if
//! there is a text of that length and among the shorter ones if not: as many probes as the lengths
//! have binary digits, whatever the number of texts (M. Waldvogel et al., "Scalable High Speed IP
//! Routing Lookups", 1997). Where a search for a long text must pass a shorter length, a signpost
//! stands, which knows the longest text above it.
//!
//! Invariant: a walk allocates nothing, and its cost does not depend on how many texts there are.
//! Deliberately absent: hosts, paths and Routes; removal (new ones are planted instead).

use std::ops::Range;

use nuncio_config::Case;

use super::dictionary::{Dictionary, Scope, position};

/// Trees of texts with small values.
#[derive(Debug)]
pub(super) struct Prefixes<V> {
    /// All texts, and signposts, with copies of `entries`.
    dictionary: Dictionary<Entry<V>>,
    lengths: Vec<u32>,
    entries: Vec<Entry<V>>,
    trees: u32,
}

/// A text's value, and the way to the next shorter text it begins with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<V> {
    pub(super) value: V,
    /// In `entries`; [`NONE`] for the shortest, [`NO_TEXT`] for a signpost without one above it.
    above: u32,
}

/// One tree of [`Prefixes`].
#[derive(Clone, Debug)]
pub(super) struct Root {
    scope: Scope,
    /// Ascending, in `lengths`.
    lengths: Range<u32>,
}

/// No text is above.
const NONE: u32 = u32::MAX;

/// There is no text at all.
const NO_TEXT: u32 = u32::MAX - 1;

impl<V: Default> Default for Entry<V> {
    fn default() -> Self {
        Self {
            value: V::default(),
            above: NO_TEXT,
        }
    }
}

impl<V: Copy + Default> Default for Prefixes<V> {
    fn default() -> Self {
        Self {
            dictionary: Dictionary::default(),
            lengths: Vec::new(),
            entries: Vec::new(),
            trees: 0,
        }
    }
}

impl<V: Copy + Default> Prefixes<V> {
    /// Adds a tree for `texts`, which are sorted and unique, and in lower case if `case` does not
    /// count. `value` is told the text's position, and the value of the next shorter text it begins
    /// with.
    pub(super) fn plant(
        &mut self,
        texts: &[&[u8]],
        case: Case,
        mut value: impl FnMut(usize, Option<&V>) -> V,
    ) -> Root {
        debug_assert!(texts.is_sorted_by(|a, b| a < b));
        let number = self.trees;
        let scope = Scope { number, case };
        self.trees += 1;
        let mut lengths: Vec<_> = texts.iter().map(|text| position(text.len())).collect();
        lengths.sort_unstable();
        lengths.dedup();
        // The texts that the current one begins with.
        let mut way = Vec::<(&[u8], u32)>::new();
        for (nth, text) in texts.iter().enumerate() {
            while way
                .pop_if(|(shorter, _)| !text.starts_with(shorter))
                .is_some()
            {}
            let above = way.last().map_or(NONE, |(_, above)| *above);
            let value = value(nth, self.entry(above).map(|above| &above.value));
            way.push((text, position(self.entries.len())));
            self.entries.push(Entry { value, above });
            self.enter(scope, &lengths, &way);
        }
        let start = position(self.lengths.len());
        self.lengths.extend(lengths);
        Root {
            scope,
            lengths: start..position(self.lengths.len()),
        }
    }

    /// The longest text of the tree that `bytes` begins with.
    #[inline]
    pub(super) fn longest(&self, root: &Root, bytes: &[u8]) -> Option<&Entry<V>> {
        let mut found = None;
        let mut lengths = self.lengths.get(span(&root.lengths)).unwrap_or_default();
        while let Some((shorter, length, longer)) = halves(lengths) {
            let start = bytes.get(..length as usize);
            let entry = start.and_then(|start| self.dictionary.find(root.scope, start));
            found = entry.or(found);
            lengths = if entry.is_some() { longer } else { shorter };
        }
        found.filter(|entry| entry.above != NO_TEXT)
    }

    /// The next shorter text that this one begins with.
    pub(super) fn above(&self, entry: &Entry<V>) -> Option<&Entry<V>> {
        self.entry(entry.above)
    }

    fn entry(&self, number: u32) -> Option<&Entry<V>> {
        self.entries.get(number as usize)
    }

    /// Enters the last text of `way`, and signposts to it.
    fn enter(&mut self, scope: Scope, mut lengths: &[u32], way: &[(&[u8], u32)]) {
        let Some((text, _)) = way.last() else { return };
        let stored = self.dictionary.store(scope, text);
        while let Some((shorter, length, longer)) = halves(lengths) {
            let length = length as usize;
            if length > text.len() {
                lengths = shorter;
                continue;
            }
            let above = way.iter().rev().find(|(text, _)| text.len() <= length);
            let entry = above.and_then(|(_, number)| self.entry(*number)).copied();
            let entry = entry.unwrap_or_default();
            self.dictionary.enter(scope, (stored, length), entry);
            if length == text.len() {
                return;
            }
            lengths = longer;
        }
    }
}

/// What is before the middle, the middle, and what is after it.
#[inline]
fn halves(lengths: &[u32]) -> Option<(&[u32], u32, &[u32])> {
    let (shorter, rest) = lengths.split_at_checked(lengths.len() / 2)?;
    let (middle, longer) = rest.split_first()?;
    Some((shorter, *middle, longer))
}

/// A stored range as one that slices.
pub(super) fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes_in(texts: &[&str], bytes: &str, case: Case) -> Vec<String> {
        let mut prefixes = Prefixes::default();
        let _another = prefixes.plant(&[b"/", b"/other"], case, |nth, _| nth);
        let sorted: Vec<_> = texts.iter().map(|text| text.as_bytes()).collect();
        let root = prefixes.plant(&sorted, case, |nth, _| nth);
        let longest = prefixes.longest(&root, bytes.as_bytes());
        let found = std::iter::successors(longest, |entry| prefixes.above(entry));
        found.map(|entry| texts[entry.value].to_owned()).collect()
    }

    fn prefixes(texts: &[&str], bytes: &str) -> Vec<String> {
        prefixes_in(texts, bytes, Case::Sensitive)
    }

    #[test]
    fn texts_on_the_way_come_longest_first() {
        let texts = ["/", "/a", "/a/b", "/a/c", "/ab", "/b"];
        assert_eq!(prefixes(&texts, "/a/b/c"), ["/a/b", "/a", "/"]);
        assert_eq!(prefixes(&texts, "/abc"), ["/ab", "/a", "/"]);
        assert_eq!(prefixes(&texts, "/x"), ["/"]);
    }

    #[test]
    fn a_text_that_is_longer_is_no_prefix() {
        assert_eq!(prefixes(&["/httpbin/"], "/httpbin"), [""; 0]);
        assert_eq!(prefixes(&["/httpbin/", "/httpd"], "/httpx"), [""; 0]);
    }

    #[test]
    fn a_signpost_alone_is_no_text() {
        let texts = ["/aaa", "/bb", "/c"];
        assert_eq!(prefixes(&texts, "/aa"), [""; 0]);
        assert_eq!(prefixes(&texts, "/aab"), [""; 0]);
        assert_eq!(prefixes(&texts, "/aaab"), ["/aaa"]);
    }

    #[test]
    fn the_empty_text_is_a_prefix_of_everything() {
        assert_eq!(prefixes(&["", "a"], "a"), ["a", ""]);
        assert_eq!(prefixes(&[""], ""), [""]);
    }

    #[test]
    fn no_texts_are_prefixes_of_nothing() {
        assert_eq!(prefixes(&[], "/"), [""; 0]);
    }

    #[test]
    fn a_value_is_told_the_one_above() {
        let mut prefixes = Prefixes::default();
        let texts: [&[u8]; 4] = [b"/", b"/a", b"/a/b", b"/b"];
        let root = prefixes.plant(&texts, Case::Sensitive, |_, above: Option<&u32>| {
            above.map_or(1, |above| above + 1)
        });
        let depth = |bytes| prefixes.longest(&root, bytes).map(|entry| entry.value);
        assert_eq!(depth(b"/a/bc"), Some(3));
        assert_eq!(depth(b"/b"), Some(2));
    }

    #[test]
    fn case_counts_only_where_it_is_told_to() {
        let texts = ["/a/", "/a/b"];
        assert_eq!(prefixes(&texts, "/A/B"), [""; 0]);
        assert_eq!(
            prefixes_in(&texts, "/A/Bc", Case::Insensitive),
            ["/a/b", "/a/"]
        );
    }

    #[test]
    fn two_thousand_nested_texts_are_planted_and_walked() {
        let longest = "/".repeat(2_000);
        let texts: Vec<_> = (1..=longest.len()).map(|n| &longest[..n]).collect();
        assert_eq!(prefixes(&texts, &longest).len(), longest.len());
    }

    #[test]
    fn a_search_says_what_comparing_with_every_text_says() {
        let mut texts: Vec<_> = (0..4_096u32)
            .map(|n| format!("{:b}", n.wrapping_mul(2_654_435_761) >> (n % 29)))
            .collect();
        texts.sort_unstable();
        texts.dedup();
        let texts: Vec<_> = texts.iter().map(String::as_str).collect();
        for n in 0..50u32 {
            let bytes = format!("{:b}", n.wrapping_mul(2_654_435_761));
            let mut expected: Vec<_> = texts
                .iter()
                .filter(|text| bytes.starts_with(**text))
                .collect();
            expected.reverse();
            assert_eq!(
                prefixes(&texts, &bytes),
                expected.into_iter().copied().collect::<Vec<_>>()
            );
        }
    }
}
