//! Why a document has no tree.

use std::fmt;

use super::Document;
use crate::quote::quoted;

/// How deep sequences and mappings may nest.
pub(super) const DEPTH: usize = 64;

/// What is wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broken {
    pub(crate) line: u32,
    pub(crate) flaw: Flaw,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Flaw {
    NotYaml(Box<str>),
    ControlCharacter(char),
    SeveralDocuments,
    TooDeep,
    TooManyNodes,
    TooMuchText,
    DuplicateKey { key: Box<str>, first_line: u32 },
    KeyNotText,
    AliasWithin,
    MergeNotMapping,
}

impl Broken {
    /// The parser reports an early end on the line after the last one.
    pub(super) fn within(self, document: &Document<'_>) -> Self {
        Self {
            line: self.line.min(document.last_line()),
            ..self
        }
    }

    /// The reason for people; `line` turns a line of the text into one they can find.
    pub(crate) fn reason(&self, line: impl Fn(u32) -> u32) -> String {
        match &self.flaw {
            Flaw::DuplicateKey { key, first_line } => {
                let (first, second) = (line(*first_line), line(self.line));
                format!(
                    "key {} is written twice, in line {first} and in line {second}",
                    quoted(key)
                )
            }
            flaw => flaw.to_string(),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotYaml(why) => write!(f, "not valid YAML: {why}"),
            Self::ControlCharacter(character) => write!(
                f,
                "not valid YAML: control characters are not allowed, found U+{:04X}",
                u32::from(*character)
            ),
            Self::SeveralDocuments => f.write_str("not valid YAML: text after the document's end"),
            Self::TooDeep => write!(f, "nested more than {DEPTH} levels deep"),
            Self::TooManyNodes => f.write_str("too many values, aliases counted as written out"),
            Self::TooMuchText => f.write_str("too much text, aliases counted as written out"),
            Self::DuplicateKey { key, .. } => write!(f, "key {} is written twice", quoted(key)),
            Self::KeyNotText => f.write_str(
                "a key must be text, found a list or a mapping (a template that was not rendered?)",
            ),
            Self::AliasWithin => f.write_str("an alias refers to a value that contains it"),
            Self::MergeNotMapping => f.write_str("`<<` takes a mapping or a list of mappings"),
        }
    }
}
