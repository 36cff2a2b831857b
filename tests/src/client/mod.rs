//! Clients that say exactly what they are told to, and tell exactly what they got.

pub mod frame_cases;
pub mod frames;
mod http1;
mod http2;
mod reader;
mod response;

use std::time::Duration;

pub use http1::Client;
pub use http2::{Client2, Rejected};
pub use response::{Broken, Response};

/// Longer than any test waits on a machine that is busy building.
const DEADLINE: Duration = Duration::from_secs(60);
