//! Durations with units, as Go and Protocol Buffers write them: `0.5s`, `250ms`, `1m30s`.

use std::time::Duration;

/// Reads a duration. A bare `0` needs no unit.
pub(crate) fn parse(text: &str) -> Result<Duration, InvalidDuration> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    if text.starts_with('-') {
        return Err(InvalidDuration::Negative);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    loop {
        let (number, after) = split_while(rest, |c| c.is_ascii_digit() || c == '.');
        let (unit, after) = split_while(after, |c| c.is_alphabetic());
        let number: f64 = number.parse().map_err(|_| InvalidDuration::Form)?;
        seconds += number * seconds_of(unit).ok_or(InvalidDuration::Form)?;
        if after.is_empty() {
            break;
        }
        rest = after;
    }
    if seconds > LONGEST {
        return Err(InvalidDuration::Long);
    }
    Duration::try_from_secs_f64(seconds).map_err(|_| InvalidDuration::Form)
}

/// Why a text is no duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidDuration {
    #[error("is no duration such as `0.5s`, `250ms` or `1m30s`")]
    Form,
    #[error("is a negative duration")]
    Negative,
    #[error("is a longer duration than ten thousand years")]
    Long,
}

/// Protocol Buffers' bound, in s.
const LONGEST: f64 = 315_576_000_000.0;

fn split_while(text: &str, belongs: impl Fn(char) -> bool) -> (&str, &str) {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    text.split_at(end)
}

fn seconds_of(unit: &str) -> Option<f64> {
    Some(match unit {
        "h" => 3600.0,
        "m" => 60.0,
        "s" => 1.0,
        "ms" => 1e-3,
        "us" | "µs" | "μs" => 1e-6,
        "ns" => 1e-9,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{InvalidDuration, parse};

    #[test]
    fn units_follow_numbers_and_add_up() {
        for (text, milliseconds) in [
            ("0", 0),
            ("0s", 0),
            ("0.5s", 500),
            ("250ms", 250),
            ("1m30s", 90_000),
            ("1h", 3_600_000),
            ("1500us", 1),
        ] {
            let duration = parse(text).map(|duration| duration.as_millis());
            assert_eq!(duration, Ok(milliseconds), "{text}");
        }
        assert_eq!(parse("1ns"), Ok(Duration::from_nanos(1)));
    }

    #[test]
    fn what_is_no_duration_says_why() {
        for text in [
            "", "5", "s", "1.2.3s", ".s", "5 s", "1s ", "5d", "1e3s", "0x1s", "１s",
        ] {
            assert_eq!(parse(text), Err(InvalidDuration::Form), "{text}");
        }
        assert_eq!(parse("-1s"), Err(InvalidDuration::Negative));
        assert_eq!(parse("9999999999999h"), Err(InvalidDuration::Long));
        let digits = "9".repeat(400);
        assert_eq!(parse(&format!("{digits}h")), Err(InvalidDuration::Long));
    }
}
