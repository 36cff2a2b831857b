//! A host and its port, as they stand in `Host` and in the absolute form.

use std::net::Ipv6Addr;

use crate::Fault;

/// A name (RFC 1035 section 2.3.4) and a port.
const MAX: usize = 253 + ":65535".len();

/// Whether [`check`] has nothing to say against it.
pub fn is_authority(text: &[u8]) -> bool {
    check(text).is_ok()
}

/// Says whether `text` is a host with or without a port (RFC 3986 section 3.2).
///
/// A comma is refused although a name may contain it: that is what several Hosts look like once
/// somebody has put them together.
///
/// # Errors
///
/// When it is empty, too long, has a user, or bytes that do not belong there.
pub(crate) fn check(text: &[u8]) -> Result<(), Fault> {
    if text.contains(&b'@') {
        return Err(Fault::Userinfo);
    }
    let (host, port) = split(text);
    let is_sound = (1..=MAX).contains(&text.len())
        && port.is_none_or(is_port)
        && match host.strip_prefix(b"[") {
            Some(rest) => rest.strip_suffix(b"]").is_some_and(is_ipv6),
            None => is_name(host),
        };
    is_sound.then_some(()).ok_or(Fault::HostInvalid)
}

/// The host, and what stands behind the colon that is not part of an address.
fn split(text: &[u8]) -> (&[u8], Option<&[u8]>) {
    let from = match text.first() {
        Some(b'[') => text.iter().position(|byte| *byte == b']').unwrap_or(0),
        _ => 0,
    };
    let rest = text.get(from..).unwrap_or_default();
    match rest.iter().position(|byte| *byte == b':') {
        Some(n) => {
            let (host, port) = text.split_at(from + n);
            (host, port.get(1..))
        }
        None => (text, None),
    }
}

fn is_port(text: &[u8]) -> bool {
    let digits = text.iter().all(u8::is_ascii_digit);
    let number = text.iter().fold(0_u32, |sum, byte| {
        (sum * 10 + u32::from(byte & 0xf)).min(70_000)
    });
    digits && number <= 65_535
}

fn is_ipv6(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_name(text: &[u8]) -> bool {
    // Most have nothing else.
    let plain = text.iter().position(|byte| !is_name_byte(*byte));
    let mut rest = plain.map_or(&b""[..], |from| text.get(from..).unwrap_or_default());
    while let [first, behind @ ..] = rest {
        rest = match (first, behind) {
            (b'%', [a, b, behind @ ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => behind,
            (byte, behind) if is_name_byte(*byte) => behind,
            _ => return false,
        };
    }
    !text.is_empty()
}

/// RFC 3986 section 2: unreserved characters and sub-delimiters, less the comma.
#[expect(clippy::indexing_slicing, reason = "the table has all bytes")]
const fn is_name_byte(byte: u8) -> bool {
    NAME[byte as usize]
}

const NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        #[expect(
            clippy::indexing_slicing,
            reason = "a table of all bytes, made by the compiler"
        )]
        {
            table[byte as usize] = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'-' | b'.'
                        | b'_'
                        | b'~'
                        | b'!'
                        | b'$'
                        | b'&'
                        | b'\''
                        | b'('
                        | b')'
                        | b'*'
                        | b'+'
                        | b';'
                        | b'='
                );
        }
        byte += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_pass_with_and_without_ports() {
        for host in [
            "a",
            "a.example",
            "a.example:80",
            "a.example:65535",
            "a.example:",
            "127.0.0.1:1",
            "[::1]",
            "[::1]:8080",
            "[::ffff:1.2.3.4]:1",
            "a_b",
            "caf%C3%A9.example",
            "a!$&'()*+;=~",
        ] {
            assert_eq!(check(host.as_bytes()), Ok(()), "{host}");
        }
    }

    #[test]
    fn anything_else_does_not() {
        for host in [
            "",
            ":80",
            "a:65536",
            "a:99999999999999999999",
            "a:+1",
            "a:x",
            "a:1:2",
            "a b",
            "a\tb",
            "a,b",
            "a/b",
            "a\\b",
            "a?b",
            "a#b",
            "a%",
            "a%4",
            "a%gg",
            "[",
            "[]",
            "[::1",
            "[::1]x",
            "[::1]:x",
            "[:::]",
            "[1.2.3.4]",
            "[v1.a]",
            "::1",
            "a]",
            "\"a\"",
            "a\u{e9}",
            "<a>",
            "[::1%25eth0]",
        ] {
            assert_eq!(check(host.as_bytes()), Err(Fault::HostInvalid), "{host}");
        }
        assert_eq!(check(b"user@a"), Err(Fault::Userinfo));
        assert_eq!(check(&[b'a'; MAX + 1]), Err(Fault::HostInvalid));
    }
}
