//! From a request's host to the few path trees whose Routes allow it.
//!
//! Invariant: for every host pattern of the table, its tree is visited exactly when the pattern
//! matches; the cost does not depend on how many patterns there are, and nothing is allocated.
//! Deliberately absent: any order between hosts. Emissary (up to 4.1) without Host resources has
//! one Envoy virtual host `*` that holds every route in precedence order and checks a Mapping's
//! host as one more header, so a host narrows the candidates and never outranks a longer prefix.

use nuncio_config::{Case, HostMatch};

use super::dictionary::{Dictionary, Scope};
use super::patterns::PatternSet;
use super::prefixes::{Prefixes, Root};

/// No pattern is longer than this, unless it is a regular expression: a name of 253 characters
/// (RFC 1035, 2.3.4) and a port.
pub(crate) const MAX_HOST_LEN: usize = 259;

/// A path tree's number.
pub(super) type Tree = u32;

/// Finds path trees by host.
#[derive(Debug)]
pub(super) struct HostIndex {
    any: Option<Tree>,
    /// `None` where there are none, as in what follows.
    exact: Option<Dictionary<Tree>>,
    suffixes: Option<Globs>,
    prefixes: Option<Globs>,
    patterns: Option<PatternSet>,
}

/// Texts at the closed ends of globs.
#[derive(Debug)]
struct Globs {
    texts: Prefixes<Tree>,
    root: Root,
}

/// Of all exact hosts.
const HOSTS: Scope = Scope {
    number: 0,
    case: Case::Insensitive,
};

impl HostIndex {
    /// Builds the index; a tree's number is its pattern's position. Patterns are unique, in lower
    /// case and no longer than [`MAX_HOST_LEN`].
    pub(super) fn build<'p>(patterns: impl Iterator<Item = &'p HostMatch>) -> Self {
        let (mut any, mut exact) = (None, None::<Dictionary<Tree>>);
        let (mut prefixes, mut suffixes, mut regexes) = (Vec::new(), Vec::new(), Vec::new());
        for (pattern, tree) in patterns.zip(0..) {
            match pattern {
                HostMatch::Any => any = Some(tree),
                HostMatch::Exact(host) => {
                    let exact = exact.get_or_insert_default();
                    let stored = exact.store(HOSTS, host.as_bytes());
                    exact.enter(HOSTS, (stored, host.len()), tree);
                }
                HostMatch::Prefix(text) => prefixes.push((text.bytes().collect(), tree)),
                HostMatch::Suffix(text) => suffixes.push((text.bytes().rev().collect(), tree)),
                HostMatch::Regex(pattern) => regexes.push((pattern.clone(), tree)),
            }
        }
        Self {
            any,
            exact,
            suffixes: Globs::build(suffixes),
            prefixes: Globs::build(prefixes),
            patterns: (!regexes.is_empty()).then(|| PatternSet::build(regexes)),
        }
    }

    /// Calls `visit` for every tree whose pattern matches `host`, narrow patterns first; for the
    /// tree of a regular expression perhaps more than once.
    #[inline]
    pub(super) fn visit(&self, host: &str, mut visit: impl FnMut(Tree)) {
        let host = host.as_bytes();
        let exact = self.exact.as_ref();
        if let Some(tree) = exact.and_then(|exact| exact.find(HOSTS, host)) {
            visit(*tree);
        }
        if let Some(suffixes) = &self.suffixes {
            let mut buffer = [0; MAX_HOST_LEN];
            suffixes.visit(reversed(host, &mut buffer), &mut visit);
        }
        if let Some(prefixes) = &self.prefixes {
            prefixes.visit(host, &mut visit);
        }
        if let Some(patterns) = &self.patterns {
            patterns.candidates(host, |pattern, tree| {
                if pattern.matches(host) {
                    visit(tree);
                }
            });
        }
        self.any.into_iter().for_each(visit);
    }
}

impl Globs {
    fn build(mut globs: Vec<(Box<[u8]>, Tree)>) -> Option<Self> {
        if globs.is_empty() {
            return None;
        }
        globs.sort_unstable();
        let mut texts = Prefixes::default();
        let sorted: Vec<_> = globs.iter().map(|(text, _)| &**text).collect();
        let tree = |nth: usize| globs.get(nth).map(|(_, tree)| *tree);
        let root = texts.plant(&sorted, Case::Insensitive, |nth, _| {
            tree(nth).unwrap_or_default()
        });
        Some(Self { texts, root })
    }

    fn visit(&self, host: &[u8], visit: &mut impl FnMut(Tree)) {
        let longest = self.texts.longest(&self.root, host);
        let fitting = std::iter::successors(longest, |entry| self.texts.above(entry));
        fitting.for_each(|entry| visit(entry.value));
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
    use super::*;

    fn visited(patterns: &[HostMatch], host: &str) -> Vec<usize> {
        let mut trees = Vec::new();
        HostIndex::build(patterns.iter()).visit(host, |tree| trees.push(tree as usize));
        trees
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

    #[test]
    fn every_matching_pattern_is_visited_narrow_ones_first() {
        assert_eq!(visited(&patterns(), "example.com"), [1, 3, 4, 0]);
        assert_eq!(visited(&patterns(), "a.example.com"), [2, 3, 0]);
        assert_eq!(visited(&patterns(), "example.org"), [4, 0]);
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
        let regex = |text| HostMatch::Regex(nuncio_config::Pattern::parse(text).unwrap());
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
}
