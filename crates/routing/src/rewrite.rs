//! The path towards the upstream.
//!
//! Invariant: what is written begins with `/` and holds nothing that would end a request target.

use nuncio_config::{Rewrite, Substitution};

use crate::{Action, Forward, Route};

impl Route {
    /// As [`Forward::rewrite`]; what is not forwarded is not rewritten.
    pub fn rewrite(&self, path: &str, query: Option<&str>, out: &mut String) -> bool {
        match &self.action {
            Action::Forward(forward) => forward.rewrite(path, query, out),
            Action::Redirect(_) | Action::Probe(_) => false,
        }
    }
}

impl Forward {
    /// Replaces what `regex_rewrite` matches in `path`, or else the matched prefix, and writes the
    /// result, with the query, over `out`.
    ///
    /// Returns `false`, with `out` untouched, when the path goes on as it came: no `rewrite`, or a
    /// path this Forward was not chosen for. Returns `true` even when the text comes out the same:
    /// Envoy then sets `x-envoy-original-path` too.
    ///
    /// The replacement is textual: prefix `/foo`, rewrite `/` and path `/foo/bar` give `//bar`. The
    /// result begins with `/`: every prefix does, and one is put before a substitution that does not.
    pub fn rewrite(&self, path: &str, query: Option<&str>, out: &mut String) -> bool {
        let rewritten = match (&self.regex_rewrite, &self.rewrite) {
            (Some(substitution), _) => substitute(substitution, path, out),
            (None, Rewrite::Prefix(prefix)) => self.replace_prefix(prefix, path, out),
            (None, Rewrite::Untouched) => false,
        };
        if let (true, Some(query)) = (rewritten, query) {
            out.push('?');
            out.push_str(query);
        }
        rewritten
    }

    fn replace_prefix(&self, prefix: &str, path: &str, out: &mut String) -> bool {
        let Some(rest) = path.get(self.prefix_len..) else {
            return false;
        };
        out.clear();
        out.push_str(prefix);
        out.push_str(rest);
        true
    }
}

fn substitute(substitution: &Substitution, path: &str, out: &mut String) -> bool {
    out.clear();
    push_encoded(&substitution.apply(path.as_bytes()), out);
    if !out.starts_with('/') {
        out.insert(0, '/');
    }
    true
}

/// Appends `bytes` with everything encoded that cannot stand in a path and its query (RFC 3986, 3.3
/// and 3.4) or would end it. Escapes stay as they are.
pub fn push_encoded(bytes: &[u8], out: &mut String) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| HEX.get(usize::from(nibble)).map_or('0', |&d| d.into());
    for &byte in bytes {
        match byte {
            b'#' | b'"' | b'<' | b'>' | 0..=b' ' | 0x7f.. => {
                out.extend(['%', digit(byte >> 4), digit(byte & 15)]);
            }
            _ => out.push(byte.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use nuncio_config::{Priority, Rare};

    use super::*;
    use crate::{ClusterIndex, HostRewrite};

    fn forward(prefix: &str, rewrite: &str) -> Forward {
        let rewrite = match rewrite {
            "" => Rewrite::Untouched,
            text => Rewrite::Prefix(text.into()),
        };
        Forward {
            cluster: ClusterIndex::new(0),
            prefix_len: prefix.len(),
            rewrite,
            regex_rewrite: None,
            host: HostRewrite::Keep,
            request_headers: Rare::default(),
            timeout: None,
            idle_timeout: None,
            retry: None,
            priority: Priority::Default,
            hash_on: None,
            upgrades: Box::default(),
            shadow: None,
            bypass_auth: false,
            labels: Box::default(),
        }
    }

    fn written(forward: &Forward, path: &str, query: Option<&str>) -> Option<String> {
        let mut out = "left over".to_owned();
        forward.rewrite(path, query, &mut out).then_some(out)
    }

    fn rewritten(prefix: &str, rewrite: &str, path: &str, query: Option<&str>) -> Option<String> {
        written(&forward(prefix, rewrite), path, query)
    }

    fn substituted(pattern: &str, substitution: &str, path: &str) -> String {
        let forward = Forward {
            regex_rewrite: Some(Box::new(
                Substitution::parse(pattern, substitution).unwrap(),
            )),
            ..forward("/", "/v9/")
        };
        written(&forward, path, Some("x=1")).unwrap()
    }

    #[test]
    fn the_prefix_is_replaced_as_text() {
        assert_eq!(rewritten("/foo/", "/", "/foo/bar", None).unwrap(), "/bar");
        assert_eq!(rewritten("/foo", "/", "/foobar", None).unwrap(), "/bar");
        assert_eq!(rewritten("/foo", "/", "/foo", None).unwrap(), "/");
        assert_eq!(rewritten("/foo", "/", "/foo/bar", None).unwrap(), "//bar");
        assert_eq!(
            rewritten("/foo/", "/v2/", "/foo/bar", None).unwrap(),
            "/v2/bar"
        );
    }

    #[test]
    fn the_query_is_retained() {
        assert_eq!(
            rewritten("/foo/", "/", "/foo/", Some("x=1")).unwrap(),
            "/?x=1"
        );
        assert_eq!(rewritten("/foo/", "/", "/foo/", Some("")).unwrap(), "/?");
    }

    #[test]
    fn an_empty_rewrite_leaves_the_path_untouched() {
        assert_eq!(rewritten("/foo/", "", "/foo/bar", None), None);
    }

    #[test]
    fn a_transparent_rewrite_still_counts_as_one() {
        assert_eq!(rewritten("/", "/", "/bar", None).unwrap(), "/bar");
    }

    #[test]
    fn a_path_shorter_than_the_prefix_is_left_alone() {
        assert_eq!(rewritten("/foo/", "/", "/foo", None), None);
    }

    #[test]
    fn a_substitution_goes_before_the_prefix_and_leaves_the_query_alone() {
        assert_eq!(
            substituted("/(a)/([^/]+)", r"/\2/\1", "/a/b/a/x=1"),
            "/b/a/x=1/a?x=1"
        );
        assert_eq!(substituted("/b", "/c", "/a"), "/a?x=1");
    }

    #[test]
    fn a_substitution_cannot_make_a_target_that_is_none() {
        assert_eq!(
            substituted("^/a", "b c\n#", "/a/é"),
            "/b%20c%0A%23/%C3%A9?x=1"
        );
        assert_eq!(substituted(".*", "", "/a"), "/?x=1");
    }
}
