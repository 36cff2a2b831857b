//! One document and what becomes of it.

use std::fmt;
use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::remark::{Remark, Weight};

/// What becomes of a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// As it did before.
    Works,
    /// It is live, and something in it is different or without effect.
    Differs,
    /// It has no effect.
    Ignored,
    /// It is wrong, or cannot be translated.
    Refused,
    /// It is another gateway's, or nobody's.
    NotOurs,
}

impl Verdict {
    /// All of them, in the order of the summary.
    pub const ALL: [Self; 5] = [
        Self::Works,
        Self::Differs,
        Self::Ignored,
        Self::Refused,
        Self::NotOurs,
    ];

    /// In the words of the report.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Differs => "differs",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::NotOurs => "not ours",
        }
    }
}

/// A document of the input. Shown as `a.yaml:9: Service default/web, document 1, Mapping web`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Account {
    /// What becomes of it.
    pub verdict: Verdict,
    /// Where it was read from; `None` for a cluster.
    #[serde(serialize_with = "file")]
    pub file: Option<Arc<str>>,
    /// The line it begins at; 0 for a cluster.
    pub line: u32,
    /// The object that carries it, or is it, e.g. `Service default/web`.
    pub object: Box<str>,
    /// Its number in the object's annotation; 0 for the object itself.
    pub document: u32,
    /// Its kind and name, where it is not the object itself.
    pub resource: Option<Box<str>>,
    /// What there is to say of it.
    pub remarks: Vec<Remark>,
}

impl Account {
    /// Adds what was found out, which may change the verdict.
    pub(crate) fn add(&mut self, remark: Remark) {
        if self.verdict != Verdict::NotOurs {
            self.verdict = self.verdict.max(match remark.weight {
                Weight::Note => Verdict::Works,
                Weight::Differs | Weight::Lost => Verdict::Differs,
                Weight::Ignored => Verdict::Ignored,
                Weight::Refused => Verdict::Refused,
            });
        }
        if !self.remarks.contains(&remark) {
            self.remarks.push(remark);
        }
    }

    /// Whether nothing of it is served.
    pub(crate) fn is_dead(&self) -> bool {
        match self.verdict {
            Verdict::Works | Verdict::Differs => false,
            Verdict::Ignored | Verdict::Refused | Verdict::NotOurs => true,
        }
    }
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(file) = &self.file {
            write!(f, "{file}:{}: ", self.line)?;
        }
        f.write_str(&self.object)?;
        if self.document > 0 {
            write!(f, ", document {}", self.document)?;
        }
        match &self.resource {
            Some(resource) => write!(f, ", {resource}"),
            None => Ok(()),
        }
    }
}

fn file<S: Serializer>(file: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    file.as_deref().serialize(serializer)
}
