//! What is asked.

use http::header::HOST;
use http::uri::{Authority, PathAndQuery, Uri};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use nuncio_config::UnderscoresAction;
use serde::{Deserialize, Serialize};

use crate::listening::without_port;
use crate::{ConnectionSettings, normalized};

/// A request that was never sent.
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) method: Method,
    pub(super) scheme: Box<str>,
    host: Box<str>,
    target: PathAndQuery,
    headers: HeaderMap,
}

/// The request as routing sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The method.
    pub method: String,
    /// `http` or `https`.
    pub scheme: String,
    /// The host with its port, if there is one.
    pub host: String,
    /// The path in its one spelling.
    pub path: String,
    /// The query, without its `?`.
    pub query: Option<String>,
}

/// Why a text is no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidQuestion {
    /// No method.
    #[error("the method is no token")]
    Method,
    /// Neither a URL nor a path.
    #[error("the URL is none; write http://host/path or /path")]
    Url,
    /// A header without a colon, or with characters that none can have.
    #[error("header {0} is none; write 'Name: value'")]
    Header(usize),
    /// Longer than any request the gateway would accept.
    #[error("the request is too large")]
    TooLarge,
}

/// More than a default gateway accepts in one head.
const MAX_BYTES: usize = 64 * 1024;
const MAX_HEADERS: usize = 100;

impl Question {
    /// Reads a method, a URL and headers as `Name: value`. The host is that of a header `Host`, else
    /// the URL's, else `localhost`.
    ///
    /// # Errors
    ///
    /// When these make no request.
    pub fn parse<'h>(
        method: &str,
        url: &str,
        headers: impl IntoIterator<Item = &'h str>,
    ) -> Result<Self, InvalidQuestion> {
        let mut left = MAX_BYTES;
        spend(&mut left, method)?;
        spend(&mut left, url)?;
        let method = Method::from_bytes(method.as_bytes()).map_err(|_| InvalidQuestion::Method)?;
        let mut fields = HeaderMap::new();
        for (nth, line) in headers.into_iter().enumerate() {
            spend(&mut left, line)?;
            if nth >= MAX_HEADERS {
                return Err(InvalidQuestion::TooLarge);
            }
            let (name, value) = header(line).ok_or(InvalidQuestion::Header(nth + 1))?;
            fields.append(name, value);
        }
        let uri = uri(url).ok_or(InvalidQuestion::Url)?;
        let named = fields.remove(HOST);
        let named = named.as_ref().and_then(|value| value.to_str().ok());
        let authority = uri.authority().map(Authority::as_str);
        let host = named.or(authority).unwrap_or("localhost");
        Ok(Self {
            method,
            scheme: uri.scheme_str().unwrap_or("http").into(),
            host: without_userinfo(host).into(),
            target: uri.path_and_query().cloned().ok_or(InvalidQuestion::Url)?,
            headers: fields,
        })
    }

    /// The request as the gateway reads it, and why it would not route it.
    pub(super) fn asked(&self, settings: &ConnectionSettings) -> (Asked, Option<String>) {
        let path = self.target.path();
        let (path, refused) = match normalized(path, settings.path) {
            Ok(normal) => (normal.into_owned(), None),
            Err(_) => (
                path.to_owned(),
                Some("the path has an escape that is refused"),
            ),
        };
        let refused = refused.or_else(|| {
            let is_ambiguous = self.headers.keys().any(has_underscore);
            let rejects = settings.underscores == UnderscoresAction::RejectRequest;
            (rejects && is_ambiguous).then_some("a header has an underscore in its name")
        });
        // Who asks for a port means the one the gateway listens on.
        let host = match settings.strip_matching_host_port {
            true => without_port(&self.host),
            false => &self.host,
        };
        let asked = Asked {
            method: self.method.to_string(),
            scheme: self.scheme.to_string(),
            host: host.to_owned(),
            path,
            query: self.target.query().map(str::to_owned),
        };
        (asked, refused.map(str::to_owned))
    }

    /// The headers as the gateway reads them.
    pub(super) fn headers(&self, settings: &ConnectionSettings) -> HeaderMap {
        let mut headers = self.headers.clone();
        if settings.underscores == UnderscoresAction::DropHeader {
            for name in self.headers.keys().filter(|name| has_underscore(name)) {
                headers.remove(name);
            }
        }
        headers
    }
}

fn spend(left: &mut usize, text: &str) -> Result<(), InvalidQuestion> {
    *left = left
        .checked_sub(text.len())
        .ok_or(InvalidQuestion::TooLarge)?;
    Ok(())
}

/// `http://host/path`, `host/path` or `/path`.
fn uri(text: &str) -> Option<Uri> {
    let is_known = |uri: &Uri| match uri.scheme_str() {
        Some(scheme) => matches!(scheme, "http" | "https"),
        None => uri.path().starts_with('/'),
    };
    let uri: Uri = match text.starts_with('/') || text.contains("://") {
        true => text.parse().ok()?,
        false => format!("http://{text}").parse().ok()?,
    };
    is_known(&uri).then_some(uri)
}

fn header(line: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = line.split_once(':')?;
    let name = HeaderName::from_bytes(name.trim().as_bytes()).ok()?;
    Some((name, HeaderValue::from_str(value.trim()).ok()?))
}

fn has_underscore(name: &HeaderName) -> bool {
    name.as_str().contains('_')
}

fn without_userinfo(authority: &str) -> &str {
    authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Settings;

    fn asked(url: &str, headers: &[&str]) -> Asked {
        let question = Question::parse("GET", url, headers.iter().copied()).unwrap();
        question.asked(&Settings::default().connections).0
    }

    #[test]
    fn urls_hosts_with_paths_and_paths_are_understood() {
        for (url, host, path) in [
            ("http://a.com:8080/b/c", "a.com:8080", "/b/c"),
            ("https://a.com", "a.com", "/"),
            ("a.com/b", "a.com", "/b"),
            ("a.com:81", "a.com:81", "/"),
            ("/b", "localhost", "/b"),
            ("http://me@a.com/", "a.com", "/"),
            ("http://[::1]:80/", "[::1]:80", "/"),
        ] {
            let asked = asked(url, &[]);
            assert_eq!((&*asked.host, &*asked.path), (host, path), "{url}");
        }
        assert_eq!(asked("/a?b=1", &["Host: x.org"]).host, "x.org");
        assert_eq!(asked("/a?b=1", &[]).query.as_deref(), Some("b=1"));
        assert_eq!(asked("/a/%2e%2e/b", &[]).path, "/b");
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let parse = |method, url, header| Question::parse(method, url, [header]).unwrap_err();
        assert_eq!(parse("G T", "/", "a: b"), InvalidQuestion::Method);
        assert_eq!(parse("GET", "ftp://a/", "a: b"), InvalidQuestion::Url);
        assert_eq!(parse("GET", "", "a: b"), InvalidQuestion::Url);
        assert_eq!(parse("GET", "http://a b/", "a: b"), InvalidQuestion::Url);
        assert_eq!(parse("GET", "/", "a"), InvalidQuestion::Header(1));
        assert_eq!(parse("GET", "/", "a: b\nc"), InvalidQuestion::Header(1));
        let long = "x".repeat(MAX_BYTES);
        assert_eq!(parse("GET", "/", &long), InvalidQuestion::TooLarge);
        let many = Question::parse("GET", "/", [("a: b"); MAX_HEADERS + 1]);
        assert_eq!(many.unwrap_err(), InvalidQuestion::TooLarge);
    }

    #[test]
    fn the_modules_rules_for_hosts_and_paths_hold() {
        let mut settings = Settings::default().connections;
        settings.strip_matching_host_port = true;
        let question = Question::parse("GET", "a.com:8080/%00", []).unwrap();
        let (asked, refused) = question.asked(&settings);
        assert_eq!(asked.host, "a.com");
        assert!(refused.is_some());
        assert_eq!(without_port("[::1]"), "[::1]");
    }

    #[test]
    fn the_modules_rule_for_underscores_holds() {
        let question = Question::parse("GET", "/", ["x_a: 1", "x-a: 2"]).unwrap();
        for (underscores, headers, is_refused) in [
            (UnderscoresAction::Allow, 2, false),
            (UnderscoresAction::DropHeader, 1, false),
            (UnderscoresAction::RejectRequest, 2, true),
        ] {
            let settings = ConnectionSettings {
                underscores,
                ..Settings::default().connections
            };
            assert_eq!(question.headers(&settings).len(), headers);
            assert_eq!(question.asked(&settings).1.is_some(), is_refused);
        }
    }
}
