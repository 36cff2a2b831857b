//! Regular expressions that users write, compiled once and bounded in time and size.
//!
//! Invariant: a [`Pattern`] matches the whole text or not at all, in time linear in the text, and
//! matching neither allocates nor locks. The dialect is RE2's, as Emissary's since 2.0: no
//! look-around, no back-references; `\d`, `\w`, `\s` and `\b` are ASCII.
//! Deliberately absent: what is matched.

mod dialect;
mod matcher;
mod outline;
mod simulation;
mod substitution;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex_syntax::ParserBuilder;
use regex_syntax::hir::Hir;

use matcher::Matcher;
pub use outline::{ByteSet, Outline, Step, Way};
pub use substitution::Substitution;

/// A regular expression that must match all of a text. Equal when written alike; clones share what
/// was compiled.
#[derive(Clone)]
pub struct Pattern(Arc<Compiled>);

struct Compiled {
    text: Arc<str>,
    matcher: Matcher,
    outline: Outline,
    size: usize,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// When it is no regular expression of this dialect, or too large.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        let expression = expression(text)?;
        let (matcher, size) = Matcher::build(&expression)?;
        Ok(Self(Arc::new(Compiled {
            text: text.into(),
            matcher,
            outline: Outline::of(&expression),
            size,
        })))
    }

    /// What it takes and took to compile, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.0.matcher.weight()
    }

    /// The most that one can weigh.
    pub(crate) const HEAVIEST: usize = matcher::MAX_TABLE;

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.0.text
    }

    /// The expression as written, shared.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.0.text)
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.matches_bytes(text.iter().copied())
    }

    /// Whether the text of these bytes matches.
    pub fn matches_bytes(&self, bytes: impl Iterator<Item = u8>) -> bool {
        self.0.matcher.matches(bytes)
    }

    /// How many states it has. What RE2 calls the size of a program is about as much, and rather
    /// more.
    pub fn size(&self) -> usize {
        self.0.size
    }

    /// What the texts that match look like.
    pub fn outline(&self) -> &Outline {
        &self.0.outline
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.as_str())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Pattern {}

impl PartialOrd for Pattern {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Pattern {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.as_str().hash(state);
    }
}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a regular expression of this dialect.
    #[error("is no regular expression: {0}")]
    Syntax(Box<str>),
    /// Compiled, it would take more memory than any pattern may.
    #[error("is too large a regular expression")]
    TooLarge,
    /// With those before it in the annotation, it would take more memory than all may.
    #[error("comes after too many large regular expressions in the same object")]
    TooMany,
    /// The substitution is longer than any path needs.
    #[error("is longer than {} bytes", Substitution::LONGEST)]
    Long,
    /// The substitution names this group, which the pattern does not have.
    #[error("names the group \\{0}, which the pattern does not have")]
    Group(u8),
    /// A backslash in the substitution is followed by neither a digit nor a backslash.
    #[error("has a backslash that is followed by neither a digit nor a backslash")]
    Escape,
}

/// Deeper nesting than this is an attack on the parser.
const MAX_NESTING: u32 = 64;

/// Parses on its own, so that no text can close a group that was put around it.
fn expression(text: &str) -> Result<Hir, InvalidPattern> {
    let text = dialect::translated(text);
    let parsed = |unicode| {
        let mut parser = ParserBuilder::new();
        parser.unicode(unicode).utf8(false).nest_limit(MAX_NESTING);
        let parsed = parser.build().parse(&text);
        parsed.map_err(|error| InvalidPattern::Syntax(reason(&error.to_string()).into()))
    };
    // Bytes, unless it says what only Unicode can say (`\p{..}`, `[é]`).
    parsed(false).or_else(|_| parsed(true))
}

/// The last line of the parser's report; the others repeat the pattern.
fn reason(report: &str) -> &str {
    let last = report.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(text.as_bytes())
    }

    #[test]
    fn a_pattern_matches_the_whole_text() {
        for (text, expected) in [
            ("/a/12", true),
            ("/b", true),
            ("/a/12/", false),
            ("x/b", false),
        ] {
            assert_eq!(matches("/a/[0-9]+|/b", text), expected, "{text}");
        }
    }

    #[test]
    fn anchors_may_be_written_and_change_nothing() {
        assert!(matches("^/a$", "/a"));
        assert!(!matches("^/a$", "/a/"));
        assert!(!matches("/a\\b.$", "/ab"));
    }

    #[test]
    fn no_text_closes_the_group_around_it() {
        assert!(Pattern::parse("a)|(?:b").is_err());
        assert!(!matches("(?x)a # comment", "b"));
    }

    #[test]
    fn classes_are_ascii_as_in_re2() {
        assert!(!matches(r"\w", "é"));
        assert!(matches(r"\p{L}", "é"));
        assert!(!matches(r"\p{L}\w", "éé"));
        assert!(matches(r"[é\w]+", "aé"));
    }

    #[test]
    fn what_re2_does_not_have_is_refused() {
        for text in ["(?=a)", r"(a)\1", "(", "a{99999}{99999}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn hostile_patterns_are_refused_or_compiled_in_bounded_size() {
        let wide = format!("(?:{})*", vec![".*a.*"; 100].join("|"));
        let deep = "(".repeat(100) + &")".repeat(100);
        let large = vec![r"\p{L}"; 10_000].concat();
        assert!(Pattern::parse(&wide).is_ok());
        assert!(Pattern::parse(&deep).is_err());
        assert_eq!(Pattern::parse(&large), Err(InvalidPattern::TooLarge));
    }
}
