//! Writes a tree as JSON in which everything stands in the line it stood in.
//!
//! Invariant: reading the text again gives the same tree, lines counted from the one given. Only what
//! an alias stands for keeps no line of its own.

use std::fmt::Write as _;

use super::{Entry, Node, Value};

/// A part of a document as a text of its own, for whoever reads it apart from the rest.
pub(crate) fn written(node: &Node<'_>, first_line: u32) -> String {
    let mut writer = Writer {
        text: String::new(),
        line: first_line,
    };
    writer.node(node);
    writer.text
}

struct Writer {
    text: String,
    line: u32,
}

impl Writer {
    fn node(&mut self, node: &Node<'_>) {
        self.reach(node.line);
        match &node.value {
            Value::Scalar(_) if node.is_null() => self.text.push_str("null"),
            Value::Scalar(scalar) if node.is_plain_non_text() => self.text.push_str(&scalar.text),
            Value::Scalar(scalar) => self.quoted(&scalar.text),
            Value::Sequence(items) => self.sequence(items),
            Value::Mapping(entries) => self.mapping(entries),
        }
    }

    fn sequence(&mut self, items: &[Node<'_>]) {
        self.text.push('[');
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.node(item);
        }
        self.text.push(']');
    }

    fn mapping(&mut self, entries: &[Entry<'_>]) {
        self.text.push('{');
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                self.text.push(',');
            }
            self.reach(entry.line);
            self.quoted(&entry.key);
            self.text.push_str(": ");
            self.node(&entry.value);
        }
        self.text.push('}');
    }

    /// Goes on in this line, unless it is behind already.
    fn reach(&mut self, line: u32) {
        while self.line < line {
            self.text.push('\n');
            self.line += 1;
        }
    }

    /// Escapes what JSON wants escaped, and what no YAML text may hold as it is (YAML 1.2.2, 5.1).
    fn quoted(&mut self, text: &str) {
        self.text.push('"');
        for character in text.chars() {
            match character {
                '"' | '\\' => self.text.extend(['\\', character]),
                '\u{feff}' | '\u{fffe}' | '\u{ffff}' | '\u{2028}' | '\u{2029}' => {
                    self.escaped(character);
                }
                _ if character.is_control() => self.escaped(character),
                _ => self.text.push(character),
            }
        }
        self.text.push('"');
    }

    fn escaped(&mut self, character: char) {
        // Writing to a String cannot fail.
        let _ = write!(self.text, "\\u{:04x}", u32::from(character));
    }
}

#[cfg(test)]
mod tests {
    use super::written;
    use crate::yaml::{Limits, Node, Style, Value, documents, load};

    const LIMITS: Limits = Limits {
        nodes: 1000,
        bytes: 100_000,
    };

    /// What a tree says and where; how texts were quoted says nothing.
    fn said(node: &Node<'_>) -> String {
        let line = node.line;
        match &node.value {
            Value::Scalar(_) if node.is_null() => format!("{line}=null"),
            Value::Scalar(scalar) if scalar.style == Style::Plain && node.is_plain_non_text() => {
                format!("{line}={}", scalar.text)
            }
            Value::Scalar(scalar) => format!("{line}={:?}", scalar.text),
            Value::Sequence(items) => {
                format!("{line}[{}]", items.iter().map(said).collect::<String>())
            }
            Value::Mapping(entries) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|e| format!("{}:{:?}:{};", e.line, e.key, said(&e.value)));
                format!("{line}{{{}}}", entries.collect::<String>())
            }
        }
    }

    fn tree<T>(text: &str, first_line: u32, of: impl FnOnce(&Node<'_>) -> T) -> T {
        let mut document = documents(text).next().unwrap();
        document.first_line += first_line - 1;
        of(&load(&document, LIMITS).unwrap().unwrap())
    }

    #[test]
    fn a_text_written_again_reads_the_same_in_the_same_lines() {
        let text = "- a: 1\n  b:\n\n  - 'x: y'\n  - true\n  - 'true'\n  c: {d: \"q\\\"\\\\\\u0007\\x7f☃𝄞\", e: ~}\n\
                    - plain, with [commas]\n- |\n  literal\n  text\n- -5\n- []\n- {}\n- ''\n- 1.50\n";
        tree(text, 1, |root| {
            for item in root.items().unwrap() {
                let again = written(item, item.line);
                let read = tree(&again, item.line, said);
                assert_eq!(read, said(item), "{again}");
            }
        });
    }

    #[test]
    fn what_aliases_stand_for_is_written_out() {
        let text = "a: &a {b: 1}\nc: *a\n";
        assert_eq!(
            tree(text, 1, |root| written(root, 1)),
            "{\"a\": {\"b\": 1},\n\"c\": {\"b\": 1}}"
        );
    }
}
