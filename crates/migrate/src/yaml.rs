//! YAML as it is written: in blocks, keys in the order given.
//!
//! Invariant: reading what was written gives the same values, by YAML 1.1 and 1.2.

use std::fmt::Write as _;

use nuncio_config::{Tree, TreeValue};

/// A value to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Yaml {
    Bool(bool),
    Int(i64),
    /// A number as it was written.
    Literal(String),
    Text(String),
    List(Vec<Self>),
    Map(Vec<(String, Self)>),
}

impl Yaml {
    pub(crate) fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    pub(crate) fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        let entries = entries.into_iter();
        Self::Map(entries.map(|(key, value)| (key.into(), value)).collect())
    }

    pub(crate) fn texts<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        Self::List(texts.into_iter().map(Self::text).collect())
    }

    /// As it was read; YAML 1.1's booleans become those of 1.2. Keys without a value are left out.
    pub(crate) fn of(tree: &Tree) -> Self {
        match &tree.value {
            TreeValue::Null => Self::Map(Vec::new()),
            TreeValue::Literal(text) => tree
                .plain_boolean()
                .map_or_else(|| Self::number(text), Self::Bool),
            TreeValue::Text(text) | TreeValue::Block(text) => Self::text(&**text),
            TreeValue::List(items) => Self::List(items.iter().map(Self::of).collect()),
            TreeValue::Map(entries) => Self::Map(
                entries
                    .iter()
                    .filter(|entry| entry.value.value != TreeValue::Null)
                    .map(|entry| (entry.key.as_ref().into(), Self::of(&entry.value)))
                    .collect(),
            ),
        }
    }

    /// What every reader takes for the same number stays one.
    fn number(text: &str) -> Self {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
        let is_decimal = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        let is_octal = whole.len() > 1 && whole.starts_with('0');
        match is_decimal(whole) && is_decimal(fraction) && !is_octal {
            true => Self::Literal(text.into()),
            false => Self::text(text),
        }
    }

    /// The document, ending in a line break.
    pub(crate) fn document(&self) -> String {
        let mut out = String::new();
        self.write(0, false, &mut out);
        if !out.ends_with('\n') {
            out.push('\n');
        }
        out
    }

    /// `here`: the line has begun.
    fn write(&self, indent: usize, here: bool, out: &mut String) {
        match self {
            Self::Map(entries) if !entries.is_empty() => write_map(entries, indent, here, out),
            Self::List(items) if !items.is_empty() => write_list(items, indent, out),
            Self::Map(_) => out.push_str("{}"),
            Self::List(_) => out.push_str("[]"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Literal(text) => out.push_str(text),
            Self::Text(text) => write_text(text, out),
            Self::Int(value) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "{value}");
            }
        }
    }

    fn is_block(&self) -> bool {
        match self {
            Self::Map(entries) => !entries.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Bool(_) | Self::Int(_) | Self::Literal(_) | Self::Text(_) => false,
        }
    }
}

fn write_map(entries: &[(String, Yaml)], indent: usize, here: bool, out: &mut String) {
    for (number, (key, value)) in entries.iter().enumerate() {
        if number > 0 || !here {
            out.push_str(&" ".repeat(indent));
        }
        write_text(key, out);
        out.push(':');
        match value {
            Yaml::List(_) if value.is_block() => {
                out.push('\n');
                value.write(indent, false, out);
            }
            Yaml::Map(_) if value.is_block() => {
                out.push('\n');
                value.write(indent + 2, false, out);
            }
            Yaml::List(_)
            | Yaml::Map(_)
            | Yaml::Bool(_)
            | Yaml::Int(_)
            | Yaml::Literal(_)
            | Yaml::Text(_) => {
                out.push(' ');
                value.write(0, true, out);
                out.push('\n');
            }
        }
    }
}

fn write_list(items: &[Yaml], indent: usize, out: &mut String) {
    for item in items {
        out.push_str(&" ".repeat(indent));
        match item {
            // A list in a list stands in one line: it is rare.
            Yaml::List(inner) if !inner.is_empty() => write_inline(inner, out),
            Yaml::List(_)
            | Yaml::Map(_)
            | Yaml::Bool(_)
            | Yaml::Int(_)
            | Yaml::Literal(_)
            | Yaml::Text(_) => {
                out.push_str("- ");
                item.write(indent + 2, true, out);
            }
        }
        if !out.ends_with('\n') {
            out.push('\n');
        }
    }
}

fn write_inline(items: &[Yaml], out: &mut String) {
    out.push_str("- ");
    write_flow_list(items, out);
}

fn write_flow_list(items: &[Yaml], out: &mut String) {
    out.push('[');
    for (number, item) in items.iter().enumerate() {
        out.push_str(if number > 0 { ", " } else { "" });
        write_flow(item, out);
    }
    out.push(']');
}

fn write_flow(value: &Yaml, out: &mut String) {
    match value {
        Yaml::List(items) => write_flow_list(items, out),
        Yaml::Map(entries) => {
            out.push('{');
            for (number, (key, value)) in entries.iter().enumerate() {
                out.push_str(if number > 0 { ", " } else { "" });
                quoted(key, out);
                out.push_str(": ");
                write_flow(value, out);
            }
            out.push('}');
        }
        Yaml::Text(text) => quoted(text, out),
        Yaml::Bool(_) | Yaml::Int(_) | Yaml::Literal(_) => value.write(0, true, out),
    }
}

fn write_text(text: &str, out: &mut String) {
    match is_plain(text) {
        true => out.push_str(text),
        false => quoted(text, out),
    }
}

/// Whether every reader takes it for text without quotes.
fn is_plain(text: &str) -> bool {
    let stands = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let begins = |c: char| c.is_ascii_alphabetic() || c == '_' || c == '/';
    let words = [
        "true", "false", "yes", "no", "on", "off", "y", "n", "null", "inf", "nan",
    ];
    text.starts_with(begins)
        && text.chars().all(stands)
        && !words.contains(&&*text.to_ascii_lowercase())
}

fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            '\n' => out.push_str("\\n"),
            '\u{85}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                escaped(character, out);
            }
            _ if character.is_control() => escaped(character, out),
            _ => out.push(character),
        }
    }
    out.push('"');
}

fn escaped(character: char, out: &mut String) {
    // Writing to a String cannot fail.
    let _ = write!(out, "\\u{:04x}", u32::from(character));
}

#[cfg(test)]
mod tests {
    use nuncio_config::pieces;

    use super::Yaml;

    #[test]
    fn what_was_written_reads_the_same() {
        let text = "a: 1\nb: 'true'\nc: yes\nd: [x, 'y: z', {k: v, l: [1, 2]}, [1, [a]], [], {}]\n\
                    e: {f: {g: \"q\\\"\\\\\\n☃\"}, h: 010, 'on': 1.5}\ni: |\n  two\n  lines\n'': ''\n";
        let read = |text: &str| Yaml::of(pieces(text)[0].tree.as_ref().unwrap());
        let written = read(text).document();
        assert_eq!(read(&written), read(text), "{written}");
        assert_eq!(read(&written).document(), written);
    }
}
