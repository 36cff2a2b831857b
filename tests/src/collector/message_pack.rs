//! Reads MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>).

use std::collections::BTreeMap;

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Packed {
    Number(u64),
    Float,
    Text(String),
    Items(Vec<Self>),
    Entries(BTreeMap<String, Self>),
}

impl Packed {
    pub(super) fn read(mut bytes: &[u8]) -> Self {
        let value = Self::next(&mut bytes);
        assert!(bytes.is_empty(), "more than one value");
        value
    }

    fn next(bytes: &mut &[u8]) -> Self {
        let code = u8::try_from(number(bytes, 1)).unwrap();
        match code {
            0x00..=0x7f => Self::Number(code.into()),
            0x80..=0x8f => Self::map(bytes, (code & 0x0f).into()),
            0x90..=0x9f => Self::array(bytes, (code & 0x0f).into()),
            0xa0..=0xbf => Self::string(bytes, (code & 0x1f).into()),
            0xcb => {
                number(bytes, 8);
                Self::Float
            }
            0xcc | 0xd0 => Self::Number(number(bytes, 1)),
            0xcd | 0xd1 => Self::Number(number(bytes, 2)),
            0xce | 0xd2 => Self::Number(number(bytes, 4)),
            0xcf | 0xd3 => Self::Number(number(bytes, 8)),
            0xd9 => Self::sized(bytes, 1, Self::string),
            0xda => Self::sized(bytes, 2, Self::string),
            0xdb => Self::sized(bytes, 4, Self::string),
            0xdc => Self::sized(bytes, 2, Self::array),
            0xdd => Self::sized(bytes, 4, Self::array),
            0xde => Self::sized(bytes, 2, Self::map),
            0xdf => Self::sized(bytes, 4, Self::map),
            other => panic!("code {other:#x}"),
        }
    }

    fn sized(bytes: &mut &[u8], width: usize, read: fn(&mut &[u8], u64) -> Self) -> Self {
        let length = number(bytes, width);
        read(bytes, length)
    }

    fn string(bytes: &mut &[u8], length: u64) -> Self {
        let (text, rest) = bytes.split_at(usize::try_from(length).unwrap());
        *bytes = rest;
        Self::Text(String::from_utf8(text.to_vec()).unwrap())
    }

    fn array(bytes: &mut &[u8], length: u64) -> Self {
        Self::Items((0..length).map(|_| Self::next(bytes)).collect())
    }

    fn map(bytes: &mut &[u8], length: u64) -> Self {
        let entries = (0..length).map(|_| (Self::next(bytes).text(), Self::next(bytes)));
        Self::Entries(entries.collect())
    }

    pub(super) fn items(self) -> Vec<Self> {
        match self {
            Self::Items(items) => items,
            other => panic!("no list: {other:?}"),
        }
    }

    pub(super) fn entries(self) -> BTreeMap<String, Self> {
        match self {
            Self::Entries(entries) => entries,
            other => panic!("no map: {other:?}"),
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            other => panic!("no text: {other:?}"),
        }
    }

    pub(super) fn number(&self) -> u64 {
        match self {
            Self::Number(number) => *number,
            other => panic!("no number: {other:?}"),
        }
    }
}

/// A number in the order of the network.
fn number(bytes: &mut &[u8], width: usize) -> u64 {
    let (number, rest) = bytes.split_at(width);
    *bytes = rest;
    number
        .iter()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
