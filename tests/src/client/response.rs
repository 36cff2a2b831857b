//! A response as a client got it.

use http::StatusCode;

/// A whole response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Fields in order, names as sent.
    pub fields: Vec<(String, String)>,
    /// The body without framing.
    pub body: Vec<u8>,
}

/// A response that did not come whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// The connection, or the stream, ended before a head.
    NoHead,
    /// It ended after the head and this much of the body.
    Body(Response),
}

impl Response {
    /// The value of a field that is there once at most.
    ///
    /// # Panics
    /// When it is there twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(n, _)| n == name);
        let value = values.next().map(|(_, value)| &**value);
        assert_eq!(values.next(), None, "{name} is there once");
        value
    }

    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Status and body as text.
    pub fn brief(&self) -> (u16, &str) {
        (self.status, self.text())
    }

    /// Whether a body can follow at all.
    pub(super) fn has_body(&self, method: &str) -> bool {
        let none = [StatusCode::NO_CONTENT, StatusCode::NOT_MODIFIED];
        method != "HEAD" && self.status >= 200 && none.iter().all(|s| *s != self.status)
    }
}
