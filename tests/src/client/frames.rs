//! An HTTP/2 client that sends any frame it is told to, and no other.

use std::net::SocketAddr;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::DEADLINE;

/// How a connection of HTTP/2 begins (RFC 9113 section 3.4).
pub const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Types of frames (RFC 9113 section 6).
pub const DATA: u8 = 0;
/// See [`DATA`].
pub const HEADERS: u8 = 1;
/// See [`DATA`].
pub const PRIORITY: u8 = 2;
/// See [`DATA`].
pub const RST_STREAM: u8 = 3;
/// See [`DATA`].
pub const SETTINGS: u8 = 4;
/// See [`DATA`].
pub const PUSH_PROMISE: u8 = 5;
/// See [`DATA`].
pub const PING: u8 = 6;
/// See [`DATA`].
pub const GOAWAY: u8 = 7;
/// See [`DATA`].
pub const WINDOW_UPDATE: u8 = 8;
/// See [`DATA`].
pub const CONTINUATION: u8 = 9;

/// Flags of HEADERS: nothing follows, and all fields are there.
pub const END_STREAM: u8 = 0x1;
/// See [`END_STREAM`].
pub const END_HEADERS: u8 = 0x4;
/// Both.
pub const WHOLE: u8 = END_STREAM | END_HEADERS;

/// What the gateway sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Told {
    /// GOAWAY with this error.
    GoAway(u32),
    /// RST_STREAM with this error.
    Reset(u32, u32),
    /// The head of an answer.
    Answer(u32, u16),
    /// A part of an answer's body, and whether it is the last.
    Body(u32, usize, bool),
    /// That a PING has come.
    Pong([u8; 8]),
    /// Settings, and whether they are an acknowledgement.
    Settings(bool),
    /// Room in a window.
    Window(u32, u32),
    /// The end of the connection.
    Closed,
}

/// One connection.
#[derive(Debug)]
pub struct FrameClient {
    tcp: TcpStream,
    unread: BytesMut,
}

/// A frame.
pub fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let [.., l2, l1, l0] = payload.len().to_be_bytes();
    let mut frame = vec![l2, l1, l0, kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A block of fields, each as a literal that is in no table (RFC 7541 section 6.2.2).
pub fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        string(&mut block, name);
        string(&mut block, value);
    }
    block
}

fn string(block: &mut Vec<u8>, text: &str) {
    match u8::try_from(text.len()).ok().filter(|len| *len < 127) {
        Some(len) => block.push(len),
        None => {
            block.push(127);
            let mut rest = text.len() - 127;
            while rest >= 128 {
                block.push((rest % 128) as u8 | 0x80);
                rest /= 128;
            }
            block.push(rest as u8);
        }
    }
    block.extend(text.bytes());
}

/// The pseudo-fields of a request for `path`.
pub fn head<'a>(method: &'a str, path: &'a str) -> Vec<(&'a str, &'a str)> {
    vec![
        (":method", method),
        (":scheme", "http"),
        (":path", path),
        (":authority", "a.example"),
    ]
}

/// `GET` on `stream`.
pub fn get(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, WHOLE, stream, &block(&head("GET", path)))
}

/// `POST` on `stream`, whose body follows.
pub fn post(stream: u32, path: &str) -> Vec<u8> {
    frame(HEADERS, END_HEADERS, stream, &block(&head("POST", path)))
}

impl FrameClient {
    /// Connects, and says nothing.
    pub async fn silent(address: SocketAddr) -> Self {
        let tcp = TcpStream::connect(address).await.unwrap();
        tcp.set_nodelay(true).unwrap();
        Self {
            tcp,
            unread: BytesMut::new(),
        }
    }

    /// Connects, and begins as every client does.
    pub async fn connect(address: SocketAddr) -> Self {
        let mut client = Self::silent(address).await;
        client.send(PREFACE).await;
        client.send(&frame(SETTINGS, 0, 0, &[])).await;
        client
    }

    /// Sends bytes. That nobody reads them any more is seen by what is told.
    pub async fn send(&mut self, bytes: &[u8]) {
        drop(self.tcp.write_all(bytes).await);
    }

    /// Sends as much as is taken until the deadline; whether that was all.
    pub async fn send_all(&mut self, bytes: &[u8]) -> bool {
        let sent = timeout(DEADLINE, self.tcp.write_all(bytes)).await;
        sent.is_ok_and(|sent| sent.is_ok())
    }

    /// The next that is told.
    ///
    /// # Panics
    /// When nothing is told in time.
    pub async fn told(&mut self) -> Told {
        loop {
            let Some((head, payload)) = self.frame().await else {
                return Told::Closed;
            };
            if let Some(told) = told(&head, &payload) {
                return told;
            }
        }
    }

    /// Reads until `is_it` is told, or the connection is closed; what it was.
    pub async fn until(&mut self, mut is_it: impl FnMut(&Told) -> bool) -> Told {
        loop {
            let told = self.told().await;
            if told == Told::Closed || is_it(&told) {
                return told;
            }
        }
    }

    /// Whether the gateway goes on with the connection.
    pub async fn is_served(&mut self) -> bool {
        self.send(&frame(PING, 0, 0, b"are you?")).await;
        let pong = Told::Pong(*b"are you?");
        self.until(|told| *told == pong).await == pong
    }

    async fn is_over(&mut self) -> bool {
        let read = timeout(DEADLINE, self.tcp.read_buf(&mut self.unread)).await;
        !matches!(read.expect("something is told in time"), Ok(1..))
    }

    async fn frame(&mut self) -> Option<([u8; 9], Bytes)> {
        loop {
            if let Some(head) = self.unread.first_chunk::<9>().copied() {
                let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
                if self.unread.len() >= 9 + len {
                    self.unread.advance(9);
                    return Some((head, self.unread.split_to(len).freeze()));
                }
            }
            if self.is_over().await {
                return None;
            }
        }
    }
}

fn told(head: &[u8; 9], payload: &[u8]) -> Option<Told> {
    let [_, _, _, kind, flags, stream @ ..] = *head;
    let stream = u32::from_be_bytes(stream);
    let number = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
    match kind {
        DATA => Some(Told::Body(stream, payload.len(), flags & END_STREAM != 0)),
        HEADERS => Some(Told::Answer(stream, status(payload)?)),
        RST_STREAM => Some(Told::Reset(stream, number(0))),
        SETTINGS => Some(Told::Settings(flags & 1 != 0)),
        PING if flags & 1 != 0 => Some(Told::Pong(payload.try_into().unwrap())),
        GOAWAY => Some(Told::GoAway(number(4))),
        WINDOW_UPDATE => Some(Told::Window(stream, number(0))),
        _ => None,
    }
}

/// The status of the first answer on a connection: in the table that is there from the start, or a literal
/// (RFC 7541).
fn status(block: &[u8]) -> Option<u16> {
    const KNOWN: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [index @ 0x88..=0x8e, ..] => Some(KNOWN[usize::from(index - 0x88)]),
        // `:status` by its name, and a value that is coded.
        [0x48, len, rest @ ..] if len & 0x80 != 0 => Some(digits(&rest[..usize::from(len & 0x7f)])),
        [0x48, 3, a, b, c, ..] => String::from_utf8(vec![*a, *b, *c]).ok()?.parse().ok(),
        // From the table that grew with another answer's.
        [0xbe..=0xff, ..] => Some(0),
        _ => None,
    }
}

/// Digits as RFC 7541 appendix B codes them: 0, 1 and 2 by five bits, the others by six.
fn digits(code: &[u8]) -> u16 {
    let bits: String = code.iter().map(|byte| format!("{byte:08b}")).collect();
    let (mut at, mut number) = (0, 0);
    for _ in 0..3 {
        let five = u16::from_str_radix(&bits[at..at + 5], 2).unwrap();
        let digit = match five {
            0..=2 => five,
            _ => u16::from_str_radix(&bits[at..at + 6], 2).unwrap() - 0x19 + 3,
        };
        at += if digit < 3 { 5 } else { 6 };
        number = number * 10 + digit;
    }
    number
}
