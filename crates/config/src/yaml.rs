//! YAML as a tree in which every node knows its line.
//!
//! Invariant: a tree is bounded in depth, in nodes and in text, aliases counted as if their text had
//! been written out; keys are text and unique.
//! Deliberately absent: the types of YAML's schemas. A scalar is its text as written, and whoever
//! expects a boolean or a number reads one from it, so that `host: 123` and `timeout_ms: "3000"`
//! mean what their authors meant.

mod broken;
mod documents;
mod keyed;
mod load;
mod scalar;
mod written;

use std::borrow::Cow;

pub(crate) use documents::{Document, documents, normalised};
pub(crate) use load::{Limits, load};
pub(crate) use written::written;

/// A value and the line it begins at: for a literal block scalar, the first line of its text.
#[derive(Clone, Debug)]
pub(crate) struct Node<'a> {
    pub(crate) line: u32,
    pub(crate) value: Value<'a>,
}

#[derive(Clone, Debug)]
pub(crate) enum Value<'a> {
    Scalar(Scalar<'a>),
    Sequence(Vec<Node<'a>>),
    Mapping(Vec<Entry<'a>>),
}

#[derive(Clone, Debug)]
pub(crate) struct Scalar<'a> {
    pub(crate) text: Cow<'a, str>,
    pub(crate) style: Style,
}

/// How a scalar was written, as far as that carries meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: may also be null, a boolean or a number.
    Plain,
    /// In quotes, folded, or tagged: text.
    Quoted,
    /// A literal block (`|`): text whose lines are the file's lines.
    Literal,
}

/// One key of a mapping; the line is the key's.
#[derive(Clone, Debug)]
pub(crate) struct Entry<'a> {
    pub(crate) key: Cow<'a, str>,
    pub(crate) line: u32,
    pub(crate) value: Node<'a>,
}

impl<'a> Node<'a> {
    /// The entries of a mapping.
    pub(crate) fn entries(&self) -> Option<&[Entry<'a>]> {
        match &self.value {
            Value::Mapping(entries) => Some(entries),
            Value::Scalar(_) | Value::Sequence(_) => None,
        }
    }

    /// The items of a list.
    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.value {
            Value::Sequence(items) => Some(items),
            Value::Scalar(_) | Value::Mapping(_) => None,
        }
    }

    /// Whether a text, list or mapping holds nothing.
    pub(crate) fn is_empty(&self) -> bool {
        match &self.value {
            Value::Scalar(scalar) => scalar.text.is_empty(),
            Value::Sequence(items) => items.is_empty(),
            Value::Mapping(entries) => entries.is_empty(),
        }
    }

    /// The value under a key of a mapping, unless it is null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        self.entries()
            .and_then(|entries| find(entries, key))
            .map(|entry| &entry.value)
    }
}

/// The entry with this key. As for Kubernetes, a key without a value is an absent key.
pub(crate) fn find<'n, 'a>(entries: &'n [Entry<'a>], key: &str) -> Option<&'n Entry<'a>> {
    entries
        .iter()
        .find(|entry| entry.key == key)
        .filter(|entry| !entry.value.is_null())
}
