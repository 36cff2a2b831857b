use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nuncio_config::ServiceHost;
use nuncio_routing::{Collector, SpanFormat};
use nuncio_telemetry::TraceId;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::*;
use crate::SpanId;
use crate::span::{SpanKind, SpanTime, Tags};

/// An outlet, and the collector at its end.
struct Scene {
    orders: mpsc::Sender<Order>,
    counts: Arc<SpanCounts>,
    /// Messages that came.
    asked: Arc<AtomicUsize>,
    running: JoinSet<()>,
}

impl Scene {
    /// The collector answers the `nth` message with this status, after a while.
    async fn new(delay: Duration, status: fn(usize) -> u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(AtomicUsize::new(0));
        let seen = Arc::clone(&asked);
        let mut running = JoinSet::new();
        running.spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                while read(&mut stream).await.is_some() {
                    let status = status(seen.fetch_add(1, Relaxed));
                    tokio::time::sleep(delay).await;
                    let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n");
                    stream.write_all(answer.as_bytes()).await.unwrap();
                }
            }
        });
        let destination = Destination {
            format: SpanFormat::ZipkinJson,
            collector: Collector {
                host: ServiceHost::Ip(address.ip()),
                port: address.port(),
                authority: "collector".into(),
                path: "/".into(),
            },
            service_name: "edge".into(),
        };
        let counts = Arc::default();
        let (orders, received) = mpsc::channel(32);
        let outlet = Outlet::new(Arc::new(destination), Arc::clone(&counts));
        running.spawn(outlet.run(received));
        Self {
            orders,
            counts,
            asked,
            running,
        }
    }

    async fn hand_over(&self, count: usize) {
        let spans = (0..count).map(|_| span()).collect();
        self.orders.send(Order::Spans(spans)).await.unwrap();
    }

    async fn until(&self, what: &str, is_so: impl Fn(&Self) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !is_so(self) {
            assert!(Instant::now() < deadline, "{what}: {:?}", self.counts);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    fn counted(&self) -> (u64, u64) {
        (self.counts.sent.value(), self.counts.dropped.value())
    }
}

/// Reads a message; `None` when there is none any more.
async fn read(stream: &mut TcpStream) -> Option<()> {
    let mut came = Vec::new();
    loop {
        if stream.read_buf(&mut came).await.ok()? == 0 {
            return None;
        }
        let text = String::from_utf8_lossy(&came);
        let Some((head, body)) = text.split_once("\r\n\r\n") else {
            continue;
        };
        let length = head.split("content-length: ").nth(1).unwrap();
        let length: usize = length.lines().next().unwrap().parse().unwrap();
        if body.len() >= length {
            return Some(());
        }
    }
}

fn span() -> Span {
    Span {
        trace: TraceId::new(1).unwrap(),
        id: SpanId::random(),
        parent: None,
        name: "a".into(),
        kind: SpanKind::Client,
        time: SpanTime {
            start: Duration::ZERO,
            lasted: Duration::ZERO,
        },
        is_error: false,
        tags: Tags::default(),
    }
}

#[tokio::test]
async fn a_batch_that_is_never_taken_does_not_keep_others_waiting() {
    for status in [
        |nth| if nth < 5 { 500 } else { 202 },
        |nth| if nth < 5 { 503 } else { 202 },
    ] {
        let scene = Scene::new(Duration::ZERO, status).await;
        scene.hand_over(BATCH).await;
        scene.hand_over(7).await;
        let is_over = |scene: &Scene| scene.counted() == (7, BATCH as u64);
        scene.until("the other is sent", is_over).await;
        assert_eq!(scene.asked.load(Relaxed), 6);
    }
}

#[tokio::test]
async fn a_batch_that_is_refused_is_sent_once() {
    let scene = Scene::new(Duration::ZERO, |nth| if nth == 0 { 400 } else { 202 }).await;
    scene.hand_over(BATCH).await;
    scene.hand_over(7).await;
    let is_over = |scene: &Scene| scene.counted() == (7, BATCH as u64);
    scene.until("the other is sent", is_over).await;
    assert_eq!(scene.asked.load(Relaxed), 2);
}

#[tokio::test]
async fn what_comes_while_a_slow_collector_is_waited_for_waits_up_to_the_bound() {
    let scene = Scene::new(Duration::from_secs(4), |_| 202).await;
    scene.hand_over(BATCH).await;
    let is_asked = |scene: &Scene| scene.asked.load(Relaxed) == 1;
    scene.until("it is asked", is_asked).await;
    // Far more than its queue holds, and nobody waits for room there.
    for _ in BATCH..MAX_PENDING {
        let handed = timeout(Duration::from_secs(1), scene.hand_over(1));
        handed.await.expect("orders are taken meanwhile");
    }
    assert_eq!(scene.counted(), (0, 0));
    scene.hand_over(3).await;
    let are_dropped = |scene: &Scene| scene.counted() == (0, 3);
    scene.until("those beyond are dropped", are_dropped).await;
}

#[tokio::test]
async fn a_flush_is_over_when_what_was_before_it_has_been_tried() {
    let mut scene = Scene::new(Duration::from_millis(50), |_| 202).await;
    scene.hand_over(BATCH + 1).await;
    let (done, tried) = oneshot::channel();
    scene.orders.send(Order::Flush(done)).await.unwrap();
    assert!(tried.await.is_err());
    assert_eq!(scene.counted(), (BATCH as u64 + 1, 0));
    scene.running.abort_all();
}
