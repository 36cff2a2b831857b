//! An answer before it is written.
//!
//! Invariant: a reply that knows its whole body announces its length; metrics pages do not know
//! theirs.

use bytes::Bytes;
use http::header::{self, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};

use crate::metrics::Metrics;

/// Status, headers and body.
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Body,
}

/// What is shown.
pub(crate) enum Body {
    Whole(Bytes),
    Metrics(Box<Metrics>),
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(Bytes::new())
    }
}

impl Reply {
    pub(crate) fn new(status: StatusCode, media_type: &'static str, body: Bytes) -> Self {
        let mut headers = HeaderMap::with_capacity(6);
        headers.insert(header::CONTENT_LENGTH, body.len().into());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
        Self {
            status,
            headers,
            body: Body::Whole(body),
        }
    }

    /// A metrics page, as large as it turns out to be.
    pub(crate) fn metrics(media_type: &'static str, metrics: Metrics) -> Self {
        let mut reply = Self::new(StatusCode::OK, media_type, Bytes::new());
        reply.headers.remove(header::CONTENT_LENGTH);
        reply.body = Body::Metrics(Box::new(metrics));
        reply.with(header::VARY, HeaderValue::from_static("Accept-Encoding"))
    }

    /// What was wrong with the request, in one line.
    pub(crate) fn refused(why: &str) -> Self {
        let body = Bytes::from(format!("{why}\n"));
        Self::new(StatusCode::BAD_REQUEST, TEXT, body)
    }

    pub(crate) fn text(status: StatusCode, text: &'static str) -> Self {
        Self::new(status, TEXT, Bytes::from_static(text.as_bytes()))
    }

    /// A page for browsers, which may load nothing, run nothing and be framed by nobody: it shows
    /// text that strangers wrote.
    pub(crate) fn html(body: Bytes) -> Self {
        const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                              form-action 'none'; frame-ancestors 'none'";
        Self::new(StatusCode::OK, HTML, body).with(
            header::CONTENT_SECURITY_POLICY,
            HeaderValue::from_static(POLICY),
        )
    }

    /// The body, when it is known.
    #[cfg(test)]
    pub(crate) fn whole(&self) -> &[u8] {
        match &self.body {
            Body::Whole(body) => body,
            Body::Metrics(_) => panic!("a page in pieces"),
        }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// Prometheus 3 refuses a page without a version (Envoy sends none).
pub(crate) const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(crate) const PROTOBUF: &str = "application/vnd.google.protobuf; \
                                   proto=io.prometheus.client.MetricFamily; encoding=delimited";
pub(crate) const JSON: &str = "application/json";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain";
