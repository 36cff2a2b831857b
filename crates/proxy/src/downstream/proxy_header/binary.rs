//! Version 2: sixteen bytes, then addresses, then whatever else was thought of (TLVs).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::{Addresses, Header, MAX_LEN, Parsed};

pub(super) const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Up to and with the length of the rest.
const FIXED: usize = 16;

/// A checksum of the whole header, itself taken for zeros.
const CHECKSUM: u8 = 0x03;

/// Reads a header that begins with as much of the signature as there is.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let Some((fixed, _)) = bytes.split_first_chunk::<FIXED>() else {
        return Parsed::NeedMore;
    };
    let [.., command, family, high, low] = *fixed;
    let len = FIXED + usize::from(u16::from_be_bytes([high, low]));
    if len > MAX_LEN {
        return Parsed::Invalid("the header is too long");
    }
    let is_local = match command {
        0x20 => true,
        0x21 => false,
        _ => return Parsed::Invalid("no known version and command"),
    };
    let Some(whole) = bytes.get(..len) else {
        return Parsed::NeedMore;
    };
    let addresses = match is_local {
        // Of whoever passes connections on; its family is to be ignored.
        true => Ok(None),
        false => addresses(family, whole),
    };
    match addresses {
        Ok(addresses) => Parsed::Header(Header { len, addresses }),
        Err(reason) => Parsed::Invalid(reason),
    }
}

fn addresses(family: u8, whole: &[u8]) -> Result<Option<Addresses>, &'static str> {
    const TOO_SHORT: &str = "the addresses do not fit in";
    let said = whole.get(FIXED..).unwrap_or_default();
    let (addresses, length) = match family {
        // What is said of an unspecified one is to be ignored.
        0x00 => return Ok(None),
        0x11 => {
            let (fields, _) = said.split_first_chunk::<12>().ok_or(TOO_SHORT)?;
            let [source, destination] = [v4(fields, 0), v4(fields, 4)];
            (Some(ends(source, destination, fields.last_chunk())), 12)
        }
        0x21 => {
            let (fields, _) = said.split_first_chunk::<36>().ok_or(TOO_SHORT)?;
            let [source, destination] = [v6(fields, 0), v6(fields, 16)];
            (Some(ends(source, destination, fields.last_chunk())), 36)
        }
        // Paths of Unix sockets are no addresses.
        0x31 => (None, 216),
        0x12 | 0x22 | 0x32 => return Err("datagrams over a connection"),
        _ => return Err("no known family"),
    };
    let rest = said.get(length..).ok_or(TOO_SHORT)?;
    check(rest, whole)?;
    Ok(addresses)
}

fn ends(source: IpAddr, destination: IpAddr, ports: Option<&[u8; 4]>) -> Addresses {
    let [a, b, c, d] = ports.copied().unwrap_or_default();
    Addresses {
        source: SocketAddr::new(source, u16::from_be_bytes([a, b])),
        destination: SocketAddr::new(destination, u16::from_be_bytes([c, d])),
    }
}

fn v4(fields: &[u8], at: usize) -> IpAddr {
    let octets = fields.get(at..).and_then(<[u8]>::first_chunk::<4>);
    Ipv4Addr::from(octets.copied().unwrap_or_default()).into()
}

fn v6(fields: &[u8], at: usize) -> IpAddr {
    let octets = fields.get(at..).and_then(<[u8]>::first_chunk::<16>);
    Ipv6Addr::from(octets.copied().unwrap_or_default()).into()
}

/// Whether the TLVs in `rest` are whole, and the checksum right if there is one.
fn check(mut rest: &[u8], whole: &[u8]) -> Result<(), &'static str> {
    const CUT_OFF: &str = "a TLV does not fit in";
    let mut is_checked = false;
    while !rest.is_empty() {
        let ([kind, high, low], after) = rest.split_first_chunk().ok_or(CUT_OFF)?;
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let (value, following) = after.split_at_checked(length).ok_or(CUT_OFF)?;
        if *kind == CHECKSUM {
            // Each costs a look at all that there is.
            if std::mem::replace(&mut is_checked, true) {
                return Err("a second checksum");
            }
            let said: [u8; 4] = value.try_into().map_err(|_| "no checksum")?;
            let at = whole.len() - after.len();
            if u32::from_be_bytes(said) != crc32c(whole, at..at + said.len()) {
                return Err("the checksum is wrong");
            }
        }
        rest = following;
    }
    Ok(())
}

/// RFC 3385, with zeros at `blank`.
fn crc32c(bytes: &[u8], blank: std::ops::Range<usize>) -> u32 {
    const REVERSED_POLYNOMIAL: u32 = 0x82F6_3B78;
    let mut crc = u32::MAX;
    for (at, byte) in bytes.iter().enumerate() {
        crc ^= u32::from(if blank.contains(&at) { 0 } else { *byte });
        for _ in 0..8 {
            crc = (crc >> 1) ^ (REVERSED_POLYNOMIAL & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksum_is_castagnolis() {
        assert_eq!(crc32c(b"123456789", 0..0), 0xE306_9283);
        assert_eq!(crc32c(&[0; 32], 0..0), 0x8A91_36AA);
        assert_eq!(crc32c(&[7; 32], 0..32), 0x8A91_36AA);
    }
}
