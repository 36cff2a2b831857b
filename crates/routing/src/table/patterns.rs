//! Which of many patterns may match a text?
//!
//! The outlines of all patterns are filed in one tree: patterns that begin alike share their
//! beginning. A text goes down all its ways at once, byte by byte, and arrives at the few patterns
//! that it may match; only these are asked.
//!
//! Invariant: every pattern that matches is among those named; a walk allocates nothing. It costs
//! the bytes of the text times the ways that are open at once, [`MAX_OPEN`] at most. Patterns that
//! keep more ways open than that (dozens of them, each with a `.*` behind another beginning that
//! fits the text) are all named instead.
//! Deliberately absent: what patterns stand for, and their order; changes, which
//! [`stacked`](super::stacked) sets allow.

use std::collections::VecDeque;
use std::ops::Range;

use nuncio_config::{ByteSet, Pattern, Step, Way};

use super::dictionary::position;

/// Patterns with the caller's numbers.
#[derive(Debug)]
pub(super) struct PatternSet {
    patterns: Vec<(Pattern, u32)>,
    /// The root is the first.
    nodes: Vec<Node>,
    /// Sorted within each node.
    bytes: Vec<(u8, u32)>,
    ones: Vec<(ByteSet, u32)>,
    manys: Vec<u32>,
    /// Positions in `patterns`.
    members: Vec<u32>,
}

/// Where texts are that began alike.
#[derive(Debug, Default)]
struct Node {
    /// Bytes that lead from here to here.
    stays: ByteSet,
    /// In `bytes`: one byte leads there.
    bytes: Range<u32>,
    /// In `ones`: any byte of a set leads there.
    ones: Range<u32>,
    /// In `manys`: no byte is needed to get there.
    manys: Range<u32>,
    /// In `members`: those that are named whatever follows.
    cut: Range<u32>,
    /// In `members`: those for which the text ends here.
    whole: Range<u32>,
}

/// So many ways are not told apart any further: asking their patterns is as fast.
const FEW: usize = 2;

/// How many ways are followed at once.
const MAX_OPEN: usize = 32;

impl PatternSet {
    pub(super) fn build(patterns: Vec<(Pattern, u32)>) -> Self {
        let mut set = Self {
            patterns: Vec::new(),
            nodes: Vec::new(),
            bytes: Vec::new(),
            ones: Vec::new(),
            manys: Vec::new(),
            members: Vec::new(),
        };
        let mut ways: Vec<(&Way, u32)> = patterns
            .iter()
            .zip(0..)
            .flat_map(|((pattern, _), member)| {
                let ways = pattern.outline().ways().iter();
                ways.map(move |way| (way, member))
            })
            .collect();
        ways.sort_unstable_by(|(a, _), (b, _)| a.steps.cmp(&b.steps));
        set.grow(&ways);
        set.patterns = patterns;
        set
    }

    pub(super) fn len(&self) -> usize {
        self.patterns.len()
    }

    /// All patterns with their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &(Pattern, u32)> {
        self.patterns.iter()
    }

    /// Calls `visit` with every pattern that may match `text` and its number, some more than once.
    pub(super) fn candidates(&self, text: &[u8], mut visit: impl FnMut(&Pattern, u32)) {
        if self.walk(text, &mut visit).is_none() {
            let all = self.patterns.iter();
            all.for_each(|(pattern, number)| visit(pattern, *number));
        }
    }

    /// `None` when there are too many ways.
    fn walk(&self, text: &[u8], visit: &mut impl FnMut(&Pattern, u32)) -> Option<()> {
        let (mut open, mut next) = (Open::default(), Open::default());
        self.enter(0, &mut open, visit)?;
        for byte in text {
            next.len = 0;
            for node in open.nodes() {
                self.step(*node, *byte, |node| self.enter(node, &mut next, visit))?;
            }
            std::mem::swap(&mut open, &mut next);
            if open.len == 0 {
                return Some(());
            }
        }
        for node in open.nodes() {
            self.name(&self.nodes.get(*node as usize)?.whole, visit);
        }
        Some(())
    }

    /// Calls `enter` with each node that `byte` leads to.
    fn step(&self, number: u32, byte: u8, mut enter: impl FnMut(u32) -> Option<()>) -> Option<()> {
        let node = self.nodes.get(number as usize)?;
        if node.stays.contains(byte) {
            enter(number)?;
        }
        let bytes = self.bytes.get(span(&node.bytes)).unwrap_or_default();
        if let Ok(found) = bytes.binary_search_by_key(&byte, |(byte, _)| *byte) {
            enter(bytes.get(found)?.1)?;
        }
        let ones = self.ones.get(span(&node.ones)).unwrap_or_default();
        let mut fitting = ones.iter().filter(|(set, _)| set.contains(byte));
        fitting.try_for_each(|(_, node)| enter(*node))
    }

    /// Adds a node, and those that need no byte to get there. The recursion is as deep as an
    /// outline has steps.
    fn enter(
        &self,
        number: u32,
        open: &mut Open,
        visit: &mut impl FnMut(&Pattern, u32),
    ) -> Option<()> {
        if open.nodes().contains(&number) {
            return Some(());
        }
        open.push(number)?;
        let node = self.nodes.get(number as usize)?;
        self.name(&node.cut, visit);
        let mut manys = self.manys.get(span(&node.manys)).unwrap_or_default().iter();
        manys.try_for_each(|many| self.enter(*many, open, visit))
    }

    fn name(&self, members: &Range<u32>, visit: &mut impl FnMut(&Pattern, u32)) {
        let members = self.members.get(span(members)).unwrap_or_default();
        let patterns = members
            .iter()
            .filter_map(|member| self.patterns.get(*member as usize));
        patterns.for_each(|(pattern, number)| visit(pattern, *number));
    }

    /// Builds the tree with a queue, so that long patterns cannot exhaust the stack.
    fn grow(&mut self, ways: &[(&Way, u32)]) {
        self.nodes.push(Node::default());
        let mut pending = VecDeque::from([(0, ways, 0)]);
        while let Some((number, ways, depth)) = pending.pop_front() {
            let ending = match ways.len() {
                ..=FEW => ways.len(),
                _ => ways.partition_point(|(way, _)| way.steps.len() == depth),
            };
            let (ending, longer) = ways.split_at_checked(ending).unwrap_or_default();
            let is_whole = |(way, _): &&(&Way, u32)| way.is_whole && way.steps.len() == depth;
            let mut node = Node {
                cut: self.add_members(ending.iter().filter(|way| !is_whole(way))),
                whole: self.add_members(ending.iter().filter(is_whole)),
                bytes: empty_at(self.bytes.len()),
                ones: empty_at(self.ones.len()),
                manys: empty_at(self.manys.len()),
                stays: ByteSet::default(),
            };
            let step = |(way, _): &(&Way, u32)| way.steps.get(depth).copied();
            for branch in longer.chunk_by(|a, b| step(a) == step(b)) {
                let child = position(self.nodes.len());
                match branch.first().and_then(step) {
                    Some(Step::Byte(byte)) => self.bytes.push((byte, child)),
                    Some(Step::One(set)) => self.ones.push((set, child)),
                    Some(Step::Many(_)) => self.manys.push(child),
                    None => continue,
                }
                self.nodes.push(Node::default());
                pending.push_back((child as usize, branch, depth + 1));
            }
            node.bytes.end = position(self.bytes.len());
            node.ones.end = position(self.ones.len());
            node.manys.end = position(self.manys.len());
            node.stays = stays(ways, depth);
            if let Some(place) = self.nodes.get_mut(number) {
                *place = node;
            }
        }
    }

    fn add_members<'w>(&mut self, ways: impl Iterator<Item = &'w (&'w Way, u32)>) -> Range<u32> {
        let start = position(self.members.len());
        self.members.extend(ways.map(|(_, member)| *member));
        start..position(self.members.len())
    }
}

/// What leads from a node to itself: the set, if its last step was many bytes.
fn stays(ways: &[(&Way, u32)], depth: usize) -> ByteSet {
    let last = ways
        .first()
        .and_then(|(way, _)| way.steps.get(depth.checked_sub(1)?));
    match last {
        Some(Step::Many(set)) => *set,
        Some(Step::Byte(_) | Step::One(_)) | None => ByteSet::default(),
    }
}

/// A stored range as one that slices.
fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

fn empty_at(end: usize) -> Range<u32> {
    position(end)..position(end)
}

/// Nodes, each once.
struct Open {
    nodes: [u32; MAX_OPEN],
    len: usize,
}

impl Default for Open {
    fn default() -> Self {
        Self {
            nodes: [0; MAX_OPEN],
            len: 0,
        }
    }
}

impl Open {
    fn nodes(&self) -> &[u32] {
        self.nodes.get(..self.len).unwrap_or_default()
    }

    /// `None` when there is no room.
    fn push(&mut self, node: u32) -> Option<()> {
        *self.nodes.get_mut(self.len)? = node;
        self.len += 1;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(patterns: &[&str]) -> PatternSet {
        let parsed = patterns.iter().map(|text| Pattern::parse(text).unwrap());
        PatternSet::build(parsed.zip(0..).collect())
    }

    fn candidates<'p>(patterns: &[&'p str], text: &str) -> Vec<&'p str> {
        let mut named = Vec::new();
        set(patterns).candidates(text.as_bytes(), |_, number| named.push(number));
        named.sort_unstable();
        named.dedup();
        named.into_iter().map(|n| patterns[n as usize]).collect()
    }

    #[test]
    fn patterns_that_part_from_the_text_are_not_named() {
        let patterns = [
            "/api/v[0-9]+/users/.*",
            "/api/v[0-9]+/orders/.*",
            "/api/v1/users/[a-z]+",
            "/api/v[0-9]+/users/[a-z]*",
            "/web/.*",
        ];
        assert_eq!(
            candidates(&patterns, "/api/v1/users/ann"),
            [patterns[0], patterns[2], patterns[3]]
        );
        assert_eq!(candidates(&patterns, "/web"), [patterns[4]]);
        assert_eq!(candidates(&patterns, "/api/users"), [""; 0]);
        assert_eq!(candidates(&patterns, "/"), [""; 0]);
    }

    #[test]
    fn a_few_patterns_are_all_named() {
        let patterns = ["/a/.*", "/b/.*"];
        assert_eq!(candidates(&patterns, "/c"), patterns);
    }

    #[test]
    fn alternatives_and_options_are_followed() {
        let patterns = ["/(ab|cd)/x", "/ab(/.*)?", "/ab(gh)*"];
        assert_eq!(candidates(&patterns, "/ab/x"), patterns);
        assert_eq!(candidates(&patterns, "/ab"), [patterns[1], patterns[2]]);
        assert_eq!(candidates(&patterns, "/cd"), [patterns[0]]);
    }

    #[test]
    fn patterns_that_keep_too_many_ways_open_are_all_named() {
        let patterns: Vec<_> = (0..40)
            .map(|n| format!("{}.*[ab]x", "a".repeat(n)))
            .collect();
        let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
        assert_eq!(candidates(&patterns, &"a".repeat(50)), patterns);
    }

    #[test]
    fn a_thousand_patterns_of_one_shape_are_told_apart() {
        let patterns: Vec<_> = (0..1_000)
            .map(|n| format!("/v[0-9]+/service-{n:03}/.*"))
            .collect();
        let patterns: Vec<_> = patterns.iter().map(String::as_str).collect();
        assert_eq!(candidates(&patterns, "/v12/service-123/x"), [patterns[123]]);
    }

    #[test]
    fn no_pattern_that_matches_is_left_out() {
        let patterns = [
            "", "a*", "a*b*", "(a|b)*", "a?b?c", ".*b.*", "[ab]+c?", "(?i)AB", "ab|c", "^a.$",
            "a{2}", "a{1,3}b", r"\ba\b.*", "(ab)+", "(a*)*b",
        ];
        let set = set(&patterns);
        for text in [
            "", "a", "b", "ab", "aab", "abab", "abc", "c", "aa", "a b", "AB", "bc",
        ] {
            let mut named = Vec::new();
            set.candidates(text.as_bytes(), |pattern, _| {
                named.push(pattern.as_str().to_owned());
            });
            for pattern in patterns {
                let matches = Pattern::parse(pattern).unwrap().matches(text.as_bytes());
                assert!(
                    !matches || named.iter().any(|named| named == pattern),
                    "{pattern} {text}"
                );
            }
        }
    }
}
