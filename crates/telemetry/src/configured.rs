//! What a page says of the configuration that runs, and that nobody counts.
//!
//! Invariant: asked when a page is made, and never for a request.

use std::fmt;

/// Knows the configuration that runs.
pub trait Configured: Send + Sync + fmt::Debug {
    /// How many Mappings there are, more or less.
    fn mappings(&self) -> usize;

    /// Tells of each Mapping that shares its requests with others, in any order.
    fn weights(&self, tell: &mut dyn FnMut(Weight<'_>));
}

/// The share of one Mapping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Weight<'a> {
    /// Where the Mapping is.
    pub namespace: &'a str,
    /// What it is called.
    pub name: &'a str,
    /// How many percent of its group's requests it is to have.
    pub percent: u8,
}
