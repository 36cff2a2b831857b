//! Regular expressions that users write, compiled once and bounded in time and size.
//!
//! Invariant: a [`Pattern`] matches the whole text or not at all, in time linear in the text. The
//! dialect is RE2's, as Emissary's since 2.0: no look-around, no back-references; `\d`, `\w`, `\s`
//! and `\b` are ASCII.
//! Deliberately absent: what is matched.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

/// A regular expression that must match all of a text. Equal when written alike.
#[derive(Clone)]
pub struct Pattern {
    text: Box<str>,
    matcher: Arc<Regex>,
}

impl Pattern {
    /// Compiles `text`.
    ///
    /// # Errors
    ///
    /// When it is no regular expression of this dialect, or too large.
    pub fn parse(text: &str) -> Result<Self, InvalidPattern> {
        Ok(Self {
            text: text.into(),
            matcher: Arc::new(compile(&format!("^(?:{text})$"))?),
        })
    }

    /// The expression as written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether all of `text` matches.
    pub fn matches(&self, text: &[u8]) -> bool {
        self.matcher.is_match(text)
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pattern({:?})", self.text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
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
        self.text.cmp(&other.text)
    }
}

impl Hash for Pattern {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// `{pattern, substitution}`: replaces every place of a text where the pattern matches. In the
/// substitution `\1` to `\9` are the groups, `\0` is the whole match and `\\` a backslash, as in RE2.
#[derive(Clone)]
pub struct Substitution {
    pattern: Box<str>,
    substitution: Box<str>,
    matcher: Arc<Regex>,
    /// `substitution` in the notation of `matcher`.
    replacement: Box<str>,
}

impl Substitution {
    /// Compiles the two texts.
    ///
    /// # Errors
    ///
    /// When the pattern is none, or the substitution names a group that the pattern does not have.
    pub fn parse(pattern: &str, substitution: &str) -> Result<Self, InvalidPattern> {
        let matcher = compile(pattern)?;
        let replacement = replacement(substitution, matcher.captures_len())?;
        Ok(Self {
            pattern: pattern.into(),
            substitution: substitution.into(),
            matcher: Arc::new(matcher),
            replacement: replacement.into(),
        })
    }

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The substitution as written.
    pub fn substitution(&self) -> &str {
        &self.substitution
    }

    /// `text` with every match replaced. Unchanged where nothing matches.
    pub fn apply<'t>(&self, text: &'t [u8]) -> std::borrow::Cow<'t, [u8]> {
        self.matcher.replace_all(text, self.replacement.as_bytes())
    }
}

impl fmt::Debug for Substitution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Substitution({:?} -> {:?})",
            self.pattern, self.substitution
        )
    }
}

impl PartialEq for Substitution {
    fn eq(&self, other: &Self) -> bool {
        (&self.pattern, &self.substitution) == (&other.pattern, &other.substitution)
    }
}

impl Eq for Substitution {}

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPattern {
    /// Not a regular expression of this dialect.
    #[error("is no regular expression: {0}")]
    Syntax(Box<str>),
    /// Compiled, it would take more memory than any pattern may.
    #[error("is too large a regular expression")]
    TooLarge,
    /// The substitution names this group, which the pattern does not have.
    #[error("names the group \\{0}, which the pattern does not have")]
    Group(u8),
    /// A backslash in the substitution is followed by neither a digit nor a backslash.
    #[error("has a backslash that is followed by neither a digit nor a backslash")]
    Escape,
}

/// What one compiled pattern may take, in bytes.
const MAX_SIZE: usize = 256 * 1024;

/// Deeper nesting than this is an attack on the parser.
const MAX_NESTING: u32 = 64;

fn compile(text: &str) -> Result<Regex, InvalidPattern> {
    let built = |unicode| {
        RegexBuilder::new(text)
            .unicode(unicode)
            .nest_limit(MAX_NESTING)
            .size_limit(MAX_SIZE)
            .dfa_size_limit(MAX_SIZE)
            .build()
    };
    // ASCII classes as in RE2; what only Unicode can say (`\p{..}`, `[é]`) is compiled with it.
    built(false)
        .or_else(|_| built(true))
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
            error => InvalidPattern::Syntax(reason(&error.to_string()).into()),
        })
}

/// The last line of the parser's report; the others repeat the pattern.
fn reason(report: &str) -> &str {
    let last = report.lines().last().unwrap_or_default();
    last.strip_prefix("error: ").unwrap_or(last)
}

fn replacement(substitution: &str, groups: usize) -> Result<String, InvalidPattern> {
    let mut out = String::with_capacity(substitution.len() + 8);
    let mut rest = substitution.chars();
    while let Some(c) = rest.next() {
        match (c, c == '\\') {
            ('$', _) => out.push_str("$$"),
            (_, false) => out.push(c),
            (_, true) => match rest.next() {
                Some('\\') => out.push('\\'),
                Some(digit @ '0'..='9') => {
                    let group = digit as u8 - b'0';
                    if usize::from(group) >= groups {
                        return Err(InvalidPattern::Group(group));
                    }
                    out.extend(["${", digit.encode_utf8(&mut [0; 4]), "}"]);
                }
                Some(_) | None => return Err(InvalidPattern::Escape),
            },
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_matches_the_whole_text() {
        let pattern = Pattern::parse("/a/[0-9]+|/b").unwrap();
        for (text, matches) in [
            ("/a/12", true),
            ("/b", true),
            ("/a/12/", false),
            ("x/b", false),
        ] {
            assert_eq!(pattern.matches(text.as_bytes()), matches, "{text}");
        }
    }

    #[test]
    fn classes_are_ascii_as_in_re2() {
        assert!(!Pattern::parse(r"\w").unwrap().matches("é".as_bytes()));
        assert!(Pattern::parse(r"\p{L}").unwrap().matches("é".as_bytes()));
    }

    #[test]
    fn what_re2_does_not_have_is_refused() {
        for text in ["(?=a)", r"(a)\1", "(", "a{99999}{99999}"] {
            assert!(Pattern::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn groups_are_numbered_with_backslashes() {
        let swap = Substitution::parse("^/(a+)/(b+)", r"/\2$x/\1").unwrap();
        assert_eq!(&*swap.apply(b"/aa/b/c"), b"/b$x/aa/c");
        let unknown = Substitution::parse("a", r"\1").unwrap_err();
        assert_eq!(unknown, InvalidPattern::Group(1));
    }
}
