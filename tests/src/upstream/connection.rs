//! One connection of an upstream.

use std::io;
use std::sync::atomic::Ordering::Relaxed;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::received::{Framing, Received};
use super::{Answer, State, wire};

struct Connection<'a> {
    state: &'a State,
    tcp: TcpStream,
    /// Read and not yet used.
    buffer: BytesMut,
}

/// What is left of the body under way.
struct Body {
    framing: Framing,
    /// Of the body, or of the chunk.
    left: usize,
    /// The position of the request in the record.
    position: usize,
}

/// Whether a connection goes on.
#[derive(PartialEq, Eq)]
enum Then {
    Continue,
    Close,
}

const PIECE: usize = 64 * 1024;

pub(super) async fn serve(state: &State, tcp: TcpStream, number: u64) -> io::Result<()> {
    let mut connection = Connection {
        state,
        tcp,
        buffer: BytesMut::new(),
    };
    while let Some(head) = connection.head().await? {
        let received = Received::new(number, &head);
        let answer = (state.script)(&received);
        let framing = received.framing();
        let left = match framing {
            Framing::Length(length) => length,
            Framing::Chunked => 0,
        };
        let mut position = 0;
        state.received.send_modify(|all| {
            position = all.len();
            all.push(received);
        });
        let mut body = Body {
            framing,
            left,
            position,
        };
        if connection.answer(answer, &mut body).await? == Then::Close {
            break;
        }
    }
    connection.tcp.shutdown().await
}

impl Connection<'_> {
    async fn answer(&mut self, answer: Answer, body: &mut Body) -> io::Result<Then> {
        match answer {
            Answer::Bytes(bytes) => {
                self.read_body(body).await?;
                self.tcp.write_all(&bytes).await?;
            }
            Answer::BytesThenClose(bytes) => {
                self.read_body(body).await?;
                self.tcp.write_all(&bytes).await?;
                return Ok(Then::Close);
            }
            Answer::Early(bytes) => {
                self.tcp.write_all(&bytes).await?;
                self.read_body(body).await?;
            }
            Answer::EarlyThenClose(bytes) => {
                self.tcp.write_all(&bytes).await?;
                return Ok(Then::Close);
            }
            Answer::Drip(pieces, pause) => {
                self.read_body(body).await?;
                for piece in pieces {
                    self.tcp.write_all(&piece).await?;
                    sleep(pause).await;
                }
            }
            Answer::Silence => {
                self.read_body(body).await?;
                while self.fill().await? {}
                return Ok(Then::Close);
            }
            Answer::Deaf(bytes) => {
                let mut released = self.state.released.subscribe();
                drop(released.wait_for(|released| *released).await);
                self.read_body(body).await?;
                self.tcp.write_all(&bytes).await?;
            }
            Answer::Echo(times) => self.echo(body, times).await?,
            Answer::Flood(bytes) => self.flood(bytes, body).await?,
            Answer::Tunnel { opening, farewell } => {
                self.tunnel(&opening).await?;
                self.tcp.write_all(&farewell).await?;
                return Ok(Then::Close);
            }
            Answer::LateTunnel(opening) => {
                let mut released = self.state.released.subscribe();
                drop(released.wait_for(|released| *released).await);
                self.tunnel(&opening).await?;
                return Ok(Then::Close);
            }
        }
        Ok(Then::Continue)
    }

    async fn echo(&mut self, body: &mut Body, times: usize) -> io::Result<()> {
        self.tcp
            .write_all(&wire("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n"))
            .await?;
        while let Some(piece) = self.piece(body).await? {
            let size = format!("{:x}\r\n", piece.len());
            let chunk = [size.as_bytes(), &piece, b"\r\n"].concat();
            for _ in 0..times {
                self.tcp.write_all(&chunk).await?;
            }
        }
        self.tcp.write_all(b"0\r\n\r\n").await
    }

    async fn tunnel(&mut self, opening: &[u8]) -> io::Result<()> {
        self.tcp.write_all(opening).await?;
        loop {
            let bytes = self.buffer.split();
            self.tcp.write_all(&bytes).await?;
            if !self.fill().await? {
                return Ok(());
            }
        }
    }

    async fn flood(&mut self, bytes: usize, body: &mut Body) -> io::Result<()> {
        self.read_body(body).await?;
        let head = format!("HTTP/1.1 200 OK\ncontent-length: {bytes}\n\n");
        self.tcp.write_all(&wire(&head)).await?;
        let piece = vec![b'f'; PIECE];
        let mut left = bytes;
        while left > 0 {
            let n = self.tcp.write(&piece[..left.min(PIECE)]).await?;
            left -= n;
            self.state.flooded.fetch_add(n as u64, Relaxed);
        }
        Ok(())
    }

    /// The next head; `None` when the connection ends before one.
    async fn head(&mut self) -> io::Result<Option<Bytes>> {
        loop {
            if let Some(end) = self.buffer.windows(4).position(|four| four == b"\r\n\r\n") {
                return Ok(Some(self.buffer.split_to(end + 4).freeze()));
            }
            if !self.fill().await? {
                return Ok(None);
            }
        }
    }

    async fn read_body(&mut self, body: &mut Body) -> io::Result<()> {
        while let Some(piece) = self.piece(body).await? {
            self.state
                .received
                .send_modify(|all| all[body.position].body.extend(&piece));
        }
        self.state
            .received
            .send_modify(|all| all[body.position].complete = true);
        Ok(())
    }

    /// The next piece of the body; `None` at its end.
    async fn piece(&mut self, body: &mut Body) -> io::Result<Option<Bytes>> {
        if body.left == 0 && body.framing == Framing::Chunked {
            body.left = self.chunk_size().await?;
            if body.left == 0 {
                self.line_end().await?;
                body.framing = Framing::Length(0);
            }
        }
        if body.left == 0 {
            return Ok(None);
        }
        if self.buffer.is_empty() && !self.fill().await? {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let n = self.buffer.len().min(body.left);
        let piece = self.buffer.split_to(n).freeze();
        body.left -= n;
        if body.left == 0 && body.framing == Framing::Chunked {
            self.line_end().await?;
        }
        Ok(Some(piece))
    }

    async fn chunk_size(&mut self) -> io::Result<usize> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|two| two == b"\r\n") {
                let line = self.buffer.split_to(end + 2);
                let digits = std::str::from_utf8(&line[..end]).unwrap();
                return Ok(usize::from_str_radix(digits, 16).unwrap());
            }
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    async fn line_end(&mut self) -> io::Result<()> {
        while self.buffer.len() < 2 {
            if !self.fill().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        assert_eq!(&self.buffer.split_to(2)[..], b"\r\n", "a chunk ends");
        Ok(())
    }

    /// Reads more; false at the end.
    async fn fill(&mut self) -> io::Result<bool> {
        self.buffer.reserve(PIECE);
        Ok(self.tcp.read_buf(&mut self.buffer).await? > 0)
    }
}
