//! Writes MessagePack (<https://github.com/msgpack/msgpack/blob/master/spec.md>), of which only as
//! much is known as is wanted.

use bytes::BufMut;

/// What is written so far.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// So many values follow.
    pub(super) fn array(&mut self, length: usize) {
        self.0.put_u8(0xdd);
        self.0.put_u32(count(length));
    }

    /// So many keys follow, each before its value.
    pub(super) fn map(&mut self, length: usize) {
        self.0.put_u8(0xdf);
        self.0.put_u32(count(length));
    }

    pub(super) fn text(&mut self, text: &str) {
        match u8::try_from(text.len()) {
            Ok(length) => {
                self.0.put_u8(0xd9);
                self.0.put_u8(length);
            }
            Err(_) => {
                self.0.put_u8(0xdb);
                self.0.put_u32(count(text.len()));
            }
        }
        self.0.extend_from_slice(text.as_bytes());
    }

    pub(super) fn unsigned(&mut self, number: u64) {
        self.0.put_u8(0xcf);
        self.0.put_u64(number);
    }

    pub(super) fn signed(&mut self, number: u64) {
        self.0.put_u8(0xd3);
        self.0.put_i64(i64::try_from(number).unwrap_or(i64::MAX));
    }

    pub(super) fn float(&mut self, number: f64) {
        self.0.put_u8(0xcb);
        self.0.put_f64(number);
    }
}

/// Batches are small.
fn count(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}
