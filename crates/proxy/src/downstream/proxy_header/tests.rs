use std::net::{Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

fn header(bytes: &[u8]) -> Option<Addresses> {
    match parse(bytes) {
        Parsed::Header(header) => {
            assert_eq!(header.len, bytes.len());
            header.addresses
        }
        other => panic!("{other:?}"),
    }
}

fn addresses(source: &str, destination: &str) -> Option<Addresses> {
    Some(Addresses {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
    })
}

fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
    let length = u16::try_from(rest.len()).unwrap().to_be_bytes();
    [binary::SIGNATURE, &[command, family], &length, rest].concat()
}

const V4: [u8; 12] = [192, 0, 2, 7, 198, 51, 100, 1, 0xdc, 4, 1, 0xbb];

fn with_tlvs(tlvs: &[u8]) -> Vec<u8> {
    binary(0x21, 0x11, &[&V4[..], tlvs].concat())
}

#[test]
fn lines_say_whose_connection_it_is() {
    for (line, expected) in [
        (
            "PROXY TCP4 192.0.2.7 198.51.100.1 56324 443\r\n",
            addresses("192.0.2.7:56324", "198.51.100.1:443"),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            addresses("255.255.255.255:65535", "255.255.255.255:65535"),
        ),
        (
            "PROXY TCP4 0.0.0.0 0.0.0.0 0 0\r\n",
            addresses("0.0.0.0:0", "0.0.0.0:0"),
        ),
        (
            "PROXY TCP6 2001:db8::7 ::1 1 2\r\n",
            addresses("[2001:db8::7]:1", "[::1]:2"),
        ),
        (
            "PROXY TCP6 ffff:f:f:f:f:f:f:ffff ::ffff:1.2.3.4 1 2\r\n",
            addresses("[ffff:f:f:f:f:f:f:ffff]:1", "[::ffff:1.2.3.4]:2"),
        ),
        ("PROXY UNKNOWN\r\n", None),
        ("PROXY UNKNOWN ffff:f::1 what ever 1 2\r\n", None),
    ] {
        assert_eq!(header(line.as_bytes()), expected, "{line}");
    }
}

#[test]
fn the_longest_line_fits_in_and_no_longer_one() {
    let longest = format!("PROXY UNKNOWN {}\r\n", "x".repeat(107 - 16));
    assert_eq!(longest.len(), 107);
    assert_eq!(header(longest.as_bytes()), None);
    let longer = longest.replace("x\r", "xx\r");
    for end in [longer.len(), 107] {
        let parsed = parse(&longer.as_bytes()[..end]);
        assert!(matches!(parsed, Parsed::Invalid(_)), "{end}: {parsed:?}");
    }
    assert_eq!(parse(&longer.as_bytes()[..106]), Parsed::NeedMore);
}

#[test]
fn lines_that_are_not_exactly_right_are_none() {
    for line in [
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY  TCP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4  1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 \r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2 3\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4\r\n",
        "PROXY TCP4 1.2.3.4\r\n",
        "PROXY TCP4\r\n",
        "PROXY TCP5 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY UDP4 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY TCP4 1.2.3 1.2.3.4 1 2\r\n",
        "PROXY TCP4 01.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n",
        "PROXY TCP4 ::1 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 ::1 1 2\r\n",
        "PROXY TCP6 1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY TCP6 fe80::1%eth0 ::1 1 2\r\n",
        "PROXY TCP6 [::1] [::1] 1 2\r\n",
        "PROXY TCP6 :::1 ::1 1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 01 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 00\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 +1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 -1 2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 65536\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 0x2\r\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\n",
        "PROXY TCP4 1.2.3.4 1.2.3.4 1 2\r\r\n",
        "PROXY TCP4\t1.2.3.4 1.2.3.4 1 2\r\n",
        "PROXY UNKNOWN \0\r\n",
        "PROXY UNKNOWN é\r\n",
    ] {
        let parsed = parse(line.as_bytes());
        assert!(matches!(parsed, Parsed::Invalid(_)), "{line:?}: {parsed:?}");
    }
}

#[test]
fn sixteen_bytes_and_addresses_say_whose_connection_it_is() {
    let v4 = addresses("192.0.2.7:56324", "198.51.100.1:443");
    assert_eq!(header(&binary(0x21, 0x11, &V4)), v4);
    let mut v6 = [0; 36];
    (v6[15], v6[31], v6[33], v6[35]) = (7, 1, 3, 4);
    assert_eq!(
        header(&binary(0x21, 0x21, &v6)),
        addresses("[::7]:3", "[::1]:4")
    );
    assert_eq!(header(&binary(0x21, 0x31, &[b'/'; 216])), None);
    assert_eq!(header(&binary(0x21, 0x00, b"whatever")), None);
    for (family, rest) in [(0x00, &b""[..]), (0x11, &V4), (0xff, b"health check")] {
        assert_eq!(header(&binary(0x20, family, rest)), None, "LOCAL");
    }
}

#[test]
fn what_else_is_said_is_skipped_if_it_is_whole() {
    let authority = [&[0x02, 0, 9][..], b"a.example"].concat();
    let nothing = [0x04, 0, 0];
    let both = [&authority[..], &nothing].concat();
    for tlvs in [&authority[..], &nothing, &both] {
        assert!(header(&with_tlvs(tlvs)).is_some(), "{tlvs:?}");
    }
    for end in 1..authority.len() {
        let parsed = parse(&with_tlvs(&authority[..end]));
        assert!(matches!(parsed, Parsed::Invalid(_)), "{end}");
    }
}

#[test]
fn a_checksum_has_to_be_right() {
    let checksum = [0x03, 0, 4, 0x0b, 0x6d, 0xba, 0x0f];
    let reference = with_tlvs(&[0x03, 0, 4, 0, 0, 0, 0]);
    let right = bitwise_crc32c(&reference).to_be_bytes();
    let tlv = [&checksum[..3], &right].concat();
    assert!(header(&with_tlvs(&tlv)).is_some());
    for (at, wrong) in [(3, !right[0]), (6, !right[3])] {
        let mut tlv = tlv.clone();
        tlv[at] = wrong;
        assert!(matches!(parse(&with_tlvs(&tlv)), Parsed::Invalid(_)));
    }
    let blank = [0x03, 0, 4, 0, 0, 0, 0];
    let first = bitwise_crc32c(&with_tlvs(&blank.repeat(2))).to_be_bytes();
    let two = with_tlvs(&[&blank[..3], &first, &blank].concat());
    assert!(matches!(parse(&two), Parsed::Invalid("a second checksum")));
    let short = with_tlvs(&[0x03, 0, 3, 1, 2, 3]);
    assert!(matches!(parse(&short), Parsed::Invalid(_)));
}

/// The checksum by polynomial division, most significant bit first, as it is defined.
fn bitwise_crc32c(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        for bit in 0..8 {
            let input = u32::from(byte >> bit & 1);
            let is_set = crc >> 31 ^ input == 1;
            crc = crc << 1 ^ if is_set { 0x1EDC_6F41 } else { 0 };
        }
    }
    !crc.reverse_bits()
}

#[test]
fn headers_that_are_not_exactly_right_are_none() {
    let broken = |command, family, rest: &[u8]| {
        let parsed = parse(&binary(command, family, rest));
        assert!(
            matches!(parsed, Parsed::Invalid(_)),
            "{command:x} {family:x} {rest:?}: {parsed:?}"
        );
    };
    for command in [0x00, 0x01, 0x11, 0x22, 0x2f, 0x31] {
        broken(command, 0x11, &V4);
    }
    for family in [0x01, 0x10, 0x12, 0x13, 0x20, 0x22, 0x30, 0x32, 0x41] {
        broken(0x21, family, &[0; 232]);
    }
    broken(0x21, 0x11, &V4[..11]);
    broken(0x21, 0x21, &[0; 35]);
    broken(0x21, 0x31, &[0; 215]);
    broken(0x21, 0x00, &[0; MAX_LEN]);
}

#[test]
fn what_cannot_be_a_header_any_more_is_known_at_once() {
    for (begin, needs_more) in [
        (&b""[..], true),
        (b"P", true),
        (b"PROXY", true),
        (b"G", false),
        (b"PROXZ", false),
        (b"\r\n", true),
        (b"\r\n\r\n\0\r\nQUIT\n", true),
        (b"\r\n\r\nG", false),
        (b"\x16\x03", false),
    ] {
        let parsed = parse(begin);
        assert_eq!(parsed == Parsed::NeedMore, needs_more, "{begin:?}");
    }
}

/// Headers of both versions, as somebody would write them.
fn written() -> impl Strategy<Value = (Vec<u8>, Addresses)> {
    let v4 = (any::<Ipv4Addr>(), any::<Ipv4Addr>(), any::<(u16, u16)>());
    let v6 = (any::<Ipv6Addr>(), any::<Ipv6Addr>(), any::<(u16, u16)>());
    let lines = prop_oneof![
        v4.clone()
            .prop_map(|(a, b, ports)| ("TCP4", a.into(), b.into(), ports)),
        v6.clone()
            .prop_map(|(a, b, ports)| ("TCP6", a.into(), b.into(), ports)),
    ];
    let text = lines.prop_map(|(family, source, destination, (from, to))| {
        let line = format!("PROXY {family} {source} {destination} {from} {to}\r\n");
        let addresses = Addresses {
            source: SocketAddr::new(source, from),
            destination: SocketAddr::new(destination, to),
        };
        (line.into_bytes(), addresses)
    });
    let fields = prop_oneof![
        v4.prop_map(|(a, b, ports)| {
            let octets = [a.octets(), b.octets()].concat();
            (0x11, octets, a.into(), b.into(), ports)
        }),
        v6.prop_map(|(a, b, ports)| {
            let octets = [a.octets(), b.octets()].concat();
            (0x21, octets, a.into(), b.into(), ports)
        }),
    ];
    let binary = fields.prop_map(|(family, octets, source, destination, (from, to))| {
        let ports = [from.to_be_bytes(), to.to_be_bytes()].concat();
        let addresses = Addresses {
            source: SocketAddr::new(source, from),
            destination: SocketAddr::new(destination, to),
        };
        (binary(0x21, family, &[octets, ports].concat()), addresses)
    });
    prop_oneof![text, binary]
}

proptest! {
    #[test]
    fn what_is_written_is_read_whatever_follows((bytes, written) in written(), more: Vec<u8>) {
        let len = bytes.len();
        let addresses = Some(written);
        let parsed = parse(&[bytes, more].concat());
        prop_assert_eq!(parsed, Parsed::Header(Header { len, addresses }));
    }

    #[test]
    fn no_beginning_of_a_header_is_taken_for_anything((bytes, _) in written(), at: prop::sample::Index) {
        let parsed = parse(&bytes[..at.index(bytes.len())]);
        prop_assert_eq!(parsed, Parsed::NeedMore);
    }

    #[test]
    fn any_bytes_are_read_alike_with_and_without_more(bytes in any_beginning(), more: Vec<u8>) {
        let parsed = parse(&bytes);
        match &parsed {
            Parsed::Header(header) => prop_assert!(header.len <= bytes.len()),
            Parsed::NeedMore => prop_assert!(bytes.len() < MAX_LEN),
            Parsed::Invalid(_) => {}
        }
        if parsed != Parsed::NeedMore {
            let both = parse(&[bytes, more].concat());
            let is_same = both == parsed;
            let both_invalid = matches!((&both, &parsed), (Parsed::Invalid(_), Parsed::Invalid(_)));
            prop_assert!(is_same || both_invalid);
        }
    }
}

/// Bytes that begin with a signature often enough.
fn any_beginning() -> impl Strategy<Value = Vec<u8>> {
    let begin = prop_oneof![
        Just(Vec::new()),
        Just(b"PROXY ".to_vec()),
        Just(b"PROXY TCP4 ".to_vec()),
        Just([binary::SIGNATURE, &[0x21, 0x11, 0]].concat()),
        Just([binary::SIGNATURE, &[0x20, 0x00, 0]].concat()),
    ];
    (begin, prop::collection::vec(any::<u8>(), 0..300))
        .prop_map(|(begin, more)| [begin, more].concat())
}
