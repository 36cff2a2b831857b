//! The path towards the upstream.

use nuncio_config::Rewrite;

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
    /// Replaces the matched prefix of `path` and writes the result, with the query, over `out`.
    ///
    /// Returns `false`, with `out` untouched, when the path goes on as it came: no `rewrite`, or a
    /// path this Forward was not chosen for. Returns `true` even when the text comes out the same:
    /// Envoy then sets `x-envoy-original-path` too.
    ///
    /// The replacement is textual: prefix `/foo`, rewrite `/` and path `/foo/bar` give `//bar`. The
    /// result begins with `/`, because every rewrite does.
    pub fn rewrite(&self, path: &str, query: Option<&str>, out: &mut String) -> bool {
        let Rewrite::Prefix(prefix) = &self.rewrite else {
            return false;
        };
        let Some(rest) = path.get(self.prefix_len..) else {
            return false;
        };
        out.clear();
        out.push_str(prefix);
        out.push_str(rest);
        if let Some(query) = query {
            out.push('?');
            out.push_str(query);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use nuncio_config::Priority;

    use super::*;
    use crate::{ClusterIndex, HeaderRules, HostRewrite};

    fn rewritten(prefix: &str, rewrite: &str, path: &str, query: Option<&str>) -> Option<String> {
        let rewrite = match rewrite {
            "" => Rewrite::Untouched,
            text => Rewrite::Prefix(text.into()),
        };
        let cluster = ClusterIndex::new(0);
        let prefix_len = prefix.len();
        let forward = Forward {
            cluster,
            prefix_len,
            rewrite,
            regex_rewrite: None,
            host: HostRewrite::Keep,
            request_headers: HeaderRules::default(),
            timeout: None,
            idle_timeout: None,
            retry: None,
            priority: Priority::Default,
            hash_on: None,
            upgrades: Box::default(),
            shadow: None,
            bypass_auth: false,
            labels: Box::default(),
        };
        let mut out = "left over".to_owned();
        forward.rewrite(path, query, &mut out).then_some(out)
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
}
