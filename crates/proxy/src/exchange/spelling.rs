//! How names of HTTP/1 headers are spelled, for peers that tell case apart against RFC 9110 section
//! 5.1 (`proper_case`, `header_case_overrides`).
//!
//! Deliberately absent: HTTP/2, where names have one spelling.

use http::HeaderName;
use nuncio_routing::HeaderCase;
use pingora_core::Result;
use pingora_http::{RequestHeader, ResponseHeader};

/// The same head with its names spelled anew.
///
/// # Errors
///
/// When a field cannot be held, which was possible before.
pub(super) fn of_request(head: &RequestHeader, case: &HeaderCase) -> Result<RequestHeader> {
    let size = Some(head.headers.len());
    let mut spelled = RequestHeader::build(head.method.clone(), head.raw_path(), size)?;
    spelled.set_version(head.version);
    for (name, value) in &head.headers {
        spelled.append_header(spelling(name, case), value.clone())?;
    }
    Ok(spelled)
}

/// The same head with its names spelled anew.
///
/// # Errors
///
/// When a field cannot be held, which was possible before.
pub(super) fn of_response(head: &ResponseHeader, case: &HeaderCase) -> Result<ResponseHeader> {
    let mut spelled = ResponseHeader::build(head.status, Some(head.headers.len()))?;
    spelled.set_version(head.version);
    for (name, value) in &head.headers {
        spelled.append_header(spelling(name, case), value.clone())?;
    }
    Ok(spelled)
}

fn spelling(name: &HeaderName, case: &HeaderCase) -> String {
    let name = name.as_str();
    match case {
        HeaderCase::Lower => name.to_owned(),
        HeaderCase::Proper => proper(name),
        HeaderCase::Overrides(spelled) => spelled
            .iter()
            .find(|spelled| spelled.eq_ignore_ascii_case(name))
            .map_or_else(|| name.to_owned(), |spelled| (**spelled).to_owned()),
    }
}

/// Envoy's `ProperCaseHeaderKeyFormatter`: a capital at the start and after each character that is
/// neither letter nor digit.
fn proper(name: &str) -> String {
    let mut begins = true;
    name.chars()
        .map(|c| {
            let spelled = if begins { c.to_ascii_uppercase() } else { c };
            begins = !c.is_ascii_alphanumeric();
            spelled
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(case: &HeaderCase) -> String {
        let mut head = ResponseHeader::build_no_case(200, None).unwrap();
        head.append_header("content-type", "a/b").unwrap();
        head.append_header("x-two", "1").unwrap();
        head.append_header("x-two", "2").unwrap();
        head.append_header("x-other_name", "3").unwrap();
        let mut out = Vec::new();
        of_response(&head, case)
            .unwrap()
            .header_to_h1_wire(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn proper_case_has_a_capital_at_each_word() {
        let expected = "Content-Type: a/b\r\nX-Two: 1\r\nX-Two: 2\r\nX-Other_Name: 3\r\n";
        assert_eq!(wire(&HeaderCase::Proper), expected);
    }

    #[test]
    fn overrides_are_spelled_as_written_and_others_in_lower_case() {
        let overrides = HeaderCase::Overrides(Box::new(["X-TWO".into()]));
        let expected = "content-type: a/b\r\nX-TWO: 1\r\nX-TWO: 2\r\nx-other_name: 3\r\n";
        assert_eq!(wire(&overrides), expected);
    }
}
