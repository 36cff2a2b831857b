//! Which numbers of a page are wanted, as Envoy's admin lets one ask.
//!
//! Invariant: a pattern is compiled into a bounded amount of memory, and looking for it in a name
//! takes time that grows with the name's length only; how many names are looked at in one go is for
//! the page to bound.

use regex::bytes::{Regex, RegexBuilder};

/// Which numbers are wanted.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Only what has ever moved (`usedonly`); of what Envoy does not count, everything.
    pub used_only: bool,
    /// Only what has such a name (`filter`).
    pub filter: Option<Filter>,
    /// All buckets of every histogram (`histogram_buckets=cumulative`). Otherwise those of the
    /// connections to each cluster, which no known board reads from a page, are left out but for the
    /// last: enough for means, at a quarter of the page.
    pub all_buckets: bool,
}

/// A pattern that is looked for in Envoy's own names, `cluster.httpbin.upstream_rq_200`, and in the
/// families of what Envoy does not count.
#[derive(Clone, Debug)]
pub struct Filter(Regex);

/// A pattern that is not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFilter {
    /// It is longer than anybody writes.
    #[error("the filter is longer than {LONGEST} bytes")]
    TooLong,
    /// Its automaton is larger than is worth it.
    #[error("the filter takes too much memory")]
    TooLarge,
    /// It is no regular expression.
    #[error("the filter is no regular expression: {0}")]
    Malformed(Box<str>),
}

impl Filter {
    /// Compiles a pattern, which may match any part of a name.
    ///
    /// # Errors
    ///
    /// When it is no regular expression, or too large a one.
    pub fn new(pattern: &str) -> Result<Self, BadFilter> {
        if pattern.len() > LONGEST {
            return Err(BadFilter::TooLong);
        }
        let compiled = RegexBuilder::new(pattern)
            // Names are bytes, and what Unicode has of `\w` takes many times the memory.
            .unicode(false)
            .size_limit(LARGEST)
            .dfa_size_limit(CACHE)
            .nest_limit(DEEPEST)
            .build();
        match compiled {
            Ok(regex) => Ok(Self(regex)),
            Err(regex::Error::CompiledTooBig(_)) => Err(BadFilter::TooLarge),
            Err(error) => Err(BadFilter::Malformed(last_line(&error.to_string()).into())),
        }
    }

    pub(super) fn fits(&self, name: &[u8]) -> bool {
        self.0.is_match(name)
    }
}

/// The pattern is repeated before it, over several lines.
fn last_line(text: &str) -> &str {
    let last = text.lines().next_back().unwrap_or_default();
    last.trim_start_matches("error: ")
}

const LONGEST: usize = 1_000;
const LARGEST: usize = 1 << 14;
/// Of states met so far, which make the search fast.
const CACHE: usize = 1 << 18;
const DEEPEST: u32 = 50;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_fits_any_part_of_a_name() {
        let filter = Filter::new(r"httpbin\.upstream_rq_(2|5)").unwrap();
        assert!(filter.fits(b"cluster.httpbin.upstream_rq_200"));
        assert!(!filter.fits(b"cluster.httpbin.upstream_rq_404"));
    }

    #[test]
    fn a_pattern_of_much_work_is_too_large() {
        let error = Filter::new(&r"(\w+\d*){20}x{99}".repeat(20)).unwrap_err();
        assert_eq!(error, BadFilter::TooLarge);
    }

    #[test]
    fn classes_are_of_ascii() {
        let filter = Filter::new(r"^\w+\.[a-z_]+\d{3}$").unwrap();
        assert!(filter.fits(b"cluster.upstream_rq_503"));
        assert!(!filter.fits("clüster.upstream_rq_503".as_bytes()));
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let error = |pattern: &str| Filter::new(pattern).unwrap_err().to_string();
        let text = "the filter is no regular expression: unclosed group";
        assert_eq!(error("(a"), text);
        assert_eq!(
            error("((a{1000}){1000}){1000}"),
            "the filter takes too much memory"
        );
        assert_eq!(
            error(&"a".repeat(1_001)),
            "the filter is longer than 1000 bytes"
        );
        let deep = error(&format!("{}{}", "(".repeat(400), ")".repeat(400)));
        assert!(deep.starts_with("the filter is no regular expression: ") && !deep.contains('\n'));
    }
}
