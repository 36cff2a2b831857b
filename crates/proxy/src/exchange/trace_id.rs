//! The trace that a request says it belongs to.
//!
//! Deliberately absent: beginning or continuing traces.

use http::HeaderMap;
use nuncio_telemetry::TraceId;

/// As the W3C's `traceparent` says it, else B3 in one header, else in several.
pub(super) fn of(headers: &HeaderMap) -> Option<TraceId> {
    let from_hex = |text: &[u8]| {
        if !matches!(text.len(), 16 | 32) {
            return None;
        }
        let mut digits = text.iter().map(|byte| char::from(*byte).to_digit(16));
        let bits = digits.try_fold(0_u128, |bits, digit| Some(bits << 4 | u128::from(digit?)));
        TraceId::new(bits?)
    };
    let value = |name: &str| headers.get(name).map(http::HeaderValue::as_bytes);
    let part = |value: &'_ [u8], nth: usize| {
        let mut parts = value.split(|byte| *byte == b'-');
        from_hex(parts.nth(nth)?)
    };
    let w3c = value("traceparent").and_then(|value| part(value, 1));
    w3c.or_else(|| part(value("b3")?, 0))
        .or_else(|| from_hex(value("x-b3-traceid")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_found_in_every_form() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        for (name, value) in [
            ("traceparent", format!("00-{id}-00f067aa0ba902b7-01")),
            ("b3", format!("{id}-00f067aa0ba902b7-1")),
            ("x-b3-traceid", id.into()),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(of(&headers).unwrap().to_string(), id, "{name}");
        }
    }

    #[test]
    fn nonsense_is_no_trace() {
        for (name, value) in [
            ("traceparent", "00-0-0-0"),
            ("traceparent", "4bf92f3577b34da6a3ce929d0e0e4736"),
            ("b3", "0"),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            assert_eq!(of(&headers), None, "{name}: {value}");
        }
    }
}
