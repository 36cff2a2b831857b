//! In which order the lengths of texts are tried.
//!
//! A search for the longest text that another begins with tries one length, and goes on among the
//! longer ones or the shorter ones. The lengths are a binary search tree, to which another one is
//! added as a leaf: the ways to those that are there stay as they are. When a leaf is too deep, the
//! smallest part that is out of balance is planned anew (I. Galperin and R. Rivest, "Scapegoat
//! Trees", 1993).
//!
//! Invariant: a search tries about one and a half times as many lengths as their number has binary
//! digits, in whatever order they came.
//! Deliberately absent: texts; whoever has them sees to those on ways that have changed.

use std::ops::RangeInclusive;
use std::sync::Arc;

use super::dictionary::position;

/// A set of lengths, and how often each is there. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Lengths {
    /// Many trees have no other node.
    root: Option<Node>,
    /// All nodes, the root first, if there are several.
    nodes: Option<Arc<[Node]>>,
    longest: u32,
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Node {
    length: u32,
    /// How many texts are so long.
    texts: u32,
    /// A position, or [`NOWHERE`].
    shorter: u32,
    longer: u32,
}

const NOWHERE: u32 = u32::MAX;

impl Lengths {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.root.is_none()
    }

    /// At least as long as the longest text.
    #[inline]
    pub(super) fn longest(&self) -> usize {
        self.longest as usize
    }

    /// Goes through the lengths; `goes_on` says whether the longer ones are next, or else the
    /// shorter ones.
    #[inline]
    pub(super) fn search(&self, mut goes_on: impl FnMut(usize) -> bool) {
        let nodes = self.nodes.as_deref().unwrap_or_default();
        let mut next = self.root.as_ref();
        while let Some(node) = next {
            let at = match goes_on(node.length as usize) {
                true => node.longer,
                false => node.shorter,
            };
            next = nodes.get(at as usize);
        }
    }

    /// The shorter lengths that a search for a text of a length that is there tries, ascending.
    pub(super) fn passed(&self, len: usize) -> Vec<usize> {
        let mut tried = Vec::new();
        self.search(|length| {
            tried.push(length);
            length < len
        });
        let is_there = tried.iter().take_while(|length| **length != len);
        is_there.copied().filter(|length| *length < len).collect()
    }

    /// With one more text of this length; and the range of lengths to which there are other ways
    /// than before, if there is one.
    pub(super) fn with(&self, len: usize) -> (Self, Option<RangeInclusive<usize>>) {
        let length = position(len);
        if let Some(counted) = self.counted(length, |texts| texts + 1) {
            return (counted, None);
        }
        let mut tree = self.tree(0);
        let added = add(&mut tree, length);
        (Self::from(&tree), added.changed)
    }

    /// With one text of this length less. The ways to the others stay.
    pub(super) fn without(&self, len: usize) -> Self {
        let counted = self.counted(position(len), |texts| texts.saturating_sub(1));
        let Some(counted) = counted else {
            return self.clone();
        };
        if counted.nodes().iter().all(|node| !node.is_vain()) {
            return counted;
        }
        let mut tree = counted.tree(0);
        prune(&mut tree);
        Self::from(&tree)
    }

    /// With another number of texts at a length that is there.
    fn counted(&self, length: u32, count: impl Fn(u32) -> u32) -> Option<Self> {
        let nth = self.nodes().iter().position(|node| node.length == length)?;
        let mut counted = self.clone();
        let mut nodes = counted.nodes.as_mut().map(Arc::make_mut);
        let node = nodes.as_mut().and_then(|nodes| nodes.get_mut(nth));
        let root = counted.root.as_mut().filter(|_| nth == 0);
        for node in node.into_iter().chain(root) {
            node.texts = count(node.texts);
        }
        Some(counted)
    }

    fn nodes(&self) -> &[Node] {
        let all = self.nodes.as_deref();
        all.unwrap_or(self.root.as_slice())
    }

    /// The recursion is as deep as the tree, as it is in all that follows.
    fn tree(&self, at: u32) -> Tree {
        let node = self.nodes().get(at as usize)?;
        Some(Box::new(Branch {
            length: node.length,
            texts: node.texts,
            shorter: self.tree(node.shorter),
            longer: self.tree(node.longer),
        }))
    }
}

impl Node {
    /// Whether it is neither a text's nor leads to one.
    fn is_vain(&self) -> bool {
        (self.texts, self.shorter, self.longer) == (0, NOWHERE, NOWHERE)
    }
}

impl From<&Tree> for Lengths {
    fn from(tree: &Tree) -> Self {
        let mut nodes = Vec::new();
        lay_out(tree, &mut nodes);
        Self {
            longest: nodes.iter().map(|node| node.length).max().unwrap_or(0),
            root: nodes.first().copied(),
            nodes: (nodes.len() > 1).then(|| nodes.into()),
        }
    }
}

/// Lengths while they are being changed.
type Tree = Option<Box<Branch>>;

struct Branch {
    length: u32,
    texts: u32,
    shorter: Tree,
    longer: Tree,
}

/// What adding a leaf has led to, as seen from a tree that it is in.
struct Added {
    /// How deep the leaf is.
    depth: u32,
    size: usize,
    changed: Option<RangeInclusive<usize>>,
}

/// As deep as this a leaf may be in a tree of so many lengths.
fn allowed(size: usize) -> u32 {
    size.ilog2() * 3 / 2 + 1
}

/// Adds a leaf for a length that is not there.
fn add(tree: &mut Tree, length: u32) -> Added {
    let Some(branch) = tree else {
        *tree = balanced(&[(length, 1)]);
        return Added {
            depth: 0,
            size: 1,
            changed: None,
        };
    };
    let (next, other) = match length < branch.length {
        true => (&mut branch.shorter, &branch.longer),
        false => (&mut branch.longer, &branch.shorter),
    };
    let below = add(next, length);
    let mut lengths = Vec::new();
    gather(other, &mut lengths);
    let mut added = Added {
        depth: below.depth + 1,
        size: below.size + lengths.len() + 1,
        changed: below.changed,
    };
    if added.changed.is_none() && added.depth > allowed(added.size) {
        lengths.clear();
        gather(tree, &mut lengths);
        *tree = balanced(&lengths);
        let ends = (lengths.first(), lengths.last());
        added.changed = match ends {
            (Some((first, _)), Some((last, _))) => Some(*first as usize..=*last as usize),
            _ => None,
        };
    }
    added
}

/// Takes away what is there in vain.
fn prune(tree: &mut Tree) {
    let Some(branch) = tree else { return };
    prune(&mut branch.shorter);
    prune(&mut branch.longer);
    if branch.texts == 0 && branch.shorter.is_none() && branch.longer.is_none() {
        *tree = None;
    }
}

/// The lengths in ascending order, and how often each is there.
fn gather(tree: &Tree, lengths: &mut Vec<(u32, u32)>) {
    let Some(branch) = tree else { return };
    gather(&branch.shorter, lengths);
    lengths.push((branch.length, branch.texts));
    gather(&branch.longer, lengths);
}

fn balanced(lengths: &[(u32, u32)]) -> Tree {
    let (shorter, rest) = lengths.split_at_checked(lengths.len() / 2)?;
    let ((length, texts), longer) = rest.split_first()?;
    Some(Box::new(Branch {
        length: *length,
        texts: *texts,
        shorter: balanced(shorter),
        longer: balanced(longer),
    }))
}

/// Appends a tree, root first; where it begins.
fn lay_out(tree: &Tree, nodes: &mut Vec<Node>) -> u32 {
    let Some(branch) = tree else { return NOWHERE };
    let at = position(nodes.len());
    nodes.push(Node {
        length: branch.length,
        texts: branch.texts,
        shorter: NOWHERE,
        longer: NOWHERE,
    });
    let shorter = lay_out(&branch.shorter, nodes);
    let longer = lay_out(&branch.longer, nodes);
    if let Some(node) = nodes.get_mut(at as usize) {
        (node.shorter, node.longer) = (shorter, longer);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn planned(lengths: impl IntoIterator<Item = usize>) -> Lengths {
        lengths
            .into_iter()
            .fold(Lengths::default(), |plan, length| plan.with(length).0)
    }

    fn deepest(lengths: &Lengths, up_to: usize) -> usize {
        let tried = |len| {
            let mut tried = 0;
            lengths.search(|length| {
                tried += 1;
                length < len
            });
            tried
        };
        (0..=up_to).map(tried).max().unwrap()
    }

    #[test]
    fn ways_are_short_in_whatever_order_lengths_come() {
        for (name, plan) in [
            ("ascending", planned(1..=2_000)),
            ("descending", planned((1..=2_000).rev())),
            (
                "alternating",
                planned((1..=1_000).flat_map(|n| [n, 3_001 - n])),
            ),
        ] {
            assert!(
                deepest(&plan, 3_001) <= 17,
                "{name}: {}",
                deepest(&plan, 3_001)
            );
        }
    }

    #[test]
    fn ways_change_only_where_it_is_said() {
        let mut plan = Lengths::default();
        for length in (1..300).map(|n| n * 7 % 300) {
            let (next, changed) = plan.with(length);
            for other in (1..300).filter(|other| plan.holds(*other)) {
                let is_told = changed.as_ref().is_some_and(|range| range.contains(&other));
                assert!(is_told || plan.passed(other) == next.passed(other));
            }
            plan = next;
        }
    }

    #[test]
    fn a_length_goes_with_its_last_text() {
        let mut plan = planned([5, 3, 8, 3]);
        plan = plan.without(3);
        assert!(plan.holds(3));
        plan = plan.without(3).without(5);
        assert_eq!(plan.passed(8), [5], "it leads to 8");
        plan = plan.without(8);
        assert!(plan.is_empty() && plan.longest() == 0);
    }

    impl Lengths {
        fn holds(&self, length: usize) -> bool {
            self.nodes()
                .iter()
                .any(|node| node.length as usize == length)
        }
    }
}
