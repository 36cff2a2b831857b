//! What TLS is made of: certificates, keys, authorities and lists of what was revoked become
//! configurations of rustls, by the rules that a Snapshot states.
//!
//! Invariant: nothing is trusted that was named and is not there, and no text that this crate makes
//! (errors, `Debug`) holds key material.
//! Deliberately absent: sockets, files, Secrets, async, and which configuration a connection gets.

mod authorities;
mod client;
mod demanded;
mod facts;
mod identity;
mod key;
mod material;
mod peer;
mod pem;
mod revocations;
mod self_signed;
mod server;
mod sessions;
mod signatures;
mod subject;
mod terms;
mod ticketer;
mod tickets;
mod trust;
mod unusable;

pub use authorities::Authorities;
pub use client::{client_config, server_name};
pub use demanded::Demanded;
pub use facts::Facts;
pub use identity::Identity;
pub use material::{Material, Needed};
pub use peer::Peer;
pub use pem::pkcs8;
pub use revocations::Revocations;
pub use server::{server_config, without_alpn};
pub use tickets::Tickets;
pub use unusable::Unusable;
