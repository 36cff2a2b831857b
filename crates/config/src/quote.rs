//! Text of users inside the reasons of diagnostics.
//!
//! Invariant: what is shown is bounded and stays on one line, whatever was written.

/// The text in backquotes, shortened, with everything unprintable escaped.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = String::from("`");
    let mut rest = text.chars();
    for character in rest.by_ref().take(LONGEST) {
        match character {
            '"' | '\'' | '\\' => out.push(character),
            _ => out.extend(character.escape_debug()),
        }
    }
    if rest.next().is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

const LONGEST: usize = 64;

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn shows_plain_text_as_it_is() {
        assert_eq!(quoted(r#"it's "x" \d"#), r#"`it's "x" \d`"#);
    }

    #[test]
    fn keeps_control_characters_out_of_terminals_and_logs() {
        assert_eq!(quoted("a\x1b[31m\nb"), r"`a\u{1b}[31m\nb`");
    }

    #[test]
    fn shortens_long_text() {
        assert_eq!(quoted(&"x".repeat(65)), format!("`{}…`", "x".repeat(64)));
    }
}
