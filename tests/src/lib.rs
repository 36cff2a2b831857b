//! Machinery of the system tests: what the gateway talks to, made small enough to be broken at
//! will, and probes that record what the gateway's parts do.
//!
//! Invariant: everything listens on loopback, on a port the system chose, and ends with its value.
//! Waiting is for a condition, with a deadline, never for time to pass.
//! Deliberately absent: the tests themselves.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test whose machinery fails has failed, and says where"
)]

pub mod acme;
pub mod calls;
pub mod certificates;
pub mod client;
pub mod collector;
pub mod control;
pub mod counters;
pub mod documents;
pub mod edge;
pub mod gateway;
pub mod kube_api;
pub mod load;
pub mod names;
pub mod pod;
pub mod recording;
pub mod replica;
pub mod scene;
pub mod tls;
pub mod upstream;
