//! HTTP/2 that asks and takes back, or says more than there is to say.

use std::io::Result;
use std::net::SocketAddr;

use nuncio_tests::client::frames::{
    CONTINUATION, END_STREAM, HEADERS, PING, PREFACE, RST_STREAM, SETTINGS, WINDOW_UPDATE, block,
    frame, get, head, post,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Frames of a flood.
const MANY: u32 = 300;

/// Requests that are taken back at once.
pub(super) async fn reset_streams(address: SocketAddr) -> Result<()> {
    let mut frames = Vec::new();
    for stream in (1..2 * MANY).step_by(2) {
        frames.extend(get(stream, "/good/"));
        frames.extend(frame(RST_STREAM, 0, stream, &[0, 0, 0, 8]));
    }
    send(address, &frames).await
}

/// One flood or another.
pub(super) async fn flood(address: SocketAddr, nth: usize) -> Result<()> {
    let unfinished = block(&head("GET", "/good/"));
    let once = match nth % 5 {
        0 => frame(PING, 0, 0, &[0; 8]),
        1 => frame(SETTINGS, 0, 0, &[]),
        2 => frame(WINDOW_UPDATE, 0, 0, &[0, 0, 0, 0]),
        3 => frame(CONTINUATION, 0, 1, &[]),
        _ => frame(0xbe, 0, 0, &[0; 100]),
    };
    let mut frames = match nth % 5 {
        3 => frame(HEADERS, END_STREAM, 1, &unfinished),
        _ => post(1, "/good/"),
    };
    frames.extend(once.repeat(MANY as usize));
    send(address, &frames).await
}

async fn send(address: SocketAddr, frames: &[u8]) -> Result<()> {
    let mut tcp = TcpStream::connect(address).await?;
    tcp.write_all(PREFACE).await?;
    tcp.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    tcp.write_all(frames).await?;
    tcp.read_to_end(&mut Vec::new()).await.map(drop)
}
