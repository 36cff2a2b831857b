//! One spelling for each path.
//!
//! Invariant: what routing matches is what the upstream is sent; no other spelling of a path gets
//! around a prefix. The rules are those of Envoy's `normalize_path`, which Ambassador sets since
//! 1.0, as measured on Envoy 1.40: one pass, on the path without its query.
//!
//! Servers that are less strict may read a path otherwise: [`readings`] says how.
//!
//! Deliberately absent: queries, fragments and forms of targets that are no path.

mod loose;

use std::borrow::Cow;

pub(crate) use loose::readings;

/// A path that no server should be asked for: it contains an encoded NUL, or an encoded slash
/// where those are refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostilePath;

/// What a Module may ask for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PathRules {
    /// `merge_slashes`: `//` is `/`.
    pub merge_slashes: bool,
    /// `reject_requests_with_escaped_slashes`: `%2F` and `%5C` are refused.
    pub reject_escaped_slashes: bool,
}

/// The path as it is matched and sent on. Borrowed if it was in that form already.
///
/// Characters that need no encoding are decoded, `\` is a slash, dot segments are resolved and
/// stop at the root. Escapes of anything else stay as they came.
///
/// # Errors
///
/// When the path is a [`HostilePath`].
pub fn normalized(path: &str, rules: PathRules) -> Result<Cow<'_, str>, HostilePath> {
    if is_normal(path, rules) {
        return Ok(Cow::Borrowed(path));
    }
    let decoded = decoded(path, rules)?;
    let mut normal = without_dot_segments(&decoded);
    // Last, so that slashes that dot segments leave behind are merged too.
    if rules.merge_slashes {
        merge_slashes(&mut normal);
    }
    Ok(Cow::Owned(normal))
}

fn is_normal(path: &str, rules: PathRules) -> bool {
    let bytes = path.as_bytes();
    !bytes.iter().any(|byte| matches!(byte, b'%' | b'\\'))
        && !bytes
            .windows(2)
            .any(|pair| pair == b"/." || (rules.merge_slashes && pair == b"//"))
}

fn decoded(path: &str, rules: PathRules) -> Result<String, HostilePath> {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    // Where a `%` stands that begins no escape.
    let mut bare = None;
    while let Some(next) = rest.chars().next() {
        match (next, escaped(rest)) {
            ('%', Some(0)) => return Err(HostilePath),
            ('%', Some(b'/' | b'\\')) if rules.reject_escaped_slashes => return Err(HostilePath),
            ('%', Some(byte)) if is_unreserved(byte) => {
                out.push(char::from(byte));
                rest = rest.get(3..).unwrap_or_default();
                keep_bare(&mut out, bare);
                continue;
            }
            ('%', None) => {
                bare = Some(out.len());
                out.push('%');
            }
            ('\\', _) => out.push('/'),
            (other, _) => out.push(other),
        }
        rest = rest.get(next.len_utf8()..).unwrap_or_default();
        keep_bare(&mut out, bare);
    }
    Ok(out)
}

/// Sees to it that decoding makes no escape that was none: `%%30%30` is not `%00`. As in Envoy, the
/// `%` that would begin one is escaped itself.
fn keep_bare(out: &mut String, bare: Option<usize>) {
    let Some(bare) = bare else { return };
    let is_complete = out.len() == bare + 3;
    if is_complete && out.get(bare..).and_then(escaped).is_some() {
        out.insert_str(bare + 1, "25");
    }
}

/// The byte that `%XX` at the beginning of `text` stands for.
fn escaped(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('%')?.get(..2)?;
    let all_hex = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    all_hex
        .then(|| u8::from_str_radix(digits, 16).ok())
        .flatten()
}

/// RFC 3986 section 2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 section 5.2.4, with parameters of a dot segment (`..;x`) going with it.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let is_last = segments.peek().is_none();
        match segment.split(';').next() {
            Some(".") => {}
            Some("..") => drop(kept.pop()),
            _ => {
                kept.push(segment);
                continue;
            }
        }
        if is_last {
            // `/a/.` and `/a/b/..` name the directory.
            kept.push("");
        }
    }
    let mut out = String::with_capacity(path.len());
    for segment in kept {
        out.push('/');
        out.push_str(segment);
    }
    if out.is_empty() {
        out.push('/');
    }
    out
}

fn merge_slashes(path: &mut String) {
    let mut after_slash = false;
    path.retain(|c| {
        let repeated = after_slash && c == '/';
        after_slash = c == '/';
        !repeated
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(path: &str) -> String {
        normalized(path, PathRules::default()).unwrap().into_owned()
    }

    #[test]
    fn an_ordinary_path_is_not_copied() {
        for path in ["/", "/a/b", "/a//b", "/a.b/c.", "/a;x=1", "/é"] {
            assert!(
                matches!(normalized(path, PathRules::default()), Ok(Cow::Borrowed(same)) if same == path),
                "{path}"
            );
        }
    }

    #[test]
    fn dot_segments_are_resolved_and_stop_at_the_root() {
        for (path, expected) in [
            ("/a/../b", "/b"),
            ("/a/..", "/"),
            ("/a/.", "/a/"),
            ("/a/./b", "/a/b"),
            ("/../../a", "/a"),
            ("/a//../b", "/a/b"),
            ("//../a/b", "/a/b"),
            ("/a;x/..;y/b", "/b"),
            ("/...", "/..."),
            ("/..b/.c", "/..b/.c"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
        }
    }

    #[test]
    fn encoded_dots_and_backslashes_get_around_nothing() {
        for (path, expected) in [
            ("/a/%2e%2E/b", "/b"),
            ("/a/\\..\\..\\b", "/b"),
            ("/a/%2e%2e%2fb", "/a/..%2fb"),
            ("/%68ttpbin/a", "/httpbin/a"),
            ("/%7E%41%5F%2D", "/~A_-"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
        }
    }

    #[test]
    fn decoding_makes_no_new_escapes() {
        for (path, expected) in [
            ("/%%30%30", "/%2500"),
            ("/%%300", "/%2500"),
            ("/%4%31", "/%2541"),
            ("/%%32e%%32e/a", "/%252e%252e/a"),
            ("/%%41", "/%A"),
            ("/%zz%41", "/%zzA"),
        ] {
            assert_eq!(normal(path), expected, "{path}");
            assert_eq!(normal(expected), expected, "{path}");
        }
    }

    #[test]
    fn other_escapes_stay_and_nothing_is_decoded_twice() {
        for path in [
            "/%2F%2f%5c%20",
            "/%3F%23%3B",
            "/%C3%A9%e9%0a",
            "/%zz%0",
            "/a%",
        ] {
            assert_eq!(normal(path), path);
        }
        assert_eq!(normal("/%25%32%65"), "/%252e");
    }

    #[test]
    fn an_encoded_nul_is_refused() {
        assert_eq!(normalized("/a%00b", PathRules::default()), Err(HostilePath));
    }

    const MERGING: PathRules = PathRules {
        merge_slashes: true,
        reject_escaped_slashes: false,
    };

    const REJECTING: PathRules = PathRules {
        merge_slashes: false,
        reject_escaped_slashes: true,
    };

    #[test]
    fn slashes_are_merged_where_that_is_asked_for() {
        for (path, expected) in [
            ("//", "/"),
            ("//a///b//", "/a/b/"),
            ("/a//../b", "/a/b"),
            ("/a/b/..//c", "/a/c"),
            ("/a\\\\b", "/a/b"),
            ("/%2f//a", "/%2f/a"),
            ("/a/b", "/a/b"),
        ] {
            assert_eq!(normalized(path, MERGING).unwrap(), expected, "{path}");
        }
        assert_eq!(normal("//a///b//"), "//a///b//");
    }

    #[test]
    fn encoded_slashes_are_refused_where_that_is_asked_for() {
        for path in ["/a%2Fb", "/a%2fb", "/%5C", "/a/%5c..", "/%41%2f"] {
            assert_eq!(normalized(path, REJECTING), Err(HostilePath), "{path}");
            assert!(normalized(path, PathRules::default()).is_ok(), "{path}");
        }
        for path in ["/a/b", "/a\\b", "/%252f", "/%2", "/a%2gf"] {
            assert!(normalized(path, REJECTING).is_ok(), "{path}");
        }
    }
}
