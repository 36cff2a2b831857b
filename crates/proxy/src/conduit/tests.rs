use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

/// The far ends of two connections.
struct Ends {
    client: DuplexStream,
    upstream: DuplexStream,
}

const MINUTE: Duration = Duration::from_secs(60);

/// What came of a conduit of which `use_ends` has the far ends, and what moved in all. What it gives
/// stays open until then.
async fn with_conduit<F: Future>(begun: Begun, use_ends: impl FnOnce(Ends) -> F) -> (Ended, Moved) {
    let (near_client, mut client) = duplex(64);
    let (near_upstream, mut upstream) = duplex(64);
    let mut moved = Moved::default();
    let buffers = Buffers::default();
    let ends = Ends {
        client: near_client,
        upstream: near_upstream,
    };
    let carried = carry(
        (&mut client, &mut upstream),
        begun,
        (&buffers, Some(MINUTE)),
        |more| {
            moved.from_client += more.from_client;
            moved.to_upstream += more.to_upstream;
            moved.from_upstream += more.from_upstream;
            moved.to_client += more.to_client;
        },
    );
    let (ended, _open) = tokio::join!(carried, use_ends(ends));
    (ended, moved)
}

async fn poll_once(
    direction: &mut Direction,
    (source, sink): (&mut DuplexStream, &mut DuplexStream),
    buffers: &Buffers,
) -> Poll<Result<(), Broke>> {
    poll_fn(|cx| Poll::Ready(direction.poll(cx, (source, sink), buffers))).await
}

#[tokio::test]
async fn what_came_first_goes_first_and_the_end_goes_last() {
    let begun = Begun {
        by_client: Bytes::from_static(b"first"),
        by_upstream: Bytes::from_static(b"welcome"),
    };
    let (ended, moved) = with_conduit(begun, |mut ends| async move {
        ends.client.write_all(b" then more").await.unwrap();
        ends.client.shutdown().await.unwrap();
        let mut all = String::new();
        ends.upstream.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "first then more");
        ends.upstream.write_all(b" and goodbye").await.unwrap();
        drop(ends.upstream);
        all.clear();
        ends.client.read_to_string(&mut all).await.unwrap();
        assert_eq!(all, "welcome and goodbye");
    })
    .await;
    assert_eq!(ended, Ended::Closed(End::Client));
    let all = Moved {
        from_client: 15,
        to_upstream: 15,
        from_upstream: 19,
        to_client: 19,
    };
    assert_eq!(moved, all);
}

#[tokio::test]
async fn what_the_other_end_does_not_take_is_not_read() {
    let (mut near, mut source) = duplex(2 * buffers::LENGTH);
    let (mut sink, _far) = duplex(64);
    let buffers = Buffers::default();
    let mut direction = Direction::starting_with(Bytes::new());
    near.write_all(&vec![7; 2 * buffers::LENGTH]).await.unwrap();
    for moved in [(buffers::LENGTH as u64, 64), (0, 0)] {
        let polled = poll_once(&mut direction, (&mut source, &mut sink), &buffers).await;
        assert!(polled.is_pending());
        assert_eq!(direction.take_moved(), moved);
    }
}

#[tokio::test(start_paused = true)]
async fn silence_is_counted_from_the_last_byte() {
    let began = Instant::now();
    let (ended, _) = with_conduit(Begun::default(), |mut ends| async move {
        sleep_until(began + MINUTE / 2).await;
        ends.upstream.write_all(b"still here").await.unwrap();
        ends
    })
    .await;
    assert_eq!(ended, Ended::Silent);
    assert_eq!(began.elapsed(), MINUTE + MINUTE / 2);
}

#[tokio::test]
async fn who_has_nothing_to_write_has_no_buffer() {
    let (mut near, mut source) = duplex(64);
    let (mut sink, mut far) = duplex(64);
    let buffers = Buffers::default();
    let mut direction = Direction::starting_with(Bytes::new());
    near.write_all(b"a few bytes").await.unwrap();
    let polled = poll_once(&mut direction, (&mut source, &mut sink), &buffers).await;
    assert!(polled.is_pending());
    let mut taken = [0; 11];
    far.read_exact(&mut taken).await.unwrap();
    assert_eq!(&taken, b"a few bytes");
    assert_eq!(direction.take_moved(), (11, 11));
    assert!(format!("{direction:?}").contains("held: None"));
}
