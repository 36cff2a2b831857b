//! From a request's host to the few path trees whose Routes allow it.
//!
//! Invariant: for every host pattern of the table, its tree is visited exactly when the pattern
//! matches; the cost does not depend on how many patterns there are, and nothing is allocated.
//! Deliberately absent: any order between hosts. Emissary (up to 4.1) without Host resources has
//! one Envoy virtual host `*` that holds every route in precedence order and checks a Mapping's
//! host as one more header, so a host narrows the candidates and never outranks a longer prefix.

use std::collections::HashMap;

use nuncio_config::HostMatch;

use super::forest::{Forest, Root};

/// No pattern is longer than this: a name of 253 characters (RFC 1035, 2.3.4) and a port.
pub(crate) const MAX_HOST_LEN: usize = 259;

/// A path tree's number.
pub(super) type Tree = u32;

/// Finds path trees by host.
#[derive(Debug)]
pub(super) struct HostIndex {
    any: Option<Tree>,
    /// Lower case, as all patterns are.
    exact: HashMap<Box<[u8]>, Tree>,
    globs: Forest,
    /// `prefix*`.
    prefixes: Option<Root>,
    /// `*suffix`, reversed.
    suffixes: Option<Root>,
}

impl HostIndex {
    /// Builds the index; a tree's number is its pattern's position. Patterns are unique, in lower
    /// case and no longer than [`MAX_HOST_LEN`].
    pub(super) fn build<'p>(patterns: impl Iterator<Item = &'p HostMatch>) -> Self {
        let (mut any, mut exact) = (None, HashMap::new());
        let (mut prefixes, mut suffixes) = (Vec::new(), Vec::new());
        for (pattern, tree) in patterns.zip(0..) {
            match pattern {
                HostMatch::Any => any = Some(tree),
                HostMatch::Exact(host) => drop(exact.insert(host.as_bytes().into(), tree)),
                HostMatch::Prefix(text) => prefixes.push((text.bytes().collect(), tree)),
                HostMatch::Suffix(text) => suffixes.push((text.bytes().rev().collect(), tree)),
                // Not matched yet.
                HostMatch::Regex(_) => {}
            }
        }
        let mut globs = Forest::default();
        let prefixes = plant(&mut globs, prefixes);
        let suffixes = plant(&mut globs, suffixes);
        Self {
            any,
            exact,
            globs,
            prefixes,
            suffixes,
        }
    }

    /// Calls `visit` for every tree whose pattern matches `host`, narrow patterns first.
    pub(super) fn visit(&self, host: &str, mut visit: impl FnMut(Tree)) {
        let host = host.as_bytes();
        let mut buffer = [0; MAX_HOST_LEN];
        if !self.exact.is_empty()
            && host.len() <= buffer.len()
            && let Some(tree) = self.exact.get(lower(host.iter(), &mut buffer))
        {
            visit(*tree);
        }
        if let Some(root) = self.suffixes {
            let reversed = lower(host.iter().rev(), &mut buffer);
            self.globs.prefixes_of(root, reversed).for_each(&mut visit);
        }
        if let Some(root) = self.prefixes {
            let start = lower(host.iter(), &mut buffer);
            self.globs.prefixes_of(root, start).for_each(&mut visit);
        }
        self.any.into_iter().for_each(visit);
    }
}

fn plant(globs: &mut Forest, mut keys: Vec<(Box<[u8]>, Tree)>) -> Option<Root> {
    keys.sort_unstable();
    let keys: Vec<_> = keys.iter().map(|(key, tree)| (&**key, *tree)).collect();
    (!keys.is_empty()).then(|| globs.plant(&keys))
}

/// Lower-cases as much of `bytes` as fits, which is as much as any pattern looks at.
fn lower<'b, 'h>(bytes: impl Iterator<Item = &'h u8>, buffer: &'b mut [u8]) -> &'b [u8] {
    let mut written = 0;
    for (to, from) in buffer.iter_mut().zip(bytes) {
        *to = from.to_ascii_lowercase();
        written += 1;
    }
    buffer.get(..written).unwrap_or_default()
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
    fn an_empty_host_meets_only_the_pattern_for_all() {
        assert_eq!(visited(&patterns(), ""), [0]);
    }
}
