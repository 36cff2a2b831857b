//! What is told of one piece of work.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use nuncio_telemetry::TraceId;

use crate::SpanId;

/// One finished piece of work of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The trace.
    pub trace: TraceId,
    /// Its own id.
    pub id: SpanId,
    /// Whose part it is; `None` where the trace begins.
    pub parent: Option<SpanId>,
    /// What was done.
    pub name: Text,
    /// In which part.
    pub kind: SpanKind,
    /// When.
    pub time: SpanTime,
    /// Whether it failed.
    pub is_error: bool,
    /// What else there is to say.
    pub tags: Tags,
}

/// In which part the gateway did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// It was asked.
    Server,
    /// It asked.
    Client,
}

/// When a span was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SpanTime {
    /// Since 1970.
    pub start: Duration,
    /// How long.
    pub lasted: Duration,
}

/// Names and what they say, each name once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Vec<(Text, Text)>);

/// A text, shared where it can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// Of the program.
    Static(&'static str),
    /// Of the configuration.
    Shared(Arc<str>),
    /// Of the request.
    Own(Box<str>),
}

/// A longer text is cut: clients fill headers.
const MAX_TEXT: usize = 1024;

impl Tags {
    /// No tags, with room for so many.
    pub fn with_capacity(count: usize) -> Self {
        Self(Vec::with_capacity(count))
    }

    /// Says this by that name, in place of what was said by it.
    pub fn set(&mut self, name: impl Into<Text>, value: impl Into<Text>) {
        let (name, value) = (name.into(), value.into());
        let known = self
            .0
            .iter_mut()
            .find(|(known, _)| known.as_str() == name.as_str());
        match known {
            Some((_, said)) => *said = value,
            None => self.0.push((name, value)),
        }
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

impl Text {
    /// What it says.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Shared(text) => text,
            Self::Own(text) => text,
        }
    }

    /// What a client wrote: cut, and made text where it is none.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let cut = bytes.get(..MAX_TEXT).unwrap_or(bytes);
        // What is no text may need more room as text.
        String::from_utf8_lossy(cut).into_owned().into()
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}

impl From<String> for Text {
    /// A long one is cut.
    fn from(mut text: String) -> Self {
        let mut end = text.len().min(MAX_TEXT);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        Self::Own(text.into())
    }
}

impl From<IpAddr> for Text {
    fn from(address: IpAddr) -> Self {
        address.to_string().into()
    }
}

#[cfg(test)]
mod tests {
    use super::{Tags, Text};

    #[test]
    fn a_name_that_is_said_again_says_the_latter() {
        let mut tags = Tags::default();
        tags.set("a", "1");
        tags.set("b", "2");
        tags.set(Text::of_bytes(b"a"), "3");
        let all: Vec<_> = tags.iter().collect();
        assert_eq!(all, [("a", "3"), ("b", "2")]);
    }

    #[test]
    fn what_clients_write_is_bounded_text() {
        assert_eq!(Text::of_bytes(&[b'a'; 5000]).as_str().len(), 1024);
        assert_eq!(Text::of_bytes(&[0xff; 5000]).as_str().len(), 1023);
        let text = format!("a{}", "ä".repeat(1000));
        assert_eq!(Text::from(text).as_str().len(), 1023);
        assert_eq!(Text::of_bytes(b"a\xff").as_str(), "a\u{fffd}");
    }
}
