//! Compresses responses, as Envoy's gzip filter does.
//!
//! Invariant: what a client reads after decoding is what the upstream sent, as early as it sent it:
//! every piece is flushed, and nothing is held back.
//!
//! Deliberately absent: other codings, and answers of the gateway itself, which are short. Unlike
//! Envoy, which takes a strong `etag` away, a compressed answer keeps its tag as a weak one (RFC 9110
//! section 8.8.3); and parts of a representation (`content-range`) are left alone.

mod acceptance;

use bytes::Bytes;
use flate2::{Compress, Compression, FlushCompress, Status};
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE,
    ETAG, HeaderMap, HeaderValue, TRANSFER_ENCODING, VARY,
};
use http::{Method, StatusCode, Version};
use nuncio_config::Gzip;
use pingora_core::protocols::http::HttpTask;
use pingora_http::{RequestHeader, ResponseHeader};

/// One response on its way.
#[derive(Debug)]
pub(super) struct Encoder(Compress);

/// Envoy's default: a small window, since there is one for every response under way.
const WINDOW_BITS: u8 = 12;

/// `min_content_length` unless the Module says otherwise.
const MIN_CONTENT_LENGTH: u64 = 30;

/// The media types that Envoy compresses unless told otherwise.
const CONTENT_TYPES: [&str; 18] = [
    "text/html",
    "text/plain",
    "text/css",
    "application/javascript",
    "application/x-javascript",
    "text/javascript",
    "text/x-javascript",
    "text/ecmascript",
    "text/js",
    "text/jscript",
    "text/x-js",
    "application/ecmascript",
    "application/x-json",
    "application/xml",
    "application/json",
    "image/svg+xml",
    "text/xml",
    "application/xhtml+xml",
];

impl Encoder {
    /// Decides, and rewrites the response's head for the client accordingly. `None`: it is sent as
    /// it is.
    pub(super) fn begin(
        options: &Gzip,
        request: &RequestHeader,
        response: &mut ResponseHeader,
    ) -> Option<Self> {
        if !has_body(request, response.status) || !is_compressible(options, &response.headers) {
            return None;
        }
        // Caches keep the other form apart also when this client does not get it.
        add_vary(response);
        if !acceptance::accepts_gzip(&request.headers) {
            return None;
        }
        rewrite(response, request.version);
        let level = options.compression_level.unwrap_or(6).clamp(1, 9);
        Some(Self(Compress::new_gzip(
            Compression::new(level),
            WINDOW_BITS,
        )))
    }

    /// What is sent instead of `task`.
    pub(super) fn encode(&mut self, task: HttpTask) -> Vec<HttpTask> {
        match task {
            HttpTask::Body(Some(piece), false) if piece.is_empty() => Vec::new(),
            HttpTask::Body(Some(piece), false) => {
                vec![HttpTask::Body(
                    Some(self.compress(&piece, FlushCompress::Sync)),
                    false,
                )]
            }
            HttpTask::Body(piece, true) => {
                let last = self.compress(&piece.unwrap_or_default(), FlushCompress::Finish);
                vec![HttpTask::Body(Some(last), true)]
            }
            HttpTask::Done => {
                let last = self.compress(&[], FlushCompress::Finish);
                vec![HttpTask::Body(Some(last), true)]
            }
            HttpTask::Trailer(trailers) => {
                let last = self.compress(&[], FlushCompress::Finish);
                vec![
                    HttpTask::Body(Some(last), false),
                    HttpTask::Trailer(trailers),
                ]
            }
            HttpTask::Header(head, true) => {
                let last = self.compress(&[], FlushCompress::Finish);
                vec![
                    HttpTask::Header(head, false),
                    HttpTask::Body(Some(last), true),
                ]
            }
            task @ (HttpTask::Header(_, false)
            | HttpTask::Body(None, false)
            | HttpTask::UpgradedBody(..)
            | HttpTask::Failed(_)) => vec![task],
        }
    }

    fn compress(&mut self, piece: &[u8], flush: FlushCompress) -> Bytes {
        let mut out = Vec::with_capacity(piece.len() / 2 + ROOM);
        let before = self.0.total_in();
        loop {
            let taken = usize::try_from(self.0.total_in() - before).unwrap_or(usize::MAX);
            let rest = piece.get(taken..).unwrap_or_default();
            let status = self.0.compress_vec(rest, &mut out, flush);
            // Room that is left says that everything was taken and flushed.
            let is_done = out.len() < out.capacity();
            match status {
                Ok(Status::Ok) if !is_done => out.reserve(piece.len() / 2 + ROOM),
                Ok(Status::Ok | Status::BufError | Status::StreamEnd) | Err(_) => {
                    return out.into();
                }
            }
        }
    }
}

/// For the marks of a flush and the end of a stream.
const ROOM: usize = 256;

fn has_body(request: &RequestHeader, status: StatusCode) -> bool {
    request.method != Method::HEAD
        && request.version != Version::HTTP_10
        && !status.is_informational()
        && !matches!(
            status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT
        )
}

fn is_compressible(options: &Gzip, headers: &HeaderMap) -> bool {
    let is_finished = [CONTENT_ENCODING, CONTENT_RANGE]
        .iter()
        .any(|name| headers.contains_key(name));
    let is_tagged = options.disable_on_etag_header && headers.contains_key(ETAG);
    !is_finished
        && !is_tagged
        && !forbids_transformation(headers)
        && is_large_enough(options, headers)
        && is_of_a_type(options, headers)
}

/// A body of unknown length is taken for large.
fn is_large_enough(options: &Gzip, headers: &HeaderMap) -> bool {
    let least = options.min_content_length.unwrap_or(MIN_CONTENT_LENGTH);
    headers.get(CONTENT_LENGTH).is_none_or(|length| {
        let length = length.to_str().ok().and_then(|text| text.parse().ok());
        length.is_some_and(|length: u64| length >= least)
    })
}

/// An answer that does not say what it is may be anything, also for Envoy.
fn is_of_a_type(options: &Gzip, headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return true;
    };
    let value = value.as_bytes();
    let end = value
        .iter()
        .position(|&byte| byte == b';')
        .unwrap_or(value.len());
    let written = value.get(..end).unwrap_or_default().trim_ascii();
    let is = |name: &str| written.eq_ignore_ascii_case(name.as_bytes());
    match &options.content_type {
        Some(names) => names.iter().any(|name| is(name)),
        None => CONTENT_TYPES.into_iter().any(is),
    }
}

/// RFC 9111 section 5.2.2.6.
fn forbids_transformation(headers: &HeaderMap) -> bool {
    let mut directives = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    directives.any(|directive| directive.trim_ascii().eq_ignore_ascii_case(b"no-transform"))
}

fn add_vary(response: &mut ResponseHeader) {
    let mut named = response
        .headers
        .get_all(VARY)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    let is_said = named.any(|name| {
        let name = name.trim_ascii();
        name == b"*" || name.eq_ignore_ascii_case(b"accept-encoding")
    });
    if !is_said {
        // A head that is full goes on without.
        drop(response.append_header(VARY, const { HeaderValue::from_static("Accept-Encoding") }));
    }
}

fn rewrite(response: &mut ResponseHeader, version: Version) {
    response.remove_header(&CONTENT_LENGTH);
    // A range of the compressed form is none that the upstream could serve.
    response.remove_header(&ACCEPT_RANGES);
    let set = |response: &mut ResponseHeader, name, value: &'static str| {
        // As many fields as were taken away, but for one.
        drop(response.insert_header(name, HeaderValue::from_static(value)));
    };
    set(response, CONTENT_ENCODING, "gzip");
    if version != Version::HTTP_2 {
        set(response, TRANSFER_ENCODING, "chunked");
    }
    weaken_etag(response);
}

fn weaken_etag(response: &mut ResponseHeader) {
    let Some(etag) = response.headers.get(ETAG) else {
        return;
    };
    if etag.as_bytes().starts_with(b"W/") {
        return;
    }
    let weak = HeaderValue::from_bytes(&[b"W/", etag.as_bytes()].concat());
    match weak {
        Ok(weak) => drop(response.insert_header(ETAG, weak)),
        Err(_) => drop(response.remove_header(&ETAG)),
    }
}

#[cfg(test)]
mod tests;
