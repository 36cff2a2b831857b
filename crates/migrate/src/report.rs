//! What became of everything, for people and for programs.
//!
//! Invariant: the numbers of the summary add up to the documents that were read.

use std::fmt;

use serde::Serialize;

use crate::account::{Account, Verdict};

/// What became of every document, in the order they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many became what.
    pub summary: Summary,
    /// The documents.
    pub documents: Vec<Account>,
}

/// How many documents became what.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// All that were read.
    pub documents: usize,
    /// As before.
    pub works: usize,
    /// Live, with a difference.
    pub differs: usize,
    /// Without effect.
    pub ignored: usize,
    /// Wrong.
    pub refused: usize,
    /// Somebody else's.
    pub not_ours: usize,
}

impl Report {
    /// Of these documents.
    pub fn of(documents: Vec<Account>) -> Self {
        let count = |verdict| {
            let of_it = documents.iter().filter(|it| it.verdict == verdict);
            of_it.count()
        };
        let summary = Summary {
            documents: documents.len(),
            works: count(Verdict::Works),
            differs: count(Verdict::Differs),
            ignored: count(Verdict::Ignored),
            refused: count(Verdict::Refused),
            not_ours: count(Verdict::NotOurs),
        };
        Self { summary, documents }
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            documents,
            works,
            differs,
            ignored,
            refused,
            not_ours,
        } = self;
        write!(
            f,
            "{documents} documents: works {works}, differs {differs}, ignored {ignored}, refused {refused}, \
             not ours {not_ours}"
        )
    }
}

impl fmt::Display for Report {
    /// One line for each document, those for its remarks indented below it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for document in &self.documents {
            writeln!(f, "{:<8}  {document}", document.verdict.as_str())?;
            for remark in &document.remarks {
                write!(f, "            ")?;
                if document.file.is_some() && remark.line > 0 {
                    write!(f, "line {}: ", remark.line)?;
                }
                match &remark.key {
                    Some(key) if !remark.reason.starts_with(&format!("`{key}`")) => {
                        writeln!(f, "`{key}`: {}", remark.reason)?;
                    }
                    Some(_) | None => writeln!(f, "{}", remark.reason)?,
                }
            }
        }
        writeln!(f, "{}", self.summary)
    }
}
