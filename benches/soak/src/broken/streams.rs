//! Handshakes that come to nothing, and streams that are cut.

use std::io::{Error, Result};
use std::net::SocketAddr;

use nuncio_load::{Client, Http2};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// The beginning of a hello of TLS, of which the rest does not come.
const HELLO: &[u8] =
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\x01\x02\x03\x04\x05\x06\x07";

/// Says what is no hello, half a hello, or nothing.
pub(super) async fn no_handshake(address: SocketAddr, nth: usize) -> Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    match nth % 3 {
        0 => tcp.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await?,
        1 => tcp.write_all(HELLO).await?,
        _ => return tcp.set_zero_linger(),
    }
    tcp.read_to_end(&mut Vec::new()).await.map(drop)
}

/// Opens a WebSocket or a call of gRPC, and goes away in the middle of it.
pub(super) async fn cut(address: SocketAddr, nth: usize) -> Result<()> {
    if nth.is_multiple_of(2) {
        let tunnel = Client::connect(address).await?.upgrade("/tunnel/").await;
        return tunnel?.echo().await.map_err(Error::other);
    }
    let client = Http2::connect(address).await.map_err(Error::other)?;
    let call = client.call("/calls/bench.Echo/Call").await;
    call.map_err(Error::other)?
        .echo()
        .await
        .map_err(Error::other)
}
