//! Paths: what must match, and what takes its place.
//!
//! Invariant: both begin with `/` and hold nothing that would end a request target.

use std::str::FromStr;
use std::sync::Arc;

/// The text a path must begin with: starts with `/`, holds neither query nor white space.
/// Clones share it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Prefix(Arc<str>);

impl Prefix {
    /// The text as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text as written, shared.
    pub(crate) fn text(&self) -> Arc<str> {
        Arc::clone(&self.0)
    }
}

impl FromStr for Prefix {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        check(text, |c| c == '?')?;
        Ok(Self(text.into()))
    }
}

/// What becomes of the matched prefix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rewrite {
    /// The prefix's text is replaced by this one, which begins with `/`. The default is `/`.
    Prefix(Box<str>),
    /// `rewrite: ""`: the path goes on as it came.
    Untouched,
}

impl Default for Rewrite {
    fn default() -> Self {
        Self::Prefix("/".into())
    }
}

impl FromStr for Rewrite {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, InvalidPath> {
        if text.is_empty() {
            return Ok(Self::Untouched);
        }
        // A query is allowed: Envoy puts the text in front of what follows the prefix, whatever it is.
        check(text, |_| false)?;
        Ok(Self::Prefix(text.into()))
    }
}

/// Why a text cannot be the beginning of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Every path begins with `/`.
    #[error("does not begin with `/`")]
    NoSlash,
    /// This character cannot stand in a path.
    #[error("contains {0:?}, which no path does")]
    Character(char),
}

/// What a redirect may put in front of, or in place of, a path; a query and a fragment are allowed.
pub(super) fn check_location(text: &str) -> Result<(), InvalidPath> {
    let path = text.replace('#', "");
    check(&path, |_| false)
}

fn check(text: &str, also_refused: impl Fn(char) -> bool) -> Result<(), InvalidPath> {
    if !text.starts_with('/') {
        return Err(InvalidPath::NoSlash);
    }
    let refused = |&c: &char| c == '#' || c.is_whitespace() || c.is_control() || also_refused(c);
    match text.chars().find(refused) {
        Some(character) => Err(InvalidPath::Character(character)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidPath, Prefix, Rewrite};

    #[test]
    fn a_prefix_begins_with_a_slash_and_has_no_query() {
        assert_eq!("/httpbin/".parse::<Prefix>().unwrap().as_str(), "/httpbin/");
        assert_eq!("httpbin".parse::<Prefix>(), Err(InvalidPath::NoSlash));
        assert_eq!("".parse::<Prefix>(), Err(InvalidPath::NoSlash));
        for (text, character) in [("/a?b", '?'), ("/a#b", '#'), ("/a b", ' '), ("/a\n", '\n')] {
            assert_eq!(
                text.parse::<Prefix>(),
                Err(InvalidPath::Character(character))
            );
        }
    }

    #[test]
    fn an_empty_rewrite_leaves_the_path_untouched() {
        assert_eq!("".parse(), Ok(Rewrite::Untouched));
        assert_eq!("/v1?x=1".parse(), Ok(Rewrite::Prefix("/v1?x=1".into())));
        assert_eq!("v1".parse::<Rewrite>(), Err(InvalidPath::NoSlash));
    }
}
