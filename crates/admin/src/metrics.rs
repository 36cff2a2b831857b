//! A metrics page as an answer: which part of it, and in pieces, whatever its form.
//!
//! Parameters are Envoy's: `usedonly`, `filter` with a regular expression, and of
//! `histogram_buckets` the value `cumulative`.
//!
//! Invariant: of a page no more is held than a few pieces, and between two of them others have their
//! turn.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use nuncio_telemetry::{BadFilter, Filter, Page, Selection, Telemetry};
use tokio::sync::OwnedSemaphorePermit;

/// A page being sent.
pub(crate) struct Metrics {
    telemetry: Arc<Telemetry>,
    page: Page,
    encoder: Encoder,
    is_complete: bool,
    /// Given back when the page is sent or given up.
    _permit: Option<OwnedSemaphorePermit>,
}

enum Encoder {
    None,
    Gzip(Option<GzEncoder<Vec<u8>>>),
}

/// Pieces of less than this are sent together.
const LEAST: usize = 16 * 1024;

/// Which numbers `query` asks for.
pub(crate) fn selection(query: &str) -> Result<Selection, BadFilter> {
    let mut selection = Selection::default();
    // A plus stands for itself, as in Envoy: it is common in patterns.
    let query = query.replace('+', "%2B");
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "usedonly" => selection.used_only = true,
            "filter" if !value.is_empty() => selection.filter = Some(Filter::new(&value)?),
            "histogram_buckets" => selection.all_buckets = value == "cumulative",
            _ => {}
        }
    }
    Ok(selection)
}

impl Metrics {
    pub(crate) fn of(telemetry: &Arc<Telemetry>, page: Page) -> Self {
        Self {
            page,
            telemetry: Arc::clone(telemetry),
            encoder: Encoder::None,
            is_complete: false,
            _permit: None,
        }
    }

    /// Keeps what allows this page until it is gone.
    pub(crate) fn holding(self, permit: Option<OwnedSemaphorePermit>) -> Self {
        Self {
            _permit: permit,
            ..self
        }
    }

    /// Compresses what is still to come. Quickly: a page shrinks to a twentieth all the same.
    pub(crate) fn gzip(&mut self) {
        let encoder = GzEncoder::new(Vec::new(), Compression::fast());
        self.encoder = Encoder::Gzip(Some(encoder));
    }

    /// The next piece; `None` after the last. `text` is room for it, empty before and after.
    pub(crate) async fn next(&mut self, text: &mut Vec<u8>) -> io::Result<Option<Bytes>> {
        while !self.is_complete {
            self.is_complete = !self.page.write(&self.telemetry, text);
            tokio::task::yield_now().await;
            if text.len() < LEAST && !self.is_complete {
                continue;
            }
            let piece = self.encoder.encode(text, self.is_complete)?;
            text.clear();
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
        Ok(None)
    }
}

impl Encoder {
    fn encode(&mut self, text: &[u8], is_last: bool) -> io::Result<Bytes> {
        let Self::Gzip(gzip) = self else {
            return Ok(Bytes::copy_from_slice(text));
        };
        let Some(encoder) = gzip else {
            return Ok(Bytes::new());
        };
        encoder.write_all(text)?;
        if is_last {
            let rest = gzip.take().map(GzEncoder::finish).transpose()?;
            return Ok(rest.unwrap_or_default().into());
        }
        let sent = encoder.get_mut();
        if sent.len() < LEAST {
            return Ok(Bytes::new());
        }
        let room = Vec::with_capacity(sent.capacity());
        Ok(mem::replace(sent, room).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_envoys() {
        let of = |query: &str| selection(query).map(|s| (s.used_only, s.filter.is_some()));
        assert_eq!(of(""), Ok((false, false)));
        assert_eq!(of("usedonly"), Ok((true, false)));
        assert_eq!(
            of("format=prometheus&usedonly&filter=a%7Cb"),
            Ok((true, true))
        );
        assert_eq!(of("filter="), Ok((false, false)));
        assert_eq!(of("filter=a+b"), Ok((false, true)));
        assert!(of("filter=(").is_err());
        assert!(of("filter=+").is_err(), "nothing to repeat");
    }
}
