//! From a request's host to the few path trees whose Routes allow it.
//!
//! Invariant: for every host pattern of the table, its tree is visited exactly when the pattern
//! matches; the cost does not depend on how many patterns there are, and nothing is allocated.
//! Deliberately absent: any order between hosts. Emissary (up to 4.1) without Host resources has
//! one Envoy virtual host `*` that holds every route in precedence order and checks a Mapping's
//! host as one more header, so a host narrows the candidates and never outranks a longer prefix.

use nuncio_config::{Case, HostMatch};

use super::dictionary::{Dictionary, Scope};
use super::prefixes::{Planting, PrefixTree, Prefixes, Texts};
use super::stacked::{Roll, Stacked};

/// No pattern is longer than this, unless it is a regular expression: a name of 253 characters
/// (RFC 1035, 2.3.4) and a port.
pub(crate) const MAX_HOST_LEN: usize = 259;

/// A path tree's number.
pub(super) type Tree = u32;

/// Finds path trees by host.
#[derive(Clone, Debug, Default)]
pub(super) struct HostIndex {
    any: Option<Tree>,
    exact: Dictionary<Tree>,
    suffixes: Globs,
    prefixes: Globs,
    patterns: Stacked<Tree>,
}

/// What only those need who change a [`HostIndex`].
#[derive(Debug, Default)]
pub(super) struct HostLedger {
    suffixes: Texts,
    prefixes: Texts,
    patterns: Roll,
}

/// Texts at the closed ends of globs.
#[derive(Clone, Debug)]
struct Globs {
    texts: Prefixes<Tree>,
    tree: PrefixTree,
}

/// Of all exact hosts.
const HOSTS: Scope = Scope {
    number: 0,
    case: Case::Insensitive,
};

impl HostIndex {
    /// Lets a pattern lead to a tree, or to none. It is in lower case and no longer than
    /// [`MAX_HOST_LEN`].
    pub(super) fn set(&mut self, ledger: &mut HostLedger, host: &HostMatch, tree: Option<Tree>) {
        match (host, tree) {
            (HostMatch::Any, tree) => self.any = tree,
            (HostMatch::Exact(host), Some(tree)) => {
                let exact = &mut self.exact;
                exact.change(HOSTS, host.as_bytes(), |value| *value = tree);
            }
            (HostMatch::Exact(host), None) => self.exact.remove(HOSTS, host.as_bytes()),
            (HostMatch::Prefix(text), tree) => {
                self.prefixes
                    .set(&mut ledger.prefixes, text.as_bytes(), tree);
            }
            (HostMatch::Suffix(text), tree) => {
                let text: Vec<_> = text.bytes().rev().collect();
                self.suffixes.set(&mut ledger.suffixes, &text, tree);
            }
            (HostMatch::Regex(pattern), tree) => {
                self.patterns.set(&mut ledger.patterns, pattern, tree);
            }
        }
    }

    /// Makes searching as fast as it can be, after many changes.
    pub(super) fn join(&mut self, ledger: &mut HostLedger) {
        self.patterns.join(&mut ledger.patterns);
    }

    /// Calls `visit` for every tree whose pattern matches `host`, narrow patterns first; for the
    /// tree of a regular expression perhaps more than once.
    #[inline]
    pub(super) fn visit(&self, host: &str, mut visit: impl FnMut(Tree)) {
        let host = host.as_bytes();
        if !self.exact.is_empty() {
            self.exact
                .find(HOSTS, host)
                .into_iter()
                .for_each(|tree| visit(*tree));
        }
        if !self.suffixes.texts.is_empty() {
            let mut buffer = [0; MAX_HOST_LEN];
            self.suffixes.visit(reversed(host, &mut buffer), &mut visit);
        }
        if !self.prefixes.texts.is_empty() {
            self.prefixes.visit(host, &mut visit);
        }
        if !self.patterns.is_empty() {
            self.patterns.candidates(host, |pattern, tree| {
                if pattern.matches(host) {
                    visit(*tree);
                }
            });
        }
        self.any.into_iter().for_each(visit);
    }
}

impl Globs {
    fn set(&mut self, texts: &mut Texts, text: &[u8], tree: Option<Tree>) {
        let mut planting = Planting {
            prefixes: &mut self.texts,
            texts,
            tree: &mut self.tree,
        };
        planting.set(text, tree);
    }

    fn visit(&self, host: &[u8], visit: &mut impl FnMut(Tree)) {
        for part in self.tree.parts() {
            let longest = self.texts.longest(part, host);
            let fitting = std::iter::successors(longest, |entry| self.texts.above(entry));
            fitting.for_each(|entry| visit(entry.value));
        }
    }
}

impl Default for Globs {
    fn default() -> Self {
        Self {
            texts: Prefixes::default(),
            tree: PrefixTree::new(0, Case::Insensitive),
        }
    }
}

/// The end of `host`, backwards: as much of it as any glob looks at.
fn reversed<'b>(host: &[u8], buffer: &'b mut [u8; MAX_HOST_LEN]) -> &'b [u8] {
    let len = host.len().min(buffer.len());
    for (to, from) in buffer.iter_mut().zip(host.iter().rev()) {
        *to = *from;
    }
    buffer.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::collection::btree_set;
    use proptest::prelude::*;

    use super::*;
    use crate::HostMap;

    fn index(patterns: &[HostMatch]) -> (HostIndex, HostLedger) {
        let (mut index, mut ledger) = Default::default();
        for (pattern, tree) in patterns.iter().zip(0..) {
            HostIndex::set(&mut index, &mut ledger, pattern, Some(tree));
        }
        (index, ledger)
    }

    fn visited_in(index: &HostIndex, host: &str) -> Vec<usize> {
        let mut trees = Vec::new();
        index.visit(host, |tree| trees.push(tree as usize));
        trees
    }

    fn visited(patterns: &[HostMatch], host: &str) -> Vec<usize> {
        visited_in(&index(patterns).0, host)
    }

    fn patterns() -> [HostMatch; 5] {
        [
            "*",
            "example.com",
            "*.example.com",
            "*example.com",
            "example.*",
        ]
        .map(|text| text.parse().unwrap())
    }

    fn regex(text: &str) -> HostMatch {
        HostMatch::Regex(nuncio_config::Pattern::parse(text).unwrap())
    }

    #[test]
    fn every_matching_pattern_is_visited_narrow_ones_first() {
        assert_eq!(visited(&patterns(), "example.com"), [1, 3, 4, 0]);
        assert_eq!(visited(&patterns(), "a.example.com"), [2, 3, 0]);
        assert_eq!(visited(&patterns(), "example.org"), [4, 0]);
    }

    #[test]
    fn a_pattern_that_is_removed_is_not_visited() {
        let patterns: Vec<_> = patterns().into_iter().chain([regex(".*")]).collect();
        let (mut index, mut ledger) = index(&patterns);
        assert_eq!(visited_in(&index, "example.com"), [1, 3, 4, 5, 0]);
        let before = index.clone();
        for (nth, left) in [(1, vec![3, 4, 5, 0]), (3, vec![4, 5, 0]), (0, vec![4, 5])] {
            index.set(&mut ledger, &patterns[nth], None);
            assert_eq!(visited_in(&index, "example.com"), left);
        }
        index.set(&mut ledger, &patterns[4], None);
        index.set(&mut ledger, &patterns[5], None);
        assert_eq!(visited_in(&index, "example.com"), [0; 0]);
        assert_eq!(visited_in(&index, "a.example.com"), [2]);
        assert_eq!(visited_in(&before, "example.com"), [1, 3, 4, 5, 0]);
    }

    #[test]
    fn hosts_compare_without_regard_to_case() {
        assert_eq!(visited(&patterns(), "A.EXAMPLE.Com"), [2, 3, 0]);
    }

    #[test]
    fn the_port_is_part_of_the_host() {
        assert_eq!(visited(&patterns(), "example.com:8080"), [4, 0]);
    }

    #[test]
    fn a_host_longer_than_any_name_still_meets_its_globs() {
        let long = format!("{}.example.com", "a".repeat(10_000));
        assert_eq!(visited(&patterns(), &long), [2, 3, 0]);
        let long = format!("example.{}", "a".repeat(10_000));
        assert_eq!(visited(&patterns(), &long), [4, 0]);
    }

    #[test]
    fn regular_expressions_meet_whole_hosts() {
        let patterns = [
            regex(r"[a-z]+\.example\.com"),
            regex("a.*"),
            HostMatch::Any,
            regex("b"),
        ];
        assert_eq!(visited(&patterns, "a.example.com"), [1, 0, 2]);
        assert_eq!(visited(&patterns, "b.example.com"), [0, 2]);
        assert_eq!(visited(&patterns, "b.example.com:80"), [2]);
    }

    #[test]
    fn an_empty_host_meets_only_the_pattern_for_all() {
        assert_eq!(visited(&patterns(), ""), [0]);
    }

    proptest! {
        /// VirtualHosts are found by one index and Mappings by another.
        #[test]
        fn the_first_that_is_visited_is_whom_a_map_of_hosts_finds(
            texts in btree_set(r"\*|(\*)?[ab.]{1,3}|[ab.]{1,3}\*", 1..12),
            host in "[abAB.:]{0,6}",
        ) {
            let patterns: Vec<HostMatch> = texts.iter().map(|text| text.parse().unwrap()).collect();
            let mut map = HostMap::default();
            for (pattern, tree) in patterns.iter().zip(0_usize..) {
                map.insert(pattern, tree).unwrap();
            }
            let visited = visited(&patterns, &host);
            prop_assert_eq!(visited.first(), map.find(&host));
        }
    }
}
