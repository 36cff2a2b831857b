//! Byte-wise radix trees that answer "which keys are a prefix of these bytes?", longest first.
//!
//! Invariant: a walk costs the bytes it reads plus one search among a node's children per node; it
//! allocates nothing. All trees of a forest share the same flat vectors, children of one node lie
//! side by side, and building uses a queue instead of recursion, so hostile keys cannot exhaust
//! the stack.
//! Deliberately absent: hosts, paths and routes; removal (a new table is built instead).

use std::collections::VecDeque;
use std::ops::Range;

/// Trees over byte strings; each key carries the caller's `u32`.
#[derive(Debug, Default)]
pub(crate) struct Forest {
    nodes: Vec<Node>,
    /// First byte of each node's label, by node: what a parent searches among its children.
    heads: Vec<u8>,
    labels: Vec<u8>,
}

/// One tree of a [`Forest`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Root(u32);

impl Forest {
    /// Adds a tree for `keys`, which are sorted and unique.
    pub(crate) fn plant(&mut self, keys: &[(&[u8], u32)]) -> Root {
        debug_assert!(keys.is_sorted_by(|a, b| a.0 < b.0));
        let root = self.reserve(1).start;
        let mut pending = VecDeque::from([Pending {
            node: root,
            keys,
            depth: 0,
            above: NONE,
        }]);
        while let Some(next) = pending.pop_front() {
            self.grow(&next, &mut pending);
        }
        Root(root)
    }

    /// The values of all keys of `tree` that `bytes` starts with, longest key first.
    pub(crate) fn prefixes_of(&self, tree: Root, bytes: &[u8]) -> impl Iterator<Item = u32> {
        let deepest = self.deepest(tree, bytes);
        std::iter::successors(deepest, |node| self.node(node.above)).map(|node| node.value)
    }

    /// The last node with a value on the way along `bytes`.
    fn deepest(&self, tree: Root, bytes: &[u8]) -> Option<&Node> {
        let mut rest = bytes;
        let mut found = None;
        let mut node = self.node(tree.0)?;
        loop {
            let Some(tail) = rest.strip_prefix(self.label(node)) else {
                return found;
            };
            if node.value != NONE {
                found = Some(node);
            }
            let Some(child) = tail.first().and_then(|head| self.child(node, *head)) else {
                return found;
            };
            rest = tail;
            node = child;
        }
    }

    fn child(&self, node: &Node, head: u8) -> Option<&Node> {
        let heads = self.heads.get(span(&node.children))?;
        let nth = heads.binary_search(&head).ok()?;
        self.nodes.get(node.children.start as usize + nth)
    }

    fn label(&self, node: &Node) -> &[u8] {
        self.labels.get(span(&node.label)).unwrap_or_default()
    }

    fn node(&self, index: u32) -> Option<&Node> {
        self.nodes.get(index as usize)
    }

    /// Fills in one reserved node and reserves its children.
    fn grow<'k>(&mut self, this: &Pending<'k>, pending: &mut VecDeque<Pending<'k>>) {
        let end = common_prefix(this.keys);
        let (value, longer) = match this.keys.split_first() {
            Some(((key, value), longer)) if key.len() == end => (*value, longer),
            _ => (NONE, this.keys),
        };
        let branches = || longer.chunk_by(|a, b| a.0.get(end) == b.0.get(end));
        let children = self.reserve(branches().count());
        let above = if value == NONE { this.above } else { this.node };
        for (node, keys) in children.clone().zip(branches()) {
            self.set_head(node, keys.first().and_then(|(key, _)| key.get(end)));
            pending.push_back(Pending {
                node,
                keys,
                depth: end,
                above,
            });
        }
        let text = this
            .keys
            .first()
            .and_then(|(key, _)| key.get(this.depth..end));
        let label = self.write_label(text.unwrap_or_default());
        if let Some(node) = self.nodes.get_mut(this.node as usize) {
            *node = Node {
                label,
                children,
                value,
                above: this.above,
            };
        }
    }

    fn reserve(&mut self, count: usize) -> Range<u32> {
        let start = index(self.nodes.len());
        self.nodes
            .resize_with(self.nodes.len() + count, Node::default);
        self.heads.resize(self.nodes.len(), 0);
        start..index(self.nodes.len())
    }

    fn set_head(&mut self, node: u32, head: Option<&u8>) {
        if let (Some(place), Some(head)) = (self.heads.get_mut(node as usize), head) {
            *place = *head;
        }
    }

    fn write_label(&mut self, text: &[u8]) -> Range<u32> {
        let start = index(self.labels.len());
        self.labels.extend_from_slice(text);
        start..index(self.labels.len())
    }
}

#[derive(Debug)]
struct Node {
    /// In `labels`; begins with the node's head byte, except at a root.
    label: Range<u32>,
    /// In `nodes` and `heads`, sorted by head.
    children: Range<u32>,
    /// [`NONE`] where several keys only part.
    value: u32,
    /// The nearest ancestor with a value.
    above: u32,
}

impl Default for Node {
    fn default() -> Self {
        Self {
            label: 0..0,
            children: 0..0,
            value: NONE,
            above: NONE,
        }
    }
}

/// A reserved node, and the keys below it: all equal up to `depth`.
struct Pending<'k> {
    node: u32,
    keys: &'k [(&'k [u8], u32)],
    depth: usize,
    above: u32,
}

/// No node, and no value.
const NONE: u32 = u32::MAX;

/// A position in a flat vector. Saturates: such a table would not fit into memory anyway.
pub(crate) fn index(position: usize) -> u32 {
    u32::try_from(position).unwrap_or(NONE)
}

/// A stored range as one that slices.
pub(crate) fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// How many bytes sorted `keys` have in common: what the first and the last have.
fn common_prefix(keys: &[(&[u8], u32)]) -> usize {
    let (Some((first, _)), Some((last, _))) = (keys.first(), keys.last()) else {
        return 0;
    };
    first
        .iter()
        .zip(last.iter())
        .take_while(|(a, b)| a == b)
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefixes(keys: &[&str], bytes: &str) -> Vec<String> {
        let mut forest = Forest::default();
        let _another = forest.plant(&[(b"/other", 0)]);
        let numbered: Vec<_> = keys.iter().map(|key| key.as_bytes()).zip(0..).collect();
        let tree = forest.plant(&numbered);
        forest
            .prefixes_of(tree, bytes.as_bytes())
            .map(|n| keys[n as usize].to_owned())
            .collect()
    }

    #[test]
    fn keys_on_the_way_come_longest_first() {
        let keys = ["/", "/a", "/a/b", "/a/c", "/ab", "/b"];
        assert_eq!(prefixes(&keys, "/a/b/c"), ["/a/b", "/a", "/"]);
        assert_eq!(prefixes(&keys, "/abc"), ["/ab", "/a", "/"]);
        assert_eq!(prefixes(&keys, "/x"), ["/"]);
    }

    #[test]
    fn a_partly_matched_label_is_not_a_match() {
        assert_eq!(prefixes(&["/httpbin/"], "/httpbin"), [""; 0]);
        assert_eq!(prefixes(&["/httpbin/", "/httpd"], "/httpx"), [""; 0]);
    }

    #[test]
    fn the_empty_key_is_a_prefix_of_everything() {
        assert_eq!(prefixes(&["", "a"], "a"), ["a", ""]);
        assert_eq!(prefixes(&[""], ""), [""]);
    }

    #[test]
    fn no_keys_match_nothing() {
        assert_eq!(prefixes(&[], "/"), [""; 0]);
    }

    #[test]
    fn two_thousand_nested_keys_are_built_and_walked() {
        let longest = "/".repeat(2_000);
        let keys: Vec<_> = (1..=longest.len()).map(|n| &longest[..n]).collect();
        assert_eq!(prefixes(&keys, &longest).len(), longest.len());
    }
}
