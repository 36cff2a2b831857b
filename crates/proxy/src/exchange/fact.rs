//! The value of one operator, and how it is written.
//!
//! Invariant: a value borrows what it is made of, and is written where it is wanted: every line of
//! the access log consists of them, so none costs an allocation or a formatter where the standard
//! library's could be done without. What is written is what that would write.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use nuncio_telemetry::TraceId;
use nuncio_tracing::SpanId;

use super::{start_time, words};

/// The value of one operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fact<'a> {
    Text(&'a [u8]),
    Number(u64),
    Address(SocketAddr),
    Ip(IpAddr),
    /// In this `strftime` format.
    Time(SystemTime, Option<&'a str>),
    /// Short flags, to be said in words.
    LongFlags(&'a str),
    Trace(TraceId),
    Span(SpanId),
}

impl Fact<'_> {
    /// Writes it at the end of `out`, its first `most` bytes if it is longer.
    pub(crate) fn write(self, most: usize, out: &mut Vec<u8>) {
        if let Fact::Text(text) = self {
            out.extend_from_slice(text.get(..most).unwrap_or(text));
            return;
        }
        let start = out.len();
        self.write_whole(out);
        out.truncate(start.saturating_add(most));
    }

    fn write_whole(self, out: &mut Vec<u8>) {
        // A vector takes whatever is written.
        match self {
            Fact::Text(text) => out.extend_from_slice(text),
            Fact::Number(number) => write_number(number, out),
            Fact::Address(SocketAddr::V4(address)) => {
                write_octets(address.ip().octets(), out);
                out.push(b':');
                write_number(address.port().into(), out);
            }
            Fact::Address(address @ SocketAddr::V6(_)) => drop(write!(out, "{address}")),
            Fact::Ip(IpAddr::V4(ip)) => write_octets(ip.octets(), out),
            Fact::Ip(ip @ IpAddr::V6(_)) => drop(write!(out, "{ip}")),
            Fact::Time(time, format) => start_time::write(time, format, out),
            Fact::LongFlags(flags) => out.extend_from_slice(words::long_flags(flags).as_bytes()),
            Fact::Trace(id) => drop(write!(out, "{id}")),
            Fact::Span(id) => drop(write!(out, "{id}")),
        }
    }
}

/// Writes `number` in decimal.
pub(super) fn write_number(number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn write_octets([first, rest @ ..]: [u8; 4], out: &mut Vec<u8>) {
    write_number(first.into(), out);
    for octet in rest {
        out.push(b'.');
        write_number(octet.into(), out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(fact: Fact<'_>, most: usize) -> String {
        let mut out = Vec::from("> ");
        fact.write(most, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for text in [
            "0.0.0.0:0",
            "10.1.200.255:65535",
            "[::1]:80",
            "[fe80::1%3]:8080",
            "[::ffff:10.0.0.1]:443",
        ] {
            let address: SocketAddr = text.parse().unwrap();
            let whole = written(Fact::Address(address), usize::MAX);
            assert_eq!(whole, format!("> {address}"));
            let ip = written(Fact::Ip(address.ip()), usize::MAX);
            assert_eq!(ip, format!("> {}", address.ip()));
        }
    }

    #[test]
    fn whatever_it_is_can_be_cut() {
        let address = Fact::Address("10.1.2.3:80".parse().unwrap());
        let time = Fact::Time(SystemTime::UNIX_EPOCH, None);
        for (fact, expected) in [
            (Fact::Text(b"text"), "> te"),
            (Fact::Number(123), "> 12"),
            (Fact::Number(1), "> 1"),
            (address, "> 10"),
            (time, "> 19"),
            (Fact::LongFlags("UH"), "> No"),
        ] {
            assert_eq!(written(fact, 2), expected, "{fact:?}");
        }
    }
}
