//! Durations on the command line: `5`, `5s`, `500ms`, `2m`.

use std::time::Duration;

/// Reads a duration; a bare number is in seconds.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let number: u64 = number.parse().map_err(|_| usage(text))?;
    match unit {
        "" | "s" => Ok(Duration::from_secs(number)),
        "ms" => Ok(Duration::from_millis(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        _ => Err(usage(text)),
    }
}

fn usage(text: &str) -> String {
    format!("{text:?} is no duration; write 5s, 500ms or 2m")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_understood_and_seconds_are_the_default() {
        assert_eq!(parse("5"), Ok(Duration::from_secs(5)));
        assert_eq!(parse("0s"), Ok(Duration::ZERO));
        assert_eq!(parse("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse("2m"), Ok(Duration::from_secs(120)));
    }

    #[test]
    fn anything_else_is_told_what_to_write() {
        for text in ["", "s", "5 s", "-1", "1.5s", "5h"] {
            assert!(parse(text).unwrap_err().contains("500ms"), "{text:?}");
        }
    }
}
