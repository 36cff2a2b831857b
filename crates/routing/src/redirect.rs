//! Sending the client elsewhere.
//!
//! Invariant: what [`Redirect::location_path`] writes begins with `/` and holds only what may stand
//! in a header and in a URI.
//! Deliberately absent: the scheme and the rest of the answer.

use nuncio_config::RedirectPath;

use crate::rewrite::push_encoded;

/// Where the client of a Route is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The host, with its port if one was written.
    pub host: Box<str>,
    /// What becomes of the path.
    pub path: RedirectPath,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
    /// How many bytes of the path [`RedirectPath::Prefix`] replaces; all of a path that is shorter,
    /// which is how exact paths and patterns have it.
    pub prefix_len: usize,
}

impl Redirect {
    /// Writes path and query of the new location over `out`.
    ///
    /// The query is kept, unless the Mapping's own text for the whole path has one (Envoy's
    /// `path_redirect`).
    pub fn location_path(&self, path: &str, query: Option<&str>, out: &mut String) {
        out.clear();
        let mut query = query;
        match &self.path {
            RedirectPath::Unchanged => push_encoded(path.as_bytes(), out),
            RedirectPath::Whole(text) => {
                push_encoded(text.as_bytes(), out);
                query = query.filter(|_| !text.contains('?'));
            }
            RedirectPath::Prefix(text) => {
                push_encoded(text.as_bytes(), out);
                let rest = path.as_bytes().get(self.prefix_len..);
                push_encoded(rest.unwrap_or_default(), out);
            }
            RedirectPath::Regex(substitution) => {
                push_encoded(&substitution.apply(path.as_bytes()), out);
            }
        }
        if !out.starts_with('/') {
            out.insert(0, '/');
        }
        if let Some(query) = query {
            out.push('?');
            push_encoded(query.as_bytes(), out);
        }
    }
}

#[cfg(test)]
mod tests {
    use nuncio_config::Substitution;

    use super::*;

    fn location(redirected: RedirectPath, path: &str, query: Option<&str>) -> String {
        let redirect = Redirect {
            host: "example.com".into(),
            path: redirected,
            status: 301,
            prefix_len: "/old/".len(),
        };
        let mut out = "left over".to_owned();
        redirect.location_path(path, query, &mut out);
        out
    }

    #[test]
    fn the_path_and_its_query_stay_unless_something_is_said() {
        let unchanged = || RedirectPath::Unchanged;
        assert_eq!(location(unchanged(), "/old/a", Some("x=1")), "/old/a?x=1");
        assert_eq!(location(unchanged(), "/old/a", None), "/old/a");
    }

    #[test]
    fn a_whole_path_replaces_everything_but_the_query() {
        let whole = |text: &str| RedirectPath::Whole(text.into());
        assert_eq!(location(whole("/new/"), "/old/a", Some("x=1")), "/new/?x=1");
        assert_eq!(
            location(whole("/new/?y=2"), "/old/a", Some("x=1")),
            "/new/?y=2"
        );
    }

    #[test]
    fn a_prefix_is_replaced_as_text() {
        let prefix = || RedirectPath::Prefix("/new/".into());
        assert_eq!(location(prefix(), "/old/a", Some("x")), "/new/a?x");
        assert_eq!(location(prefix(), "/old", None), "/new/");
    }

    #[test]
    fn groups_of_a_pattern_can_be_used() {
        let swapped = Substitution::parse("^/old/([a-z]+)/([a-z]+)", r"/\2/\1").unwrap();
        let location = location(RedirectPath::Regex(swapped), "/old/a/b", Some("x=1"));
        assert_eq!(location, "/b/a?x=1");
    }

    #[test]
    fn what_no_header_may_hold_is_encoded_and_the_path_stays_absolute() {
        let hostile = Substitution::parse("^/old/", "evil\r\nset-cookie: a #é").unwrap();
        let location = location(RedirectPath::Regex(hostile), "/old/x", Some("a b"));
        assert_eq!(location, "/evil%0D%0Aset-cookie:%20a%20%23%C3%A9x?a%20b");
    }
}
