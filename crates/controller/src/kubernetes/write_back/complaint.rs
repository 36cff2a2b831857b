//! What is to be said about an object whose configuration has errors.
//!
//! Invariant: a note is one line of at most [`LONGEST`] characters without control characters,
//! whatever was written in the object.
//! Deliberately absent: warnings on their own. They are in the log, in the diagnostics and on
//! `/metrics`; an Event for each would drown those that tell of something not live.

use nuncio_config::{Diagnostic, Severity};

/// Below the 1,024 that the API takes.
const LONGEST: usize = 1_000;

/// What is wrong with an object, at the length in which it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Complaint {
    pub(super) note: Box<str>,
    /// Whether anything it says is served nevertheless: its other documents, or an older version.
    pub(super) live: bool,
}

impl Complaint {
    /// `None` when there is no error.
    pub(super) fn of(diagnostics: &[Diagnostic], live: bool) -> Option<Self> {
        let errors = || {
            let all = diagnostics.iter();
            // Whoever writes files has no object to look at.
            all.filter(|found| found.severity == Severity::Error && found.at.file.is_none())
        };
        errors().next()?;
        let (mut note, mut left) = (String::new(), errors().count());
        for error in errors() {
            let line = line(error);
            let rest = more(left - 1);
            if note.chars().count() + line.chars().count() + rest.len() + 2 > LONGEST {
                break;
            }
            note.push_str(if note.is_empty() { "" } else { "; " });
            note.push_str(&line);
            left -= 1;
        }
        note.push_str(&more(left));
        let note = note.chars().map(|c| if c.is_control() { ' ' } else { c });
        Some(Self {
            note: note.take(LONGEST).collect(),
            live,
        })
    }
}

/// A diagnostic without the object, on which it will be read.
fn line(diagnostic: &Diagnostic) -> String {
    let Diagnostic {
        at,
        resource,
        reason,
        ..
    } = diagnostic;
    let mut text = String::new();
    if at.document > 0 {
        text.push_str(&format!("document {}, line {}: ", at.document, at.line));
    }
    if let Some(resource) = resource {
        text.push_str(resource);
        text.push_str(": ");
    }
    text.push_str(reason);
    match text.char_indices().nth(LONGEST / 2) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

fn more(left: usize) -> String {
    match left {
        0 => String::new(),
        left => format!("; {left} more"),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use nuncio_config::{Location, ObjectRef};

    use super::*;

    fn diagnostic(severity: Severity, reason: &str) -> Diagnostic {
        let object = ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: "s".into(),
        };
        let at = Location {
            object: Arc::new(object),
            file: None,
            document: 2,
            line: 7,
        };
        Diagnostic {
            severity,
            at,
            resource: Some("Mapping m".into()),
            reason: reason.into(),
        }
    }

    #[test]
    fn errors_are_told_with_their_place_and_warnings_are_not() {
        let found = [
            diagnostic(Severity::Warning, "odd"),
            diagnostic(Severity::Error, "prefix has no slash"),
            diagnostic(Severity::Error, "no service"),
        ];
        let complaint = Complaint::of(&found, true).unwrap();
        assert_eq!(
            &*complaint.note,
            "document 2, line 7: Mapping m: prefix has no slash; \
             document 2, line 7: Mapping m: no service"
        );
        assert_eq!(Complaint::of(&found[..1], true), None);
    }

    #[test]
    fn a_note_is_bounded_and_says_how_much_is_left_out() {
        let hostile = "x\u{1b}[31m\n".repeat(2_000);
        let found: Vec<_> = (0..500)
            .map(|_| diagnostic(Severity::Error, &hostile))
            .collect();
        let note = Complaint::of(&found, false).unwrap().note;
        assert!(note.chars().count() <= 1_000, "{}", note.chars().count());
        assert!(!note.chars().any(char::is_control));
        assert!(note.ends_with("; 499 more"), "{note}");
    }
}
