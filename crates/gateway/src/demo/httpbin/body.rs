//! Bodies in and out: what is echoed is read up to a limit, what is not is thrown away as it comes,
//! and `/stream/N` is written line by line.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// A response's body.
#[derive(Debug)]
pub(super) enum Reply {
    /// All of it, once.
    Whole(Bytes),
    /// `{"id": n, ` followed by `rest`, for each n from `next` up to `end`.
    Lines { next: u32, end: u32, rest: Bytes },
}

/// More than [`ECHO_LIMIT`] came, or the client went away half-way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    TooLarge,
    Broken,
}

/// Reads a body that is to be echoed. One that is too large is read to its end all the same, so that
/// whoever sends it gets to see the answer.
pub(super) async fn read(mut body: Incoming) -> Result<Vec<u8>, Unread> {
    let mut bytes = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Unread::Broken)?.into_data() else {
            continue;
        };
        if bytes.len() + data.len() > ECHO_LIMIT {
            discard(body).await;
            return Err(Unread::TooLarge);
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

/// Reads a body to its end in constant memory, which leaves the connection fit for the next request.
pub(super) async fn discard(mut body: Incoming) {
    while let Some(Ok(_)) = body.frame().await {}
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.is_end_stream() {
            return Poll::Ready(None);
        }
        let data = match &mut *self {
            Self::Whole(bytes) => std::mem::take(bytes),
            Self::Lines { next, rest, .. } => {
                let line = [format!("{{\"id\": {next}, ").as_bytes(), rest].concat();
                *next += 1;
                line.into()
            }
        };
        Poll::Ready(Some(Ok(Frame::data(data))))
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Lines { next, end, .. } => next >= end,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Self::Lines { .. } => SizeHint::default(),
        }
    }
}

/// The largest request body that is echoed.
pub(super) const ECHO_LIMIT: usize = 1024 * 1024;
