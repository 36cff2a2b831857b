//! An upstream whose answers are none.

use std::io::Result;
use std::net::Ipv4Addr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// The upstream. Ends when dropped.
#[derive(Debug)]
pub(crate) struct Garbage {
    pub(crate) port: u16,
    server: JoinHandle<()>,
}

/// What is sent, before the connection ends.
const ANSWERS: [&[u8]; 8] = [
    b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nshort",
    b"\x00\xff\xfe nothing known\r\n\r\n",
    b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok!",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nbody\r\n0\r\n\r\n",
    b"HTTP/1.1 999999 ?\r\n\r\n",
    b"",
    b"HTTP/1.1 200 OK\r\nx",
    b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
];

impl Garbage {
    pub(crate) async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(serve(listener));
        Ok(Self { port, server })
    }
}

impl Drop for Garbage {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener) {
    let mut connections = JoinSet::new();
    for nth in 0_usize.. {
        let Ok((tcp, _)) = listener.accept().await else {
            return;
        };
        connections.spawn(async move { drop(answer(tcp, nth).await) });
        while connections.try_join_next().is_some() {}
    }
}

async fn answer(mut tcp: TcpStream, nth: usize) -> Result<()> {
    tcp.read_buf(&mut Vec::with_capacity(4096)).await?;
    let Some(answer) = ANSWERS.get(nth % (ANSWERS.len() + 3)) else {
        return unanswered(tcp, nth).await;
    };
    tcp.write_all(answer).await
}

/// A reset, silence, or a head without an end.
async fn unanswered(mut tcp: TcpStream, nth: usize) -> Result<()> {
    match nth % 3 {
        0 => tcp.set_zero_linger(),
        1 => tcp.read_to_end(&mut Vec::new()).await.map(drop),
        _ => {
            tcp.write_all(b"HTTP/1.1 200 OK\r\nx: ").await?;
            tcp.write_all(&vec![b'x'; 1 << 20]).await
        }
    }
}
