//! One request as an upstream got it.

use bytes::Bytes;

/// One request, to the byte.
#[derive(Clone, Debug)]
pub struct Received {
    /// The connection it came by, counted from 0.
    pub connection: u64,
    /// Its head, up to and with the empty line.
    pub head: String,
    /// Its body without framing, as far as it was read.
    pub body: Vec<u8>,
    /// Whether the body was read to its end.
    pub complete: bool,
}

/// How a body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    Length(usize),
    Chunked,
}

impl Received {
    pub(super) fn new(connection: u64, head: &Bytes) -> Self {
        let head = String::from_utf8_lossy(head).into_owned();
        Self {
            connection,
            head,
            body: Vec::new(),
            complete: false,
        }
    }

    /// The first line.
    pub fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap()
    }

    /// The path with its query.
    pub fn path(&self) -> &str {
        self.line().split(' ').nth(1).unwrap()
    }

    /// All values of a field, in order.
    pub fn values(&self, name: &str) -> Vec<&str> {
        let fields = self
            .head
            .split("\r\n")
            .skip(1)
            .filter_map(|line| line.split_once(": "));
        fields
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .collect()
    }

    /// The value of a field that is there once at most.
    ///
    /// # Panics
    /// When it is there twice.
    pub fn value(&self, name: &str) -> Option<&str> {
        let values = self.values(name);
        assert!(values.len() < 2, "{name}: {values:?}");
        values.first().copied()
    }

    pub(super) fn framing(&self) -> Framing {
        match (
            self.value("content-length"),
            self.value("transfer-encoding"),
        ) {
            (None, None) => Framing::Length(0),
            (Some(length), None) => Framing::Length(length.parse().unwrap()),
            (None, Some("chunked")) => Framing::Chunked,
            both => panic!("two framings, or an odd one: {both:?}"),
        }
    }
}
