//! Globs of hosts beside one another.

use nuncio_config::HostMatch;

/// Whether some host is in both; regular expressions are in none.
pub(super) fn overlap(a: &HostMatch, b: &HostMatch) -> bool {
    use HostMatch::{Any, Exact, Prefix, Regex, Suffix};
    match (a, b) {
        (Regex(_), _) | (_, Regex(_)) => false,
        (Any, _) | (_, Any) | (Suffix(_), Prefix(_)) | (Prefix(_), Suffix(_)) => true,
        (Exact(a), Exact(b)) => a == b,
        (Exact(text), Suffix(end)) | (Suffix(end), Exact(text)) => text.ends_with(&**end),
        (Exact(text), Prefix(start)) | (Prefix(start), Exact(text)) => text.starts_with(&**start),
        (Suffix(a), Suffix(b)) => a.ends_with(&**b) || b.ends_with(&**a),
        (Prefix(a), Prefix(b)) => a.starts_with(&**b) || b.starts_with(&**a),
    }
}

/// Greater is more specific, as in a [`HostMap`](crate::HostMap).
pub(super) fn rank(pattern: &HostMatch) -> (u8, usize) {
    match pattern {
        HostMatch::Any | HostMatch::Regex(_) => (0, 0),
        HostMatch::Prefix(text) => (1, text.len()),
        HostMatch::Suffix(text) => (2, text.len()),
        HostMatch::Exact(text) => (3, text.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_overlap_where_a_host_may_be_in_both() {
        let overlap = |a: &str, b: &str| {
            let (a, b) = (a.parse().unwrap(), b.parse().unwrap());
            assert_eq!(overlap(&a, &b), overlap(&b, &a));
            overlap(&a, &b)
        };
        assert!(overlap("*", "a.org"));
        assert!(overlap("*.org", "a.org"));
        assert!(overlap("*.org", "*.a.org"));
        assert!(overlap("a.*", "*.org"));
        assert!(overlap("a.*", "a.o*"));
        assert!(!overlap("a.org", "b.org"));
        assert!(!overlap("*.org", "a.com"));
        assert!(!overlap("*.b.org", "*.a.org"));
        assert!(!overlap("a.*", "b.org"));
    }

    #[test]
    fn ends_are_more_specific_than_beginnings_and_names_most() {
        let patterns = ["*", "a.example.*", "*.a", "*.b.a", "a"];
        let ranks = patterns.map(|text| rank(&text.parse().unwrap()));
        assert!(ranks.is_sorted());
    }
}
