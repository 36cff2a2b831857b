//! Reads text, booleans and numbers from scalars.
//!
//! Invariant: every reading is of the text as written; nothing is guessed from how a value looks
//! unless it stands without quotes.

use super::{Node, Scalar, Style, Value};
use crate::quote::quoted;

impl Node<'_> {
    /// Whether nothing was written, or a plain null.
    pub(crate) fn is_null(&self) -> bool {
        self.plain()
            .is_some_and(|text| matches!(text, "" | "~" | "null" | "Null" | "NULL"))
    }

    /// The text of any scalar but null, numbers and booleans included.
    pub(crate) fn text(&self) -> Option<&str> {
        self.scalar()
            .filter(|_| !self.is_null())
            .map(|scalar| &*scalar.text)
    }

    /// A boolean of YAML 1.1, which Ambassador reads, in quotes or not.
    pub(crate) fn boolean(&self) -> Option<bool> {
        self.scalar().and_then(|scalar| boolean(&scalar.text))
    }

    /// A boolean that was written without quotes, for keys that take text as well.
    pub(crate) fn plain_boolean(&self) -> Option<bool> {
        self.plain().and_then(boolean)
    }

    /// A whole number in decimal, in quotes or not; `50.0` is one.
    pub(crate) fn integer(&self) -> Option<i64> {
        self.scalar().and_then(|scalar| integer(&scalar.text))
    }

    /// Whether YAML takes the value for a number, a boolean or null rather than text.
    pub(crate) fn is_plain_non_text(&self) -> bool {
        let number =
            |text: &str| text.parse::<f64>().is_ok() && text.contains(|c: char| c.is_ascii_digit());
        self.is_null() || self.plain_boolean().is_some() || self.plain().is_some_and(number)
    }

    /// What was found, for a reason that says what was expected.
    pub(crate) fn found(&self) -> String {
        match &self.value {
            Value::Sequence(_) => "a list".to_owned(),
            Value::Mapping(_) => "a mapping".to_owned(),
            Value::Scalar(_) if self.is_null() => "nothing".to_owned(),
            Value::Scalar(scalar) => quoted(&scalar.text),
        }
    }

    pub(crate) fn scalar(&self) -> Option<&Scalar<'_>> {
        match &self.value {
            Value::Scalar(scalar) => Some(scalar),
            Value::Sequence(_) | Value::Mapping(_) => None,
        }
    }

    fn plain(&self) -> Option<&str> {
        self.scalar()
            .filter(|scalar| scalar.style == Style::Plain)
            .map(|scalar| &*scalar.text)
    }
}

/// YAML 1.1, `bool`: each word in lower case, capitalised, or in upper case.
fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" | "yes" | "Yes" | "YES" | "on" | "On" | "ON" => Some(true),
        "false" | "False" | "FALSE" | "no" | "No" | "NO" | "off" | "Off" | "OFF" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = whole.strip_prefix(['-', '+']).unwrap_or(whole);
    // YAML 1.1 reads `010` as eight and people read ten: neither is a safe guess.
    let ambiguous = digits.len() > 1 && digits.starts_with('0');
    let is_whole = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    (is_whole && !ambiguous).then(|| whole.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::{boolean, integer};

    #[test]
    fn booleans_are_those_of_yaml_1_1_in_any_usual_case() {
        for text in ["true", "Yes", "ON"] {
            assert_eq!(boolean(text), Some(true), "{text}");
        }
        for text in ["false", "No", "OFF"] {
            assert_eq!(boolean(text), Some(false), "{text}");
        }
        for text in ["y", "n", "tRue", "1", ""] {
            assert_eq!(boolean(text), None, "{text}");
        }
    }

    #[test]
    fn numbers_are_whole_and_decimal() {
        for (text, number) in [
            ("0", 0),
            ("3000", 3000),
            ("-5", -5),
            ("+5", 5),
            ("50.0", 50),
        ] {
            assert_eq!(integer(text), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "5.",
            "5.5",
            ".0",
            "0x10",
            "010",
            "1_000",
            "1e3",
            "99999999999999999999",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
    }
}
