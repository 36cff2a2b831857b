//! Whether a client takes gzip (RFC 9110 section 12.5.3).

use http::HeaderMap;
use http::header::ACCEPT_ENCODING;

/// Whether gzip is asked for, and no less than what is not encoded.
pub(crate) fn takes_gzip(headers: &HeaderMap) -> bool {
    let [mut gzip, mut any, mut identity] = [None; 3];
    let fields = headers.get_all(ACCEPT_ENCODING).iter();
    for element in fields.flat_map(|field| field.as_bytes().split(|&byte| byte == b',')) {
        let mut parts = element.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let weighed = match parts.next().unwrap_or_default() {
            b"*" => &mut any,
            name if name.eq_ignore_ascii_case(b"gzip") => &mut gzip,
            name if name.eq_ignore_ascii_case(b"x-gzip") => &mut gzip,
            name if name.eq_ignore_ascii_case(b"identity") => &mut identity,
            _ => continue,
        };
        *weighed = Some(parts.find_map(weight).unwrap_or(1.0));
    }
    let gzip = gzip.or(any).unwrap_or(0.0);
    gzip > 0.0 && gzip >= identity.unwrap_or(0.0)
}

/// `q=0.5`
fn weight(parameter: &[u8]) -> Option<f32> {
    let (b'q' | b'Q', rest) = parameter.split_first()? else {
        return None;
    };
    let digits = rest.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
    let number: f32 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    (0.0..=1.0).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn gzip_is_for_those_who_ask_for_it() {
        for (fields, expected) in [
            (&[][..], false),
            (&["gzip"], true),
            (&["GZIP;q=0.5"], true),
            (&["br", "deflate, gzip"], true),
            (&["*"], true),
            (&["identity"], false),
            (&["gzip;q=0"], false),
            (&["gzip;q=0, *"], false),
            (&["gzip;q=0.4, identity;q=0.5"], false),
            (&["gzip;q=0.5, identity;q=0.5"], true),
            (&["gzip;q=much"], true),
            (&["deflate"], false),
            (&[""], false),
        ] {
            let mut headers = HeaderMap::new();
            for field in fields {
                headers.append(ACCEPT_ENCODING, HeaderValue::from_static(field));
            }
            assert_eq!(takes_gzip(&headers), expected, "{fields:?}");
        }
    }
}
