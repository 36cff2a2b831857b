//! What each event moves: the events of a scenario are told, and the difference of our page is
//! compared with that of a real Envoy 1.40 (`fixtures/envoy_scenarios.txt`: all its counters of
//! connection manager, listener and cluster, but for families no board reads), or, where none was
//! recorded, with the measured table.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../exposition/mod.rs"]
mod exposition;

mod attempts;
mod breakers;
mod requests;
mod scene;
