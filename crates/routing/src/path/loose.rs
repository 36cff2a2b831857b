//! How servers read a path that are less strict than we are.
//!
//! Invariant: a path with nothing in it that servers differ about has no other reading, and to find that
//! out allocates nothing.
//!
//! Deliberately absent: letter case, and names of files such as `a.` for `a`.

use super::{merge_slashes, without_dot_segments};

/// What some servers do and others do not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Manner {
    /// Escapes are decoded, also what comes of that, and `\` is a slash.
    decodes: bool,
    /// `;x` at the end of a segment is no part of its name.
    drops_parameters: bool,
    /// `//` is `/`.
    merges_slashes: bool,
}

/// Escapes of escapes of escapes are decoded, and no more.
const ROUNDS: usize = 3;

/// What the path, which is normalised, is for servers of other manners; each reading that differs from the
/// path, some perhaps twice.
pub(crate) fn readings(path: &str) -> impl Iterator<Item = String> {
    let is_odd =
        path.contains("//") || path.bytes().any(|byte| matches!(byte, b'%' | b';' | b'\\'));
    let manners = if is_odd { 1..8_u8 } else { 0..0 };
    manners
        .map(|bits| Manner {
            decodes: bits & 1 > 0,
            drops_parameters: bits & 2 > 0,
            merges_slashes: bits & 4 > 0,
        })
        .map(|manner| manner.read(path))
        .filter(move |reading| reading != path)
}

impl Manner {
    fn read(self, path: &str) -> String {
        let mut reading = match self.decodes {
            true => decoded(path),
            false => path.to_owned(),
        };
        if self.drops_parameters {
            reading = without_parameters(&reading);
        }
        // Before dot segments are: `/a//../b` is `/b` for who sees one slash.
        if self.merges_slashes {
            merge_slashes(&mut reading);
        }
        without_dot_segments(&reading)
    }
}

fn decoded(path: &str) -> String {
    let mut text = path.to_owned();
    for _ in 0..ROUNDS {
        let next = decoded_once(&text);
        if next == text {
            break;
        }
        text = next;
    }
    text.replace('\\', "/")
}

/// Bytes that end a path, that are no text, or that no URI has, stay encoded: nobody routes by them.
fn decoded_once(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    let mut rest = path;
    while let Some(at) = rest.find('%') {
        let (before, escape) = rest.split_at(at);
        out.push_str(before);
        let byte = super::escaped(escape).filter(|byte| byte.is_ascii_graphic());
        match byte.filter(|byte| !matches!(byte, b'?' | b'#')) {
            Some(byte) => {
                out.push(char::from(byte));
                rest = escape.get(3..).unwrap_or_default();
            }
            None => {
                out.push('%');
                rest = escape.get(1..).unwrap_or_default();
            }
        }
    }
    out.push_str(rest);
    out
}

fn without_parameters(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for (nth, segment) in path.split('/').enumerate() {
        if nth > 0 {
            out.push('/');
        }
        out.push_str(segment.split(';').next().unwrap_or_default());
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has(path: &str, reading: &str) -> bool {
        readings(path).any(|it| it == reading)
    }

    #[test]
    fn what_nobody_differs_about_has_one_reading() {
        for path in ["/", "/a/b.c/", "/a..b/~x/-_", "/a,b=c&d", "/a/é"] {
            assert_eq!(readings(path).next(), None, "{path}");
        }
    }

    #[test]
    fn slashes_are_slashes_however_they_are_spelled() {
        for path in [
            "//private/a",
            "/%2fprivate/a",
            "/%5Cprivate/a",
            "/%252Fprivate/a",
            "/public/..%2fprivate/a",
            "/public/%2e%2e%5cprivate/a",
            "/public/%252e%252e/private/a",
        ] {
            assert!(has(path, "/private/a"), "{path}");
        }
    }

    #[test]
    fn parameters_are_part_of_a_name_or_not() {
        for path in [
            "/private;x/a",
            "/public/..;/private/a",
            "/public/..%3bx/private/a",
            "/;/private/a",
            "/private%3b/a",
        ] {
            assert!(has(path, "/private/a"), "{path}");
        }
    }

    #[test]
    fn a_segment_of_nothing_counts_or_not() {
        assert!(has("/a//../private", "/private"));
        assert!(has("/a/b;//../../private", "/private"));
    }

    #[test]
    fn what_is_encoded_for_good_stays() {
        for path in ["/a%3fb", "/a%23b", "/a%20b", "/%e9", "/a%0ab"] {
            assert_eq!(readings(path).next(), None, "{path}");
        }
        assert!(!has("/a%25zz", "/azz"));
    }
}
