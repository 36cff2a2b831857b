//! Version 1: a line of text.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::{Addresses, Header, Parsed};

pub(super) const SIGNATURE: &[u8] = b"PROXY ";

/// The longest line there can be, with its end.
const MAX_LINE: usize = 107;

/// Reads a line that begins with as much of the signature as there is.
pub(super) fn parse(bytes: &[u8]) -> Parsed {
    let window = bytes.get(..MAX_LINE).unwrap_or(bytes);
    let Some(end) = window.iter().position(|byte| !(0x20..0x7f).contains(byte)) else {
        return match bytes.len() < MAX_LINE {
            true => Parsed::NeedMore,
            false => Parsed::Invalid("the line is too long"),
        };
    };
    match window.get(end..) {
        Some([b'\r', b'\n', ..]) => {}
        Some([b'\r']) if bytes.len() < MAX_LINE => return Parsed::NeedMore,
        Some([b'\r']) => return Parsed::Invalid("the line is too long"),
        Some(_) | None => return Parsed::Invalid("the line does not end with CR LF"),
    }
    let line = bytes.get(..end).and_then(|line| str::from_utf8(line).ok());
    match line.map_or(Err("no text"), addresses) {
        Ok(addresses) => Parsed::Header(Header {
            len: end + 2,
            addresses,
        }),
        Err(reason) => Parsed::Invalid(reason),
    }
}

fn addresses(line: &str) -> Result<Option<Addresses>, &'static str> {
    let mut words = line.split(' ');
    let (_, family) = (words.next(), words.next());
    let mut addresses = match family {
        // Whatever follows is to be ignored.
        Some("UNKNOWN") => return Ok(None),
        Some("TCP4") => both::<Ipv4Addr>(&mut words)?,
        Some("TCP6") => both::<Ipv6Addr>(&mut words)?,
        Some(_) | None => return Err("no known family"),
    };
    addresses.source.set_port(port(words.next())?);
    addresses.destination.set_port(port(words.next())?);
    match words.next() {
        None => Ok(Some(addresses)),
        Some(_) => Err("something follows the ports"),
    }
}

fn both<'w, A: FromStr + Into<IpAddr>>(
    words: &mut impl Iterator<Item = &'w str>,
) -> Result<Addresses, &'static str> {
    let mut next = || {
        let word = words.next().ok_or("an address is missing")?;
        let address: A = word.parse().map_err(|_| "no address of its family")?;
        Ok::<_, &'static str>(SocketAddr::new(address.into(), 0))
    };
    Ok(Addresses {
        source: next()?,
        destination: next()?,
    })
}

fn port(word: Option<&str>) -> Result<u16, &'static str> {
    let word = word.ok_or("a port is missing")?;
    let is_canonical = word == "0" || !word.starts_with(['0', '+']);
    match word.parse() {
        Ok(port) if is_canonical => Ok(port),
        Ok(_) | Err(_) => Err("no port"),
    }
}
