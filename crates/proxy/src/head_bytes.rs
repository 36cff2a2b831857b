//! Heads of HTTP/1 messages as Envoy writes them, in the bytes that leave.
//!
//! The codec spells a dozen names with capitals. Peers that compare names to the letter were written
//! against Envoy, which has all of them in lower case.
//!
//! Invariant: nothing but the case of names changes.

use bytes::BytesMut;
use memchr::memchr;

/// Rewrites the head that `bytes` holds from `start` on.
pub(crate) fn lower_names(bytes: &mut BytesMut, start: usize) {
    let mut rest = bytes.get_mut(start..).unwrap_or_default();
    while let Some(end) = memchr(b'\n', rest) {
        rest = rest.get_mut(end + 1..).unwrap_or_default();
        // Names are short, and hold no line's end; what has no colon is left alone.
        let name = rest.iter().position(|byte| matches!(byte, b':' | b'\n'));
        if let Some(len) = name
            && rest.get(len) == Some(&b':')
            && let Some(name) = rest.get_mut(..len)
        {
            name.make_ascii_lowercase();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(before: &str, head: &str) -> String {
        let mut bytes = BytesMut::from(before);
        bytes.extend_from_slice(head.as_bytes());
        lower_names(&mut bytes, before.len());
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    #[test]
    fn names_are_in_lower_case_and_values_as_they_were() {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: Text/HTML: A\r\nDate: Now\r\nx-a: \r\n\r\n";
        let expected =
            "HTTP/1.1 200 OK\r\ncontent-type: Text/HTML: A\r\ndate: Now\r\nx-a: \r\n\r\n";
        assert_eq!(
            written("Left: Over\r\n", head),
            format!("Left: Over\r\n{expected}")
        );
    }

    #[test]
    fn what_is_no_head_is_left_alone() {
        for odd in ["", "\n", "no line", "HTTP/1.1 200 OK\r\nCut Off"] {
            assert_eq!(written("", odd), odd);
        }
    }
}
