//! Whether a client takes gzip (RFC 9110 section 12.5.3).
//!
//! Invariant: linear in the field; what is no weight counts as 1, as in Envoy.

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// As Envoy chooses: of `gzip`, `*` and `identity` the one with the greatest weight, the first of
/// several; a weight of 0 refuses.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let codings = headers
        .get_all(ACCEPT_ENCODING)
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .filter_map(Coding::read);
    let mut best: Option<Coding> = None;
    for coding in codings {
        // `gzip` speaks for itself, whatever is said of the others.
        if coding.name == Name::Gzip && coding.weight == 0 {
            return false;
        }
        if best.is_none_or(|best| coding.weight > best.weight) {
            best = Some(coding);
        }
    }
    best.is_some_and(|best| best.weight > 0 && best.name != Name::Identity)
}

#[derive(Clone, Copy)]
struct Coding {
    name: Name,
    /// In thousandths.
    weight: u16,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Name {
    Gzip,
    Identity,
    Any,
}

impl Coding {
    /// One element of the list; `None` for codings that are not offered.
    fn read(element: &[u8]) -> Option<Self> {
        let mut parts = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let name = match parts.next()? {
            b"*" => Name::Any,
            name if name.eq_ignore_ascii_case(b"gzip") => Name::Gzip,
            name if name.eq_ignore_ascii_case(b"identity") => Name::Identity,
            _ => return None,
        };
        let weight = parts.find_map(weight).unwrap_or(1000);
        Some(Self { name, weight })
    }
}

/// `q=0.5`, in thousandths.
fn weight(parameter: &[u8]) -> Option<u16> {
    let (b'q' | b'Q', rest) = parameter.split_first()? else {
        return None;
    };
    let digits = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    let number: f32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    // NaN and what lies outside is no weight.
    (0.0..=1.0)
        .contains(&number)
        .then_some((number * 1000.0) as u16)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn accepts(fields: &[&'static str]) -> bool {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(field));
        }
        accepts_gzip(&headers)
    }

    #[test]
    fn a_client_must_ask_for_it() {
        for (fields, expected) in [
            (&[][..], false),
            (&[""], false),
            (&["gzip"], true),
            (&["GZip"], true),
            (&["deflate, gzip;q=1.0, *;q=0.5"], true),
            (&["br, deflate"], false),
            (&["br", "gzip"], true),
            (&["*"], true),
            (&["identity"], false),
            (&["x-gzip"], false),
        ] {
            assert_eq!(accepts(fields), expected, "{fields:?}");
        }
    }

    #[test]
    fn weights_decide() {
        for (field, expected) in [
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("gzip;q=0.001", true),
            ("gzip;q=0.5, identity", false),
            ("gzip;q=0.5, identity;q=0.4", true),
            ("identity;q=0.5, *;q=0.8", true),
            ("gzip;q=0, *", false),
            ("*;q=0", false),
            ("gzip; Q = 0.3", true),
            ("gzip;q=much", true),
            ("gzip;q=7", true),
            ("gzip;q=NaN", true),
        ] {
            assert_eq!(accepts(&[field]), expected, "{field}");
        }
    }
}
