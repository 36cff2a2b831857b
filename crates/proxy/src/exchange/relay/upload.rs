//! From the client to the upstream.

use bytes::Bytes;
use tokio::task::yield_now;

use super::Relay;
use crate::exchange::request::Request;

/// How far the request has come at the upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Upload {
    /// Of what the request keeps, so many bytes were sent.
    Open {
        kept_sent: usize,
    },
    Finished,
    /// The upstream takes no more; its answer may be there all the same.
    Refused,
}

/// What is sent at once of what was kept.
const PIECE: usize = 64 * 1024;

impl Upload {
    pub(super) fn of(request: &Request<'_>) -> Self {
        // A body that came empty has an end to be sent all the same: its head says chunks.
        match request.is_bodyless() {
            true => Self::Finished,
            false => Self::Open { kept_sent: 0 },
        }
    }
}

impl Relay<'_, '_, '_> {
    /// Whether the client is listened to: more of its body would have a place to go.
    pub(super) fn hears_client(&self) -> bool {
        !self.traffic.is_backed_up() && !self.is_behind()
    }

    /// Whether the next move is the client's.
    pub(super) fn awaits_client(&self) -> bool {
        self.request.end().is_none() && self.status.is_none() && self.hears_client()
    }

    /// Whether there is more to send before there is more to read.
    fn is_behind(&self) -> bool {
        match self.upload {
            Upload::Open { kept_sent } => !self.request.kept(kept_sent).is_empty(),
            Upload::Finished | Upload::Refused => false,
        }
    }

    /// Takes what the client sent: the next piece of the body, or its end.
    pub(super) async fn take(&mut self, body: Option<Bytes>) {
        let was_kept = self.request.can_be_sent_again();
        let unkept = self.request.took(body);
        if was_kept && self.request.is_too_large() {
            self.give_up_retries();
        }
        if self.request.outruns_shadow() {
            // It shares the thread: a fast client would leave it no chance.
            yield_now().await;
        }
        if let (Some(bytes), Upload::Open { .. }) = (unkept, self.upload) {
            self.send(&bytes).await;
        }
    }

    /// Sends what the request keeps and this attempt has not sent, and the end, as far as the
    /// upstream takes it.
    pub(super) async fn send_kept(&mut self) {
        while let Upload::Open { kept_sent } = self.upload
            && !self.traffic.is_backed_up()
        {
            let kept = self.request.kept(kept_sent);
            if kept.is_empty() {
                return self.caught_up_with_client().await;
            }
            let piece = Bytes::copy_from_slice(kept.get(..PIECE).unwrap_or(kept));
            self.upload = Upload::Open {
                kept_sent: kept_sent + piece.len(),
            };
            self.send(&piece).await;
        }
    }

    async fn caught_up_with_client(&mut self) {
        self.forget_kept();
        if self.request.end().is_some() {
            self.upload = match self.upstream.finish_body().await {
                Ok(_) => Upload::Finished,
                Err(_) => Upload::Refused,
            };
        }
    }

    /// Lets go of what was sent: once the client has seen an answer there is no other attempt.
    pub(super) fn forget_kept(&mut self) {
        if self.status.is_some() && !self.is_behind() {
            self.request.forget();
        }
    }

    async fn send(&mut self, piece: &Bytes) {
        if self.upstream.write_body(piece).await.is_err() {
            self.upload = Upload::Refused;
        }
    }

    fn give_up_retries(&mut self) {
        if let Some(retries) = self.rules.retries.take() {
            retries.abandon();
        }
    }
}
