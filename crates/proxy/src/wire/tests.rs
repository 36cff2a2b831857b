use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const HEAD: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 16\r\n\r\n";
const BODY: &[u8] = b"sixteen bytes ..";

async fn connection() -> (TcpStream, Wire<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    let wire = Wire::new(Carrier::Tcp(tcp.into()), Writes::Wait, drop);
    (client, wire)
}

/// Writes until the connection takes no more; returns how many bytes it took.
async fn stuff(wire: &mut Wire<()>) -> usize {
    let piece = vec![b'-'; 64 * 1024];
    let mut taken = 0;
    loop {
        let written = poll_fn(|cx| Poll::Ready(Pin::new(&mut *wire).poll_write(cx, &piece))).await;
        match written {
            Poll::Ready(n) => taken += n.unwrap(),
            Poll::Pending => return taken,
        }
    }
}

#[tokio::test]
async fn a_small_body_goes_together_with_its_head() {
    let (mut client, mut wire) = connection().await;
    wire.write_all(HEAD).await.unwrap();
    assert_eq!(wire.held, HEAD);
    let slices = [IoSlice::new(&BODY[..7]), IoSlice::new(&BODY[7..])];
    let written = wire.write_vectored(&slices).await.unwrap();
    assert_eq!(written, BODY.len());
    assert!(wire.held.is_empty());
    let mut came = [0; HEAD.len() + BODY.len()];
    client.read_exact(&mut came).await.unwrap();
    assert_eq!(came[..], [HEAD, BODY].concat());
}

#[tokio::test]
async fn what_has_to_wait_behind_a_head_goes_once_and_in_order() {
    let (mut client, mut wire) = connection().await;
    let before = stuff(&mut wire).await;
    wire.traffic.expect_head(true);
    wire.write_all(HEAD).await.unwrap();
    let body = [IoSlice::new(BODY)];
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut wire).poll_write_vectored(cx, &body))).await;
    assert!(first.is_pending(), "a full connection has taken more");
    let sending = async move {
        assert_eq!(wire.write_vectored(&body).await.unwrap(), BODY.len());
        wire.flush().await.unwrap();
        // Its end is the end of what comes.
        drop(wire);
    };
    let mut came = Vec::new();
    let (read, ()) = tokio::join!(client.read_to_end(&mut came), sending);
    assert_eq!(read.unwrap(), before + HEAD.len() + BODY.len());
    assert_eq!(came[before..], [HEAD, BODY].concat());
}
