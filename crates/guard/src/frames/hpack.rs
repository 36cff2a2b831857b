//! Blocks of fields (RFC 7541).
//!
//! Invariant: a block has one reading, or the connection is over: what follows could not be read by anybody.
//! The table that grows with what is sent has 4 KiB at most.
//!
//! Deliberately absent: what fields mean, and which there may be.

use std::collections::VecDeque;
use std::ops::Range;

use super::huffman::{self, Garbled};
use super::static_table;

/// Reads the blocks of one connection, one after the other.
#[derive(Clone, Debug)]
pub(super) struct Decoder {
    table: Table,
    /// The field under way: its name, and then its value.
    scratch: Vec<u8>,
    has_unindexed: bool,
}

/// One field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) name: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) known: Known,
    /// RFC 7541 section 7.1.3: whether nobody on its way may put it into a table.
    pub(super) is_unindexed: bool,
}

/// What of a field stands in the table that both sides have from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Field(u8),
    Name(u8),
    Nothing,
}

/// Whether a field goes into the table (RFC 7541 section 6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Indexing {
    Now,
    NotNow,
    Never,
}

/// Why a block is not read to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// RFC 9113 section 4.3: it cannot be.
    Garbled,
    /// It says more than anybody wants to know.
    TooLong,
}

/// What is no block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Unreadable;

impl From<Unreadable> for Unread {
    fn from(_: Unreadable) -> Self {
        Self::Garbled
    }
}

impl From<Garbled> for Unreadable {
    fn from(_: Garbled) -> Self {
        Self
    }
}

/// The table's size, which we never ask to be another.
const MAX_TABLE: usize = 4096;

/// RFC 7541 section 4.1: what an entry counts beyond its bytes.
const ENTRY_EXTRA: usize = 32;

/// What is left of the table's bytes before those of entries that are gone are given up.
const COMPACT_AT: usize = 2 * MAX_TABLE;

/// A field larger than this is not what the next one is likely to be.
const KEPT_SCRATCH: usize = 512;

impl Decoder {
    pub(super) fn new() -> Self {
        Self {
            table: Table::default(),
            scratch: Vec::new(),
            has_unindexed: false,
        }
    }

    /// Whether there has been a field that nobody may put into a table.
    pub(super) fn has_unindexed(&self) -> bool {
        self.has_unindexed
    }

    /// Reads a whole block, and tells its fields one by one, unless they come to more than `max` as
    /// RFC 9113 section 10.5.1 counts them: the few bytes of a block can refer to very many.
    ///
    /// # Errors
    ///
    /// When it is not read to its end. What follows cannot be read then.
    pub(super) fn read(
        &mut self,
        mut block: &[u8],
        max: usize,
        mut tell: impl FnMut(Field<'_>),
    ) -> Result<(), Unread> {
        let mut may_resize = true;
        let mut told = 0;
        while let Some(first) = block.first() {
            let is_resize = first & 0xe0 == 0x20;
            told += match first {
                0x80.. => self.indexed(integer(&mut block, 7)?, &mut tell)?,
                0x40.. => self.literal(&mut block, Indexing::Now, &mut tell)?,
                0x20.. => {
                    let size = integer(&mut block, 5)?;
                    if !may_resize || size > MAX_TABLE {
                        return Err(Unread::Garbled);
                    }
                    self.table.resize(size);
                    0
                }
                0x10.. => self.literal(&mut block, Indexing::Never, &mut tell)?,
                _ => self.literal(&mut block, Indexing::NotNow, &mut tell)?,
            };
            if told > max {
                return Err(Unread::TooLong);
            }
            may_resize &= is_resize;
        }
        self.scratch.clear();
        self.scratch.shrink_to(KEPT_SCRATCH);
        Ok(())
    }

    /// Returns what the field counts.
    fn indexed(&self, index: usize, tell: &mut impl FnMut(Field<'_>)) -> Result<usize, Unreadable> {
        let (name, value) = self.table.field(index).ok_or(Unreadable)?;
        let known = match u8::try_from(index) {
            Ok(index) if usize::from(index) <= static_table::COUNT => Known::Field(index),
            Ok(_) | Err(_) => Known::Nothing,
        };
        tell(Field {
            name,
            value,
            known,
            is_unindexed: false,
        });
        Ok(name.len() + value.len() + ENTRY_EXTRA)
    }

    /// Returns what the field counts.
    fn literal(
        &mut self,
        block: &mut &[u8],
        indexing: Indexing,
        tell: &mut impl FnMut(Field<'_>),
    ) -> Result<usize, Unreadable> {
        self.scratch.clear();
        let is_unindexed = indexing == Indexing::Never;
        self.has_unindexed |= is_unindexed;
        let index = integer(block, if indexing == Indexing::Now { 6 } else { 4 })?;
        let known = match index {
            0 => {
                string(block, &mut self.scratch)?;
                Known::Nothing
            }
            index => {
                let (name, _) = self.table.field(index).ok_or(Unreadable)?;
                self.scratch.extend_from_slice(name);
                match u8::try_from(index) {
                    Ok(index) if usize::from(index) <= static_table::COUNT => Known::Name(index),
                    Ok(_) | Err(_) => Known::Nothing,
                }
            }
        };
        let name_len = self.scratch.len();
        string(block, &mut self.scratch)?;
        if indexing == Indexing::Now {
            self.table.insert(&self.scratch, name_len);
        }
        let (name, value) = self.scratch.split_at(name_len);
        tell(Field {
            name,
            value,
            known,
            is_unindexed,
        });
        Ok(self.scratch.len() + ENTRY_EXTRA)
    }
}

/// What was sent and may be referred to.
#[derive(Clone, Debug)]
struct Table {
    /// The oldest first.
    entries: VecDeque<Entry>,
    bytes: Vec<u8>,
    /// As RFC 7541 section 4.1 counts it.
    size: usize,
    max: usize,
}

/// Where its name and value stand, one behind the other.
#[derive(Clone, Copy, Debug)]
struct Entry {
    at: usize,
    name: usize,
    len: usize,
}

impl Default for Table {
    fn default() -> Self {
        Self {
            entries: VecDeque::new(),
            bytes: Vec::new(),
            size: 0,
            max: MAX_TABLE,
        }
    }
}

impl Table {
    /// Of both tables, which are counted as one.
    fn field(&self, index: usize) -> Option<(&[u8], &[u8])> {
        if index <= static_table::COUNT {
            return static_table::field(index);
        }
        let newest = self.entries.len().checked_sub(1)?;
        let nth = newest.checked_sub(index - static_table::COUNT - 1)?;
        let entry = self.entries.get(nth)?;
        self.bytes.get(entry.range())?.split_at_checked(entry.name)
    }

    fn insert(&mut self, field: &[u8], name: usize) {
        let size = field.len() + ENTRY_EXTRA;
        self.make_room(self.max.saturating_sub(size));
        if size > self.max {
            return;
        }
        if self.bytes.len() + field.len() > COMPACT_AT {
            self.compact();
        }
        self.entries.push_back(Entry {
            at: self.bytes.len(),
            name,
            len: field.len(),
        });
        self.bytes.extend_from_slice(field);
        self.size += size;
    }

    fn resize(&mut self, max: usize) {
        self.max = max;
        self.make_room(max);
    }

    /// Drops the oldest until no more than `size` is left.
    fn make_room(&mut self, size: usize) {
        while self.size > size
            && let Some(oldest) = self.entries.pop_front()
        {
            self.size -= oldest.len + ENTRY_EXTRA;
        }
        if self.entries.is_empty() {
            self.bytes.clear();
        }
    }

    fn compact(&mut self) {
        let start = self
            .entries
            .front()
            .map_or(self.bytes.len(), |oldest| oldest.at);
        self.bytes.drain(..start);
        for entry in &mut self.entries {
            entry.at -= start;
        }
    }
}

impl Entry {
    fn range(&self) -> Range<usize> {
        self.at..self.at + self.len
    }
}

/// A number whose first byte has `bits` for it (RFC 7541 section 5.1).
fn integer(block: &mut &[u8], bits: u32) -> Result<usize, Unreadable> {
    let (first, mut rest) = block.split_first().ok_or(Unreadable)?;
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(*first) & mask;
    if value == mask {
        // Four more bytes are 2^28, which is more than anything has.
        for shift in [0, 7, 14, 21, 28] {
            let (byte, behind) = rest.split_first().ok_or(Unreadable)?;
            rest = behind;
            if shift == 28 {
                return Err(Unreadable);
            }
            value += usize::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                break;
            }
        }
    }
    *block = rest;
    Ok(value)
}

/// Appends a string (RFC 7541 section 5.2).
fn string(block: &mut &[u8], text: &mut Vec<u8>) -> Result<(), Unreadable> {
    let is_coded = block.first().is_some_and(|byte| byte & 0x80 != 0);
    let len = integer(block, 7)?;
    let (string, rest) = block.split_at_checked(len).ok_or(Unreadable)?;
    *block = rest;
    match is_coded {
        true => huffman::decode(string, text)?,
        false => text.extend_from_slice(string),
    }
    Ok(())
}

#[cfg(test)]
mod tests;
