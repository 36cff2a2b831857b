//! Reads a protobuf message without knowing what it is
//! (<https://protobuf.dev/programming-guides/encoding/>).

/// The fields of a message, in order.
pub(super) struct Fields(Vec<(u64, Field)>);

enum Field {
    Number(u64),
    Bytes(Vec<u8>),
}

impl Fields {
    pub(super) fn read(mut message: &[u8]) -> Self {
        let mut fields = Vec::new();
        while !message.is_empty() {
            let key = varint(&mut message);
            let field = match key & 7 {
                0 => Field::Number(varint(&mut message)),
                1 => Field::Number(fixed(&mut message, 8)),
                2 => {
                    let length = usize::try_from(varint(&mut message)).unwrap();
                    let (bytes, rest) = message.split_at(length);
                    message = rest;
                    Field::Bytes(bytes.to_vec())
                }
                5 => Field::Number(fixed(&mut message, 4)),
                other => panic!("wire type {other}"),
            };
            fields.push((key >> 3, field));
        }
        Self(fields)
    }

    /// All values of a repeated field.
    pub(super) fn all(&self, tag: u64) -> Vec<Vec<u8>> {
        let fields = self.0.iter().filter(|(known, _)| *known == tag);
        let bytes = fields.filter_map(|(_, field)| match field {
            Field::Bytes(bytes) => Some(bytes.clone()),
            Field::Number(_) => None,
        });
        bytes.collect()
    }

    pub(super) fn bytes(&self, tag: u64) -> Vec<u8> {
        self.all(tag).pop().unwrap_or_default()
    }

    pub(super) fn text(&self, tag: u64) -> String {
        String::from_utf8(self.bytes(tag)).unwrap()
    }

    pub(super) fn number(&self, tag: u64) -> u64 {
        let field = self.0.iter().find(|(known, _)| *known == tag);
        match field {
            Some((_, Field::Number(number))) => *number,
            Some((_, Field::Bytes(_))) => panic!("{tag} is no number"),
            None => 0,
        }
    }
}

fn varint(message: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = message.split_first().unwrap();
        *message = rest;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return number;
        }
    }
    panic!("a varint without end")
}

fn fixed(message: &mut &[u8], length: usize) -> u64 {
    let (bytes, rest) = message.split_at(length);
    *message = rest;
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}
