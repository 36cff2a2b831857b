//! The first line of a request.

use std::ops::Range;

use crate::Fault;
use crate::alphabet::{is_all_token, is_target_byte};
use crate::authority;

/// What the line says that how the rest is read depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestLine {
    pub(crate) version: Version,
    /// Where in the line the authority of an absolute form stands.
    pub(crate) authority: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    Http10,
    Http11,
}

impl RequestLine {
    /// Reads the line without its end, of which [`crate::lines::end`] found that it is all text.
    ///
    /// # Errors
    ///
    /// When it is no request line (RFC 9112 section 3), or its target has more than `max_url` bytes.
    pub(crate) fn read(line: &[u8], max_url: Option<usize>) -> Result<Self, Fault> {
        let mut parts = line.splitn(3, |byte| *byte == b' ');
        let (Some(method), Some(target), Some(version)) =
            (parts.next(), parts.next(), parts.next())
        else {
            return Err(Fault::RequestLine);
        };
        if !is_all_token(method) {
            return Err(Fault::Method);
        }
        if target.is_empty() {
            return Err(Fault::RequestLine);
        }
        let version = Version::read(version)?;
        if max_url.is_some_and(|max| target.len() > max) {
            return Err(Fault::UrlTooLong);
        }
        if !target.iter().all(|byte| is_target_byte(*byte)) {
            return Err(Fault::Target);
        }
        let authority = authority_of(method, target)?.map(|range| {
            let target_at = method.len() + 1;
            range.start + target_at..range.end + target_at
        });
        Ok(Self { version, authority })
    }
}

impl Version {
    fn read(text: &[u8]) -> Result<Self, Fault> {
        match text {
            b"HTTP/1.1" => Ok(Self::Http11),
            b"HTTP/1.0" => Ok(Self::Http10),
            [b'H', b'T', b'T', b'P', b'/', major, b'.', minor]
                if major.is_ascii_digit() && minor.is_ascii_digit() =>
            {
                Err(Fault::VersionUnknown)
            }
            _ => Err(Fault::Version),
        }
    }
}

/// Where in the target its authority stands, if it is an absolute form (RFC 9112 section 3.2.2).
///
/// # Errors
///
/// When the target has none of the forms that there are for the method.
fn authority_of(method: &[u8], target: &[u8]) -> Result<Option<Range<usize>>, Fault> {
    match (method, target) {
        // Nobody is served that way; what it says does not matter.
        (b"CONNECT", _) | (_, [b'/', ..]) | (b"OPTIONS", b"*") => Ok(None),
        (_, target) => absolute(target).map(Some),
    }
}

fn absolute(target: &[u8]) -> Result<Range<usize>, Fault> {
    let begins = |scheme: &[u8]| {
        let start = target.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    let start = match () {
        () if begins(b"http://") => 7,
        () if begins(b"https://") => 8,
        () => return Err(Fault::TargetForm),
    };
    let rest = target.get(start..).unwrap_or_default();
    let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
    let len = len.unwrap_or(rest.len());
    authority::check(rest.get(..len).unwrap_or_default())?;
    Ok(start..start + len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Result<RequestLine, Fault> {
        RequestLine::read(line.as_bytes(), Some(100))
    }

    #[test]
    fn targets_have_four_forms() {
        for line in [
            "GET / HTTP/1.1",
            "GET /a?b=%20&c HTTP/1.1",
            "GET //a HTTP/1.0",
            "OPTIONS * HTTP/1.1",
            "CONNECT a:443 HTTP/1.1",
            "M-SEARCH /\\a\"{|} HTTP/1.1",
        ] {
            assert_eq!(read(line).unwrap().authority, None, "{line}");
        }
        for (line, authority) in [
            ("GET http://a.example/b HTTP/1.1", "a.example"),
            ("GET HTTPS://a:1 HTTP/1.1", "a:1"),
            ("OPTIONS http://a?b HTTP/1.1", "a"),
        ] {
            assert_eq!(&line[read(line).unwrap().authority.unwrap()], authority);
        }
    }

    #[test]
    fn what_is_no_request_line_is_told_apart() {
        for (line, fault) in [
            ("", Fault::RequestLine),
            ("GET", Fault::RequestLine),
            ("GET /", Fault::RequestLine),
            ("GET  / HTTP/1.1", Fault::RequestLine),
            ("GET  HTTP/1.1", Fault::RequestLine),
            (" GET / HTTP/1.1", Fault::Method),
            ("G(T / HTTP/1.1", Fault::Method),
            ("GET\t/ HTTP/1.1", Fault::RequestLine),
            ("GET / HTTP/1.1 ", Fault::Version),
            ("GET /a b HTTP/1.1", Fault::Version),
            ("GET / HTTP/1.1 x", Fault::Version),
            ("GET / http/1.1", Fault::Version),
            ("GET / HTTP/1.10", Fault::Version),
            ("GET / HTTP/01.1", Fault::Version),
            ("GET / HTTP/1", Fault::Version),
            ("GET / HTTP/2.0", Fault::VersionUnknown),
            ("GET / HTTP/0.9", Fault::VersionUnknown),
            ("GET /a#b HTTP/1.1", Fault::Target),
            ("GET /\u{e9} HTTP/1.1", Fault::Target),
            ("GET /a\tb HTTP/1.1", Fault::Target),
            ("GET * HTTP/1.1", Fault::TargetForm),
            ("GET a HTTP/1.1", Fault::TargetForm),
            ("GET a.example:80 HTTP/1.1", Fault::TargetForm),
            ("GET ftp://a/ HTTP/1.1", Fault::TargetForm),
            ("GET http:/a/ HTTP/1.1", Fault::TargetForm),
            ("GET http:///a HTTP/1.1", Fault::HostInvalid),
            ("GET http://a\\b/ HTTP/1.1", Fault::HostInvalid),
            ("GET http://a@b/ HTTP/1.1", Fault::Userinfo),
        ] {
            assert_eq!(read(line), Err(fault), "{line:?}");
        }
    }

    #[test]
    fn a_target_may_have_so_many_bytes() {
        let line = |n: usize| format!("GET /{} HTTP/1.1", "a".repeat(n - 1));
        assert!(read(&line(100)).is_ok());
        assert_eq!(read(&line(101)), Err(Fault::UrlTooLong));
        assert!(RequestLine::read(line(101).as_bytes(), None).is_ok());
    }
}
