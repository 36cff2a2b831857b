//! A mapping while it is being read.
//!
//! Invariant: keys are text and unique. Go's and Python's YAML differ on duplicates (an error, or the
//! last one wins), so neither reading is safe and the document is refused.

use std::collections::HashMap;

use super::broken::Flaw;
use super::{Entry, Node, Scalar, Style, Value};

/// A mapping that has begun.
#[derive(Default)]
pub(super) struct Keyed<'a> {
    entries: Vec<Entry<'a>>,
    merged: Vec<Entry<'a>>,
    lines: HashMap<Box<str>, u32>,
    key: Option<Key<'a>>,
}

impl<'a> Keyed<'a> {
    pub(super) fn expects_key(&self) -> bool {
        self.key.is_none()
    }

    /// Takes a key, or the value of the last key.
    pub(super) fn push(&mut self, node: Node<'a>) -> Result<(), Flaw> {
        match self.key.take() {
            None => self.begin(node),
            Some(key) if key.is_merge() => self.merge(node),
            Some(Key { scalar, line }) => {
                self.entries.push(Entry {
                    key: scalar.text,
                    line,
                    value: node,
                });
                Ok(())
            }
        }
    }

    fn begin(&mut self, node: Node<'a>) -> Result<(), Flaw> {
        let Value::Scalar(scalar) = node.value else {
            return Err(Flaw::KeyNotText);
        };
        if let Some(first_line) = self.lines.insert(scalar.text.as_ref().into(), node.line) {
            return Err(Flaw::DuplicateKey {
                key: scalar.text.into(),
                first_line,
            });
        }
        self.key = Some(Key {
            scalar,
            line: node.line,
        });
        Ok(())
    }

    /// YAML 1.1, `merge`: keys of the mapping itself win, then those of earlier mappings.
    fn merge(&mut self, node: Node<'a>) -> Result<(), Flaw> {
        let mappings = match node.value {
            Value::Sequence(items) => items,
            Value::Mapping(_) | Value::Scalar(_) => vec![node],
        };
        for mapping in mappings {
            let Value::Mapping(entries) = mapping.value else {
                return Err(Flaw::MergeNotMapping);
            };
            self.merged.extend(entries);
        }
        Ok(())
    }

    pub(super) fn into_entries(mut self) -> Vec<Entry<'a>> {
        for entry in self.merged {
            if self
                .lines
                .insert(entry.key.as_ref().into(), entry.line)
                .is_none()
            {
                self.entries.push(entry);
            }
        }
        self.entries
    }
}

struct Key<'a> {
    scalar: Scalar<'a>,
    line: u32,
}

impl Key<'_> {
    fn is_merge(&self) -> bool {
        self.scalar.style == Style::Plain && self.scalar.text == "<<"
    }
}
