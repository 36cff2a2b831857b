//! Writes an expression in RE2's syntax in that of the `regex` crate.
//!
//! The two agree on nearly everything. Where they do not, RE2 (`google/re2`, `doc/syntax.txt`)
//! counts: a `{` that begins no repetition is itself, `\Q..\E` quotes, classes have no nesting and
//! no operators, `\d`, `\w`, `\s` and `\b` know ASCII only, and `\s` has no vertical tab.
//!
//! Invariant: linear in the text, and what is no expression is none afterwards either.

/// The expression in the other syntax.
pub(super) fn translated(re2: &str) -> String {
    let mut out = String::with_capacity(re2.len() + 16);
    let mut rest = re2;
    while let Some(next) = rest.chars().next() {
        rest = match next {
            '\\' => escape(rest, &mut out),
            '[' => class(rest, &mut out),
            '{' if !is_repetition(rest) => literal(rest, next, &mut out),
            _ => verbatim(rest, next.len_utf8(), &mut out),
        };
    }
    out
}

/// Copies `len` bytes; what is left.
fn verbatim<'t>(text: &'t str, len: usize, out: &mut String) -> &'t str {
    let (copied, rest) = text.split_at_checked(len).unwrap_or((text, ""));
    out.push_str(copied);
    rest
}

/// Writes the first character so that it stands for itself; what is left.
fn literal<'t>(text: &'t str, first: char, out: &mut String) -> &'t str {
    if regex_syntax::is_meta_character(first) {
        out.push('\\');
    }
    out.push(first);
    text.get(first.len_utf8()..).unwrap_or_default()
}

/// `{n}`, `{n,}` or `{n,m}`.
fn is_repetition(text: &str) -> bool {
    let Some((inside, _)) = text.strip_prefix('{').and_then(|rest| rest.split_once('}')) else {
        return false;
    };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// Translates the escape that `text` begins with; what is left.
fn escape<'t>(text: &'t str, out: &mut String) -> &'t str {
    let after = text.get(1..).unwrap_or_default();
    let Some(escaped) = after.chars().next() else {
        return verbatim(text, 1, out);
    };
    let in_ascii = match escaped {
        'Q' => return quoted(after.get(1..).unwrap_or_default(), out),
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\x0C\r ]",
        'S' => r"[^\t\n\x0C\r ]",
        'b' => r"(?-u:\b)",
        'B' => r"(?-u:\B)",
        // `\p{..}` and `\x{..}`
        'p' | 'P' | 'x' if after.get(1..).is_some_and(|rest| rest.starts_with('{')) => {
            let end = text.find('}').map_or(text.len(), |end| end + 1);
            return verbatim(text, end, out);
        }
        punctuation if punctuation.is_ascii_punctuation() => {
            return literal(after, punctuation, out);
        }
        other => return verbatim(text, 1 + other.len_utf8(), out),
    };
    out.push_str(in_ascii);
    after.get(1..).unwrap_or_default()
}

/// Writes what stands before `\E` so that it stands for itself; what is left.
fn quoted<'t>(text: &'t str, out: &mut String) -> &'t str {
    let (quoted, rest) = text.split_once(r"\E").unwrap_or((text, ""));
    regex_syntax::escape_into(quoted, out);
    rest
}

/// Translates the class that `text` begins with; what is left.
fn class<'t>(text: &'t str, out: &mut String) -> &'t str {
    let opening = if text.starts_with("[^") { 2 } else { 1 };
    let mut rest = verbatim(text, opening, out);
    // Here a `]` is itself.
    if rest.starts_with(']') {
        rest = literal(rest, ']', out);
    }
    while let Some(next) = rest.chars().next() {
        rest = match next {
            ']' => return verbatim(rest, 1, out),
            '\\' => escape_in_class(rest, out),
            '[' => match posix_class_len(rest) {
                Some(len) => verbatim(rest, len, out),
                None => literal(rest, '[', out),
            },
            '&' | '~' => literal(rest, next, out),
            // `--` would be an operator.
            '-' if out.ends_with('-') => literal(rest, next, out),
            _ => verbatim(rest, next.len_utf8(), out),
        };
    }
    rest
}

/// The length of `[:alpha:]`.
fn posix_class_len(text: &str) -> Option<usize> {
    let end = text.strip_prefix("[:")?.find(":]")?;
    Some(end + 4)
}

fn escape_in_class<'t>(text: &'t str, out: &mut String) -> &'t str {
    let after = text.get(1..).unwrap_or_default();
    let in_ascii = match after.chars().next() {
        Some('d') => "0-9",
        Some('w') => "0-9A-Za-z_",
        Some('s') => r"\t\n\x0C\r ",
        Some(punctuation) if punctuation.is_ascii_punctuation() => {
            return literal(after, punctuation, out);
        }
        Some(other) => return verbatim(text, 1 + other.len_utf8(), out),
        None => return verbatim(text, 1, out),
    };
    out.push_str(in_ascii);
    after.get(1..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::Pattern;

    fn matches(pattern: &str, text: &str) -> bool {
        Pattern::parse(pattern)
            .unwrap_or_else(|why| panic!("{pattern} {why}"))
            .matches(text.as_bytes())
    }

    #[test]
    fn a_brace_that_begins_no_repetition_is_itself() {
        assert!(matches("/users/{id}", "/users/{id}"));
        assert!(matches("a{,2}", "a{,2}"));
        assert!(matches("a{1,2}b{2}c{1,}", "aabbccc"));
        assert!(!matches("a{1,2}", "aaa"));
    }

    #[test]
    fn quoted_text_is_itself() {
        assert!(matches(r"\Qa.b(\E+", "a.b(("));
        assert!(!matches(r"\Qa.b\E", "axb"));
        assert!(matches(r"\Q.*", ".*"));
    }

    #[test]
    fn classes_have_neither_nesting_nor_operators() {
        assert!(matches("[[a]+", "[a"));
        assert!(matches("[a&&b]+", "a&b"));
        assert!(matches("[a~~b]+", "a~b"));
        assert!(matches("[+--]+", "+,-"));
        assert!(matches("[]a]+", "]a"));
        assert!(matches("[^]a]+", "bc"));
        assert!(matches("[[:alpha:]_]+", "a_Z"));
        assert!(matches(r"[\]\-\[]+", "]-["));
    }

    #[test]
    fn any_punctuation_may_be_escaped() {
        assert!(matches(r"\/a\<\>\_[\<\/]", "/a<>_<"));
    }

    #[test]
    fn classes_of_ascii_stay_so_beside_unicode() {
        assert!(!matches(r"\d\p{L}", "٣é"));
        assert!(matches(r"\d\p{L}", "3é"));
        assert!(!matches(r"\s", "\u{b}"));
        assert!(matches(r"\S\D\W", "ab-"));
        assert!(matches(r"[\d\s\w]+", "1 a"));
    }

    #[test]
    fn unfinished_texts_are_no_expressions() {
        for text in ["a\\", "[a", "[a\\", "[^", "[[:alpha:", "(", "a{2}{3"] {
            let unfinished = Pattern::parse(text);
            assert!(unfinished.is_err() || text == "a{2}{3", "{text}");
        }
    }
}
