//! What there is to say of one key of a document.

use nuncio_config::Diagnostic;
use serde::Serialize;

/// A remark on a document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Remark {
    /// What it means for the document.
    pub weight: Weight,
    /// Where; 0 where lines mean nothing.
    pub line: u32,
    /// The key it is about, if it is about one.
    pub key: Option<Box<str>>,
    /// In lower case without a trailing dot.
    pub reason: Box<str>,
}

/// What a remark means for its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Weight {
    /// Worth knowing.
    Note,
    /// It works in another way.
    Differs,
    /// The key has no form in what is written, or no effect.
    Lost,
    /// The document as a whole has no effect.
    Ignored,
    /// The document as a whole is wrong.
    Refused,
}

impl Remark {
    /// About a key.
    pub fn on(weight: Weight, line: u32, key: &str, reason: impl Into<Box<str>>) -> Self {
        Self {
            weight,
            line,
            key: Some(key.into()),
            reason: reason.into(),
        }
    }

    /// About the document.
    pub fn whole(weight: Weight, line: u32, reason: impl Into<Box<str>>) -> Self {
        Self {
            weight,
            line,
            key: None,
            reason: reason.into(),
        }
    }

    /// What the gateway itself says.
    pub(crate) fn of(diagnostic: &Diagnostic, weight: Weight) -> Self {
        Self {
            weight,
            line: diagnostic.at.line,
            key: key(&diagnostic.reason),
            reason: diagnostic.reason.clone(),
        }
    }
}

/// Reasons begin with the key that they are about.
fn key(reason: &str) -> Option<Box<str>> {
    let (key, _) = reason.strip_prefix('`')?.split_once('`')?;
    let is_key = |c: char| c.is_ascii_alphanumeric() || "_.:-".contains(c);
    key.chars().all(is_key).then(|| key.into())
}

/// A text of users within a reason: on one line, and not without end.
pub(crate) fn shown(text: &str) -> String {
    let mut shown: String = text
        .chars()
        .take(80)
        .flat_map(char::escape_debug)
        .collect::<String>()
        .replace("\\\"", "\"")
        .replace("\\'", "'")
        .replace("\\\\", "\\");
    if text.chars().nth(80).is_some() {
        shown.push('…');
    }
    shown
}
