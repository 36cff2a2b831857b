//! What may pass: strict readers of messages, bytes in, verdict out.
//!
//! Invariant: whatever passes has exactly one reading. What any two readers could take for different
//! things is a [`Fault`], however it was cut into pieces on its way.
//!
//! Deliberately absent: sockets, clocks, and meaning. What a request asks for is others' affair.
#![forbid(unsafe_code)]

mod alphabet;
mod authority;
mod chunked;
mod coding;
mod fault;
mod field;
mod frames;
mod lines;
mod request_line;
mod requests;
mod responses;
mod status_line;

pub use authority::is_authority;
pub use chunked::ChunkLimits;
pub use fault::Fault;
pub use frames::{FrameFault, FrameTerms, Frames};
pub use requests::{Head, HostConflict, Requests, Terms};
pub use responses::{Answer, AnswerTerms, Asked, Responses};
