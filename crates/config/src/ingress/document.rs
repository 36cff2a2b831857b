//! Documents as they could be written by hand, every key in one line.

use std::borrow::Cow;

use crate::yaml::{Entry, Node, Scalar, Style, Value};

/// Makes the parts of a document that stand in a line.
#[derive(Clone, Copy)]
pub(super) struct At(pub(super) u32);

impl At {
    /// A key with a text, whatever it looks like.
    pub(super) fn text<'e>(self, key: &'e str, text: &'e str) -> Entry<'e> {
        let scalar = Scalar {
            text: Cow::Borrowed(text),
            style: Style::Quoted,
        };
        self.entry(key, Value::Scalar(scalar))
    }

    /// A key with a mapping.
    pub(super) fn mapping<'e>(self, key: &'e str, entries: Vec<Entry<'e>>) -> Entry<'e> {
        self.entry(key, Value::Mapping(entries))
    }

    /// The document of these keys.
    pub(super) fn document(self, entries: Vec<Entry<'_>>) -> Node<'_> {
        Node {
            line: self.0,
            value: Value::Mapping(entries),
        }
    }

    fn entry<'e>(self, key: &'e str, value: Value<'e>) -> Entry<'e> {
        Entry {
            key: Cow::Borrowed(key),
            line: self.0,
            value: Node {
                line: self.0,
                value,
            },
        }
    }
}
