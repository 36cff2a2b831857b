//! Requests of HTTP/1.1 that are malformed, late, or given up.

use std::io::Result;
use std::net::SocketAddr;
use std::time::Duration;

use nuncio_load::Client;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

/// What no strict reader takes for one request.
const MALFORMED: [&[u8]; 16] = [
    b"GET /good/ HTTP/1.1\r\n\r\n",
    b"GET /good/ HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n",
    b"GET  /good/ HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /good/ HTTP/9.9\r\nhost: a\r\n\r\n",
    b"GE\0T /good/ HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /good/\x01 HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /good/../../etc HTTP/1.1\r\nhost: a\r\n\r\n",
    b"GET /good/ HTTP/1.1\nhost: a\n\n",
    b"GET /good/ HTTP/1.1\r\nhost: a\r\nx : y\r\n\r\n",
    b"GET /good/ HTTP/1.1\r\nhost: a\r\n x: folded\r\n\r\n",
    b"POST /good/ HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ncontent-length: 5\r\n\r\nbody",
    b"POST /good/ HTTP/1.1\r\nhost: a\r\ncontent-length: +4\r\n\r\nbody",
    b"POST /good/ HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /good/ HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
    b"POST /good/ HTTP/1.1\r\nhost: a\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
];

/// Sends one of them, and reads what comes.
pub(super) async fn malformed(address: SocketAddr, nth: usize) -> Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    let Some(request) = MALFORMED.get(nth % (MALFORMED.len() + 1)) else {
        // A head that does not end.
        tcp.write_all(b"GET /good/ HTTP/1.1\r\nhost: a\r\nx: ")
            .await?;
        return tcp.write_all(&[b'x'; 200_000]).await;
    };
    tcp.write_all(request).await?;
    tcp.read_to_end(&mut Vec::new()).await.map(drop)
}

/// Begins a body, and leaves; some by a reset.
pub(super) async fn aborted(address: SocketAddr, nth: usize) -> Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    let path = match nth % 3 {
        0 => "/good/",
        1 => "/garbage/",
        _ => "/tunnel/",
    };
    let framed = match nth % 2 {
        0 => "content-length: 100000\r\n\r\n",
        _ => "transfer-encoding: chunked\r\n\r\nffff\r\n",
    };
    let head = format!("POST {path} HTTP/1.1\r\nhost: a.example\r\n{framed}");
    tcp.write_all(head.as_bytes()).await?;
    tcp.write_all(&[b'x'; 5_000]).await?;
    sleep(Duration::from_millis(20)).await;
    match nth % 5 {
        0 => tcp.set_zero_linger(),
        _ => Ok(()),
    }
}

/// A head, byte by byte, until nobody waits for it any more.
pub(super) async fn slow(address: SocketAddr) -> Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    for byte in b"GET /good/ HTTP/1.1\r\nhost: a.example\r\n".iter() {
        tcp.write_all(&[*byte]).await?;
        sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Asks, and resets the connection before the answer.
pub(super) async fn reset(address: SocketAddr) -> Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    let asked = b"GET /good/ HTTP/1.1\r\nhost: a.example\r\n\r\n";
    tcp.write_all(&asked.repeat(3)).await?;
    tcp.set_zero_linger()
}

/// Asks an upstream that is not well.
pub(super) async fn asked(address: SocketAddr, path: &str) -> Result<()> {
    let mut client = Client::connect(address).await?;
    for _ in 0..3 {
        client.get(path).await?;
    }
    Ok(())
}
