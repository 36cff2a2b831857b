//! The rules by which Ambassador routes, one test each, and a model of them for random tables.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "what these lints allow in tests they do not allow in the functions tests share"
)]

mod attributes;
mod changes;
mod clusters;
mod contexts;
mod demands;
mod edge;
mod everything;
mod explain;
mod groups;
mod hosts;
mod listeners;
mod model;
mod oracle;
mod order;
mod prefixes;
mod probes;
mod random;
mod redirects;
mod refusals;
mod requests;
mod resolvers;
mod resources;
mod selectors;
mod settings;
mod shadows;
mod shares;
mod tcp_mappings;
mod tenancy;
mod tracing;
mod written;
