//! Mappings that answer with a redirect.

use crate::Substitution;

/// `host_redirect` with what goes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// Where to: `service` as written, or the text of `host_redirect` (Ambassador up to 0.32).
    pub host: Box<str>,
    /// What becomes of the path.
    pub path: RedirectPath,
    /// `redirect_response_code`: 301, 302, 303, 307 or 308.
    pub status: u16,
}

/// What becomes of the path of a redirected request; the query is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectPath {
    /// It stays.
    Unchanged,
    /// `path_redirect`: replaced as a whole.
    Whole(Box<str>),
    /// `prefix_redirect`: the matched prefix is replaced.
    Prefix(Box<str>),
    /// `regex_redirect`
    Regex(Substitution),
}
