//! Headers that are added and removed.

use http::HeaderName;

use crate::{Format, Usual};

/// One of `add_request_headers` or `add_response_headers`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct HeaderAddition {
    /// The header.
    pub name: HeaderName,
    /// Its value; nothing is added when it comes out empty because of an operator.
    pub value: Format,
    /// Whether it goes beside what is there (the default) or replaces it.
    pub append: bool,
}

/// What is done to the headers of one direction: removals first. `None` = nothing was written, so
/// the Module's defaults hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderOptions {
    /// `remove_*_headers`
    pub remove: Option<Box<[HeaderName]>>,
    /// `add_*_headers`, in the order written.
    pub add: Option<Box<[HeaderAddition]>>,
}

impl Usual for HeaderOptions {
    const USUAL: &'static Self = &Self {
        remove: None,
        add: None,
    };
}
