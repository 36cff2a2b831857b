use std::time::Duration;

use nuncio_guard::ChunkLimits;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};

use super::*;
use crate::carrier::Carrier;
use crate::wire::Writes;

const TERMS: Terms = Terms {
    max_head_bytes: 4096,
    max_fields: 100,
    max_url_bytes: None,
    chunks: ChunkLimits {
        line: 128,
        extensions: 8192,
    },
    allow_chunked_length: false,
};

const HEAD: &[u8] = b"GET /dripping HTTP/1.1\r\nHost: example.test\r\nx: y\r\n\r\n";

async fn connection() -> (TcpStream, Wire<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    client.set_nodelay(true).unwrap();
    let (tcp, _) = listener.accept().await.unwrap();
    let wire = Wire::new(Carrier::Tcp(tcp.into()), Writes::Wait, drop);
    (client, wire)
}

async fn screened() -> (TcpStream, Wire<()>) {
    let (client, mut wire) = connection().await;
    let limit = Duration::from_secs(10);
    wire.screen(Screen::new(TERMS, limit, Instant::now() + limit));
    (client, wire)
}

/// Sends a piece and looks for more than what has come already.
async fn sent(client: &mut TcpStream, wire: &mut Wire<()>, piece: &[u8]) {
    client.write_all(piece).await.unwrap();
    let read = timeout(Duration::from_millis(2), wire.read(&mut [0; 512])).await;
    assert!(read.is_err(), "a part of a head is read");
}

#[tokio::test]
async fn a_head_that_drips_wakes_nobody_while_it_is_left_alone() {
    let (mut client, mut wire) = screened().await;
    let (dripping, rest) = HEAD.split_at(40);
    let mut has_rested = false;
    for byte in dripping {
        sent(&mut client, &mut wire, &[*byte]).await;
        has_rested |= wire.carrier.is_resting();
    }
    assert!(has_rested);
    client.write_all(rest).await.unwrap();
    let mut read = [0; 512];
    let len = wire.read(&mut read).await.unwrap();
    assert_eq!(&read[..len], HEAD);
    assert!(!wire.carrier.is_resting());
}

#[tokio::test]
async fn a_head_in_a_few_pieces_is_read_as_it_comes() {
    let (mut client, mut wire) = screened().await;
    for piece in HEAD[..40].chunks(10) {
        sent(&mut client, &mut wire, piece).await;
        assert!(!wire.carrier.is_resting());
    }
}

#[tokio::test]
async fn where_the_guard_was_lost_nothing_is_read() {
    let (mut client, mut wire) = connection().await;
    wire.guard = Some(Guard::Away);
    wire.unscreen();
    client.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    let read = wire.read(&mut [0; 64]).await;
    assert_eq!(read.unwrap_err().kind(), io::ErrorKind::InvalidData);
}
