//! `{pattern, substitution}`, as in `regex_rewrite` and `regex_redirect`.
//!
//! Invariant: every group that the substitution names exists, and what is made of a text is bounded:
//! `(.)` with a long substitution would turn one path into gigabytes.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use regex::bytes::{Regex, RegexBuilder};

use super::{InvalidPattern, MAX_NESTING, dialect, reason};

/// Replaces every place of a text where the pattern matches. In the substitution `\1` to `\9` are
/// the groups, `\0` is the whole match and `\\` a backslash, as in RE2.
#[derive(Clone)]
pub struct Substitution {
    pattern: Box<str>,
    substitution: Box<str>,
    matcher: Arc<Regex>,
    weight: usize,
    /// `substitution` in the notation of `matcher`.
    replacement: Replacement,
}

/// What takes the place of a match.
#[derive(Clone, Debug, Default)]
struct Replacement {
    text: String,
    /// How often it names groups.
    references: usize,
}

impl Substitution {
    /// Compiles the two texts.
    ///
    /// # Errors
    ///
    /// When the pattern is none, or the substitution names a group that the pattern does not have.
    pub fn parse(pattern: &str, substitution: &str) -> Result<Self, InvalidPattern> {
        if substitution.len() > Self::LONGEST {
            return Err(InvalidPattern::Long);
        }
        let (matcher, weight) = compile(&dialect::translated(pattern))?;
        let replacement = replacement(substitution, matcher.captures_len())?;
        Ok(Self {
            pattern: pattern.into(),
            substitution: substitution.into(),
            matcher: Arc::new(matcher),
            weight,
            replacement,
        })
    }

    /// The most bytes a substitution may have.
    pub(super) const LONGEST: usize = 4096;

    /// What it takes, in bytes.
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    /// The pattern as written.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The substitution as written.
    pub fn substitution(&self) -> &str {
        &self.substitution
    }

    /// `text` with every match replaced. Unchanged where nothing matches, and as a whole if it would
    /// become longer than any request target may be.
    pub fn apply<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        let Replacement {
            text: replacement,
            references,
        } = &self.replacement;
        let mut out = Vec::new();
        let mut rest = 0;
        for captures in self.matcher.captures_iter(text) {
            let Some(found) = captures.get(0) else {
                continue;
            };
            let most = replacement.len() + references * found.len();
            let between = text.get(rest..found.start()).unwrap_or_default();
            if out.len() + between.len() + most > MAX_OUT.max(2 * text.len()) {
                return Cow::Borrowed(text);
            }
            out.extend_from_slice(between);
            captures.expand(replacement.as_bytes(), &mut out);
            rest = found.end();
        }
        match (rest, out.is_empty()) {
            (0, true) => Cow::Borrowed(text),
            _ => {
                out.extend_from_slice(text.get(rest..).unwrap_or_default());
                Cow::Owned(out)
            }
        }
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

/// What one compiled pattern may take, in bytes, if it is an ordinary one and if it is not.
const SIZES: [usize; 2] = [8 * 1024, 256 * 1024];

/// What a text may become by substitution, in bytes, unless it was half as long before.
const MAX_OUT: usize = 128 * 1024;

/// Also gives what the expression may take.
fn compile(text: &str) -> Result<(Regex, usize), InvalidPattern> {
    let built = |unicode: bool, size: usize| {
        RegexBuilder::new(text)
            .unicode(unicode)
            .nest_limit(MAX_NESTING)
            .size_limit(size)
            .dfa_size_limit(size)
            .build()
    };
    let mut last = None;
    for size in SIZES {
        match built(false, size).or_else(|_| built(true, size)) {
            Ok(matcher) => return Ok((matcher, size)),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(regex::Error::CompiledTooBig(_)) | None => InvalidPattern::TooLarge,
        Some(error) => InvalidPattern::Syntax(reason(&error.to_string()).into()),
    })
}

fn replacement(substitution: &str, groups: usize) -> Result<Replacement, InvalidPattern> {
    let mut out = String::with_capacity(substitution.len() + 8);
    let mut references = 0;
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
                    references += 1;
                    out.extend(["${", digit.encode_utf8(&mut [0; 4]), "}"]);
                }
                Some(_) | None => return Err(InvalidPattern::Escape),
            },
        }
    }
    Ok(Replacement {
        text: out,
        references,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_numbered_with_backslashes() {
        let swap = Substitution::parse("^/(a+)/(b+)", r"/\2$x/\1").unwrap();
        assert_eq!(&*swap.apply(b"/aa/b/c"), b"/b$x/aa/c");
        let unknown = Substitution::parse("a", r"\1").unwrap_err();
        assert_eq!(unknown, InvalidPattern::Group(1));
    }

    #[test]
    fn every_match_is_replaced_and_the_rest_stays() {
        for (pattern, substitution, text, expected) in [
            ("b+", "-", "abbcbd", "a-c-d"),
            ("x", "-", "abc", "abc"),
            ("^/", "", "/", ""),
            ("", "-", "ab", "-a-b-"),
            ("b", "", "b", ""),
            ("(a)|b", r"[\1\\]", "ab", r"[a\][\]"),
        ] {
            let substitution = Substitution::parse(pattern, substitution).unwrap();
            let applied = substitution.apply(text.as_bytes());
            assert_eq!(&*applied, expected.as_bytes(), "{pattern}");
        }
    }

    #[test]
    fn what_would_grow_without_bound_is_left_as_it_is() {
        let text = "a".repeat(60_000);
        for substitution in [r"\0".repeat(2_000), "b".repeat(4_000)] {
            for pattern in ["a", "a*"] {
                let substitution = Substitution::parse(pattern, &substitution).unwrap();
                let grown = substitution.apply(text.as_bytes());
                assert!(grown.len() <= 128 * 1024);
            }
        }
        let long = Substitution::parse("a", &"b".repeat(4_097));
        assert_eq!(long.unwrap_err(), InvalidPattern::Long);
    }
}
