//! `{pattern, substitution}`, as in `regex_rewrite` and `regex_redirect`.
//!
//! Invariant: every group that the substitution names exists.

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
        let matcher = compile(&dialect::translated(pattern))?;
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
    pub fn apply<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
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

/// What one compiled pattern may take, in bytes.
const MAX_SIZE: usize = 256 * 1024;

fn compile(text: &str) -> Result<Regex, InvalidPattern> {
    let built = |unicode| {
        RegexBuilder::new(text)
            .unicode(unicode)
            .nest_limit(MAX_NESTING)
            .size_limit(MAX_SIZE)
            .dfa_size_limit(MAX_SIZE)
            .build()
    };
    built(false)
        .or_else(|_| built(true))
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
            error => InvalidPattern::Syntax(reason(&error.to_string()).into()),
        })
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
    fn groups_are_numbered_with_backslashes() {
        let swap = Substitution::parse("^/(a+)/(b+)", r"/\2$x/\1").unwrap();
        assert_eq!(&*swap.apply(b"/aa/b/c"), b"/b$x/aa/c");
        let unknown = Substitution::parse("a", r"\1").unwrap_err();
        assert_eq!(unknown, InvalidPattern::Group(1));
    }
}
