//! Which Mappings belong to a Host by their labels.
//!
//! Deliberately absent: hostnames, which are compared with those of requests.

use nuncio_config::Selector;

/// The Mappings of a Host, as far as labels decide.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum MappingSelector {
    /// All, but for those without a hostname that another Host selects.
    #[default]
    Any,
    /// Those whose labels it selects.
    Labelled(Selector),
    /// None: the Host is not right, and nobody is to be served in its place.
    Nothing,
}
