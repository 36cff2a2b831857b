//! Names of objects, resources and namespaces.
//!
//! Invariant: a name is short and printable, so it may stand in any log line, label or page.

use std::str::FromStr;

/// A name as Kubernetes bounds it. Wider in characters: Ambassador never checked them, and names
/// such as `httpbin_mapping` are everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(Box<str>);

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    pub(crate) fn into_text(self) -> Box<str> {
        self.0
    }
}

impl FromStr for Name {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, InvalidName> {
        if text.is_empty() {
            return Err(InvalidName::Empty);
        }
        if text.len() > LONGEST {
            return Err(InvalidName::Long);
        }
        if text.chars().any(char::is_control) {
            return Err(InvalidName::Unprintable);
        }
        Ok(Self(text.into()))
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidName {
    #[error("is empty")]
    Empty,
    #[error("is longer than {LONGEST} bytes")]
    Long,
    #[error("contains unprintable characters")]
    Unprintable,
}

/// DNS subdomain names, Kubernetes' longest.
const LONGEST: usize = 253;
