//! Splits a text into documents before any of it is parsed, so that a document that is no YAML harms
//! itself alone.
//!
//! Invariant: every line with content is in exactly one document. The split is exact: YAML allows
//! `---` and `...` in the first column nowhere but between documents (YAML 1.2.2, 9.1.2).

use std::borrow::Cow;

/// One document with its marker line, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Document<'a> {
    /// 1-based, counting documents that have content.
    pub(crate) number: u32,
    /// The line of the whole text that `text` begins at, 1-based.
    pub(crate) first_line: u32,
    pub(crate) text: &'a str,
}

impl Document<'_> {
    /// The last line that has text.
    pub(crate) fn last_line(&self) -> u32 {
        let lines = self.text.trim_end().lines().count();
        self.first_line
            .saturating_add(u32::try_from(lines.saturating_sub(1)).unwrap_or(u32::MAX))
    }
}

/// The text without a byte order mark and with every line break as `\n` (YAML 1.2.2, 5.4).
pub(crate) fn normalised(text: &str) -> Cow<'_, str> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match text.contains('\r') {
        true => text.replace("\r\n", "\n").replace('\r', "\n").into(),
        false => text.into(),
    }
}

/// The documents that have content, in order. Expects [`normalised`] text.
pub(crate) fn documents(text: &str) -> impl Iterator<Item = Document<'_>> {
    Chunks {
        rest: text,
        line: 1,
    }
    .filter(|chunk| has_content(chunk))
    .zip(1..)
    .map(|(chunk, number)| Document {
        number,
        first_line: chunk.first_line,
        text: chunk.text,
    })
}

struct Chunk<'a> {
    first_line: u32,
    text: &'a str,
    /// Whether a `---` follows: only then may directives stand here.
    before_marker: bool,
}

struct Chunks<'a> {
    rest: &'a str,
    line: u32,
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Chunk<'a>;

    fn next(&mut self) -> Option<Chunk<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let first_line = self.line;
        let (mut end, mut skip, mut before_marker) = (0, 0, false);
        for (index, line) in self.rest.split_inclusive('\n').enumerate() {
            if index > 0 && is_marker(line, "---") {
                before_marker = true;
                break;
            }
            self.line = self.line.saturating_add(1);
            if is_marker(line, "...") {
                skip = line.len();
                break;
            }
            end += line.len();
        }
        let (text, rest) = self.rest.split_at(end);
        self.rest = rest.get(skip..).unwrap_or_default();
        Some(Chunk {
            first_line,
            text,
            before_marker,
        })
    }
}

fn is_marker(line: &str, marker: &str) -> bool {
    line.strip_prefix(marker)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\n']))
}

/// Whether there is more than blank lines, comments and directives of the document that follows.
fn has_content(chunk: &Chunk<'_>) -> bool {
    let marked = is_marker(chunk.text, "---");
    let body = if marked {
        chunk.text.get(3..).unwrap_or_default()
    } else {
        chunk.text
    };
    let directives = chunk.before_marker && !marked;
    body.lines().any(|line| {
        let line = line.trim_matches([' ', '\t']);
        !(line.is_empty() || line.starts_with('#') || directives && line.starts_with('%'))
    })
}

#[cfg(test)]
mod tests {
    use super::{documents, normalised};

    fn split(text: &str) -> Vec<(u32, u32, &str)> {
        documents(text)
            .map(|document| (document.number, document.first_line, document.text))
            .collect()
    }

    #[test]
    fn a_text_without_markers_is_one_document() {
        assert_eq!(split("a: 1\nb: 2"), [(1, 1, "a: 1\nb: 2")]);
    }

    #[test]
    fn a_leading_marker_takes_no_number() {
        assert_eq!(
            split("---\na: 1\n---\nb: 2\n"),
            [(1, 1, "---\na: 1\n"), (2, 3, "---\nb: 2\n")]
        );
    }

    #[test]
    fn empty_documents_take_no_number() {
        assert_eq!(
            split("---\n---\n# nothing\n---\n\na: 1"),
            [(1, 4, "---\n\na: 1")]
        );
    }

    #[test]
    fn content_may_stand_on_the_marker_line() {
        assert_eq!(split("--- {a: 1}\n--- # b\nb: 1\n").len(), 2);
    }

    #[test]
    fn three_dashes_inside_a_line_or_a_word_do_not_split() {
        assert_eq!(split("a: |\n  ---\n----\n---b\n").len(), 1);
    }

    #[test]
    fn three_dots_end_a_document() {
        assert_eq!(
            split("a: 1\n...\n---\nb: 2\n...\n"),
            [(1, 1, "a: 1\n"), (2, 3, "---\nb: 2\n")]
        );
    }

    #[test]
    fn directives_before_a_marker_are_no_document() {
        assert_eq!(split("%YAML 1.1\n---\na: 1\n"), [(1, 2, "---\na: 1\n")]);
    }

    #[test]
    fn directives_without_a_document_are_not_passed_over() {
        assert_eq!(split("%YAML 1.1\n"), [(1, 1, "%YAML 1.1\n")]);
        assert_eq!(split("---\n%a\n---\n"), [(1, 1, "---\n%a\n")]);
    }

    #[test]
    fn nothing_is_no_document() {
        assert_eq!(split(""), []);
        assert_eq!(split("\n  \n# only a comment\n"), []);
    }

    #[test]
    fn line_breaks_of_other_systems_become_ours() {
        assert_eq!(normalised("\u{feff}a\r\nb\rc\n"), "a\nb\nc\n");
    }
}
