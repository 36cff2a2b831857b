//! Cases of RFC 9113: frames, and what has to become of them.

use super::frames::{FrameClient, HEADERS, Told, WHOLE, block, frame, head};
use crate::gateway::{Gateway, mapping};
use crate::upstream::{Answer, Upstream};

/// RFC 9113 section 7.
pub const PROTOCOL_ERROR: u32 = 0x1;
/// RFC 9113 section 7.
pub const FLOW_CONTROL_ERROR: u32 = 0x3;
/// RFC 9113 section 7.
pub const STREAM_CLOSED: u32 = 0x5;
/// RFC 9113 section 7.
pub const FRAME_SIZE_ERROR: u32 = 0x6;
/// RFC 9113 section 7.
pub const REFUSED_STREAM: u32 = 0x7;
/// RFC 9113 section 7.
pub const COMPRESSION_ERROR: u32 = 0x9;

/// What has to become of what is sent.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// The end of the connection, with this error.
    Connection(u32),
    /// The end of stream 1 with this error, or of the connection (section 5.4.1).
    Stream(u32),
    /// The end of stream 1 alone.
    StreamAlone(u32),
    /// This status, on stream 1.
    Status(u16),
    /// Nothing, and the connection goes on.
    Ignored,
}
/// What is sent to a gateway of its own connection.
#[derive(Debug)]
pub struct Case {
    /// Of RFC 9113.
    section: &'static str,
    what: &'static str,
    frames: Vec<Vec<u8>>,
    outcome: Outcome,
}

/// Frames behind the preface and settings, of which something is said in a section of RFC 9113.
pub fn case(
    section: &'static str,
    what: &'static str,
    outcome: Outcome,
    frames: impl Into<Vec<Vec<u8>>>,
) -> Case {
    Case {
        section,
        what,
        frames: frames.into(),
        outcome,
    }
}

/// A gateway that waits for its upstream as long as that takes.
pub async fn edge() -> (Upstream, Gateway) {
    let upstream = Upstream::always(Answer::ok("hello")).await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "timeout_ms: 0"));
    (upstream, gateway)
}

/// Says what went wrong with a case.
async fn failed(gateway: &Gateway, case: &Case) -> Option<String> {
    let mut client = FrameClient::connect(gateway.address()).await;
    client.send(&case.frames.concat()).await;
    let wrong = |told: &Told| {
        let Case { section, what, .. } = case;
        Some(format!(
            "{section}, {what}: {told:?}, not {:?}",
            case.outcome
        ))
    };
    let told = match case.outcome {
        Outcome::Connection(_) => client.until(|told| matches!(told, Told::GoAway(_))).await,
        Outcome::Ignored => match client.is_served().await {
            true => return None,
            false => return wrong(&Told::Closed),
        },
        Outcome::Status(_) => client.until(is_answer_or_end).await,
        Outcome::Stream(_) | Outcome::StreamAlone(_) => client.until(is_end).await,
    };
    match (case.outcome, &told) {
        (Outcome::Connection(error) | Outcome::Stream(error), Told::GoAway(code))
            if *code == error =>
        {
            None
        }
        (Outcome::Stream(error) | Outcome::StreamAlone(error), Told::Reset(1, code))
            if *code == error =>
        {
            match client.is_served().await {
                true => None,
                false => wrong(&Told::Closed),
            }
        }
        (Outcome::Status(status), Told::Answer(1, got)) if *got == status => None,
        (_, told) => wrong(told),
    }
}

/// Whether it ends a stream or the connection.
pub fn is_end(told: &Told) -> bool {
    matches!(told, Told::GoAway(_) | Told::Reset(..))
}

fn is_answer_or_end(told: &Told) -> bool {
    is_end(told) || matches!(told, Told::Answer(..))
}

/// Sends each over a connection of its own.
///
/// # Panics
///
/// With all that went wrong.
pub async fn check(cases: Vec<Case>) {
    let (_upstream, gateway) = edge().await;
    let mut failures = Vec::new();
    for case in &cases {
        failures.extend(failed(&gateway, case).await);
    }
    assert!(failures.is_empty(), "{failures:#?}");
}

/// A request with more fields.
pub fn with<'a>(more: &[(&'a str, &'a str)]) -> Vec<u8> {
    let mut fields = head("GET", "/a/");
    fields.extend(more);
    frame(HEADERS, WHOLE, 1, &block(&fields))
}

/// A request with these fields alone.
pub fn request(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, WHOLE, 1, &block(fields))
}
