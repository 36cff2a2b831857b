use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use nuncio_config::Identity;
use nuncio_telemetry::{BuildInfo, Telemetry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::{Admin, AdminRoutes, CurrentSnapshot, Facts, Published};
use crate::connections::MAX_CONNECTIONS;
use crate::{Latch, Readiness};

mod scrape;

struct Port {
    addr: SocketAddr,
    readiness: Arc<Readiness>,
    telemetry: Arc<Telemetry>,
    shutdown: watch::Sender<bool>,
    served: JoinHandle<()>,
}

struct Nothing;

impl CurrentSnapshot for Nothing {
    fn current(&self) -> Option<Published> {
        None
    }
}

#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Port {
    async fn start(routes: AdminRoutes) -> Self {
        let readiness = Arc::new(Readiness::new());
        let telemetry = Telemetry::new(BuildInfo::default());
        let admin = Arc::new(Admin::new(
            Arc::clone(&telemetry),
            Arc::clone(&readiness),
            Arc::new(Nothing),
            facts(),
        ));
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (shutdown, stopping) = watch::channel(false);
        let served = tokio::spawn(admin.serve(listener, routes, stopping));
        Self {
            addr,
            readiness,
            telemetry,
            shutdown,
            served,
        }
    }

    async fn full() -> Self {
        Self::start(AdminRoutes::Full).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.addr).await.unwrap()
    }

    async fn ask(&self, method: &str, target: &str) -> Answer {
        let request = format!("{method} {target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        self.send(request.as_bytes()).await
    }

    async fn get(&self, target: &str) -> Answer {
        self.ask("GET", target).await
    }

    /// Sends bytes and reads until the gateway closes.
    async fn send(&self, request: &[u8]) -> Answer {
        let mut stream = self.connect().await;
        stream.write_all(request).await.unwrap();
        let mut answer = String::new();
        timeout(DEADLINE, stream.read_to_string(&mut answer))
            .await
            .unwrap()
            .unwrap();
        Answer::parse(&answer)
    }
}

impl Answer {
    fn parse(text: &str) -> Self {
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    fn header(&self, name: &str) -> &str {
        let lines = self
            .head
            .lines()
            .skip(1)
            .map(|line| line.split_once(": ").unwrap());
        lines
            .filter(|(shown, _)| shown.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
            .next()
            .unwrap_or_default()
    }

    fn is(&self, status: u16, body: &str) -> bool {
        self.status == status
            && self.body == body
            && self.header("content-length") == body.len().to_string()
    }
}

#[tokio::test]
async fn probes_follow_readiness() {
    let port = Port::full().await;
    let alive = "/ambassador/v0/check_alive";
    let ready = "/ambassador/v0/check_ready";
    assert!(
        port.get(alive)
            .await
            .is(200, "Ambassador is alive and well\n")
    );
    assert!(port.get(ready).await.is(503, "Ambassador is not ready\n"));

    for latch in [
        Latch::Sources,
        Latch::Snapshot,
        Latch::Credentials,
        Latch::Listeners,
    ] {
        port.readiness.set(latch);
    }
    let answer = port.get(ready).await;
    assert!(answer.is(200, "Ambassador is ready and waiting\n"));
    assert_eq!(answer.header("content-type"), "text/plain");

    port.readiness.start_draining();
    assert!(port.get(ready).await.is(503, "Ambassador is not ready\n"));
    assert!(
        port.get(alive)
            .await
            .is(200, "Ambassador is alive and well\n")
    );

    port.readiness.declare_dead();
    assert!(port.get(alive).await.is(503, "Ambassador is not alive\n"));
}

#[tokio::test]
async fn metrics_have_the_content_type_prometheus_wants() {
    let full = Port::full().await;
    let metrics_only = Port::start(AdminRoutes::MetricsOnly).await;
    for (port, target) in [
        (&full, "/metrics"),
        (&full, "/stats/prometheus"),
        (&full, "/stats?format=prometheus"),
        (&metrics_only, "/metrics"),
    ] {
        let answer = port.get(target).await;
        assert_eq!(answer.status, 200, "{target}");
        assert_eq!(
            answer.header("content-type"),
            "text/plain; version=0.0.4; charset=utf-8"
        );
        assert!(answer.body.contains("# TYPE "), "{target}");
    }
}

#[tokio::test]
async fn the_metrics_port_points_to_its_metrics_and_has_nothing_else() {
    let port = Port::start(AdminRoutes::MetricsOnly).await;
    assert!(port.get("/").await.body.contains("<a href=\"metrics\">"));
    assert!(
        port.get("/ambassador/v0/check_ready")
            .await
            .is(404, "Not found\n")
    );
    assert!(
        port.get("/ambassador/v0/diag/?json=true")
            .await
            .is(404, "Not found\n")
    );
}

#[tokio::test]
async fn diagnostics_are_json_when_asked_for_and_a_guarded_page_otherwise() {
    let port = Port::full().await;
    let json = port.get("/ambassador/v0/diag/?json=true").await;
    assert_eq!(
        (json.status, json.header("content-type")),
        (200, "application/json")
    );
    assert!(json.body.starts_with("{\"system\":{"));
    assert_eq!(json.header("x-content-type-options"), "nosniff");

    let html = port.get("/ambassador/v0/diag/").await;
    assert_eq!(
        (html.status, html.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert_eq!(html.header("x-content-type-options"), "nosniff");
    assert!(
        html.header("content-security-policy")
            .starts_with("default-src 'none'")
    );
}

#[tokio::test]
async fn diagnostics_without_the_slash_move_and_keep_the_query() {
    let port = Port::full().await;
    let moved = port.get("/ambassador/v0/diag").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, "/ambassador/v0/diag/")
    );
    let moved = port.get("/ambassador/v0/diag?json=1").await;
    assert_eq!(
        (moved.status, moved.header("location")),
        (301, "/ambassador/v0/diag/?json=1")
    );
}

#[tokio::test]
async fn other_methods_and_other_paths_are_refused() {
    let port = Port::full().await;
    let answer = port.ask("DELETE", "/metrics").await;
    assert!(answer.is(405, "Method not allowed\n"));
    assert_eq!(answer.header("allow"), "GET, HEAD");
    for target in ["/", "/nothing", "/ambassador/v0/", "/metrics/"] {
        assert!(port.get(target).await.is(404, "Not found\n"), "{target}");
    }
}

#[tokio::test]
async fn head_has_the_length_of_get_and_no_body() {
    let port = Port::full().await;
    for target in [
        "/ambassador/v0/check_alive",
        "/ambassador/v0/diag/",
        "/nothing",
    ] {
        let get = port.get(target).await;
        let head = port.ask("HEAD", target).await;
        assert_eq!(
            (head.status, head.body.as_str()),
            (get.status, ""),
            "{target}"
        );
        assert_eq!(
            head.header("content-length"),
            get.body.len().to_string(),
            "{target}"
        );
    }
}

#[tokio::test]
async fn a_request_body_does_not_cost_the_answer() {
    let port = Port::full().await;
    let request = "POST /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
                   Content-Length: 5\r\n\r\nhello";
    assert!(
        port.send(request.as_bytes())
            .await
            .is(405, "Method not allowed\n")
    );
}

#[tokio::test]
async fn nonsense_is_a_bad_request() {
    let port = Port::full().await;
    assert!(
        port.send(b"GET /metrics HTTP/1.1\r\nbad header\r\n\r\n")
            .await
            .is(400, "Bad request\n")
    );
}

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let port = Port::full().await;
    let mut stream = port.connect().await;
    let mut read = 0;
    let mut buffer = vec![0; 64 * 1024];
    for _ in 0..3 {
        stream
            .write_all(b"GET /ambassador/v0/check_alive HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
        read = timeout(DEADLINE, stream.read(&mut buffer))
            .await
            .unwrap()
            .unwrap();
    }
    assert!(buffer[..read].starts_with(b"HTTP/1.1 200 OK\r\n"));
}

#[tokio::test]
async fn idle_connections_cannot_keep_a_probe_out() {
    let port = Port::full().await;
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(port.connect().await);
    }
    assert_eq!(port.get("/ambassador/v0/check_alive").await.status, 200);
    let closed = timeout(DEADLINE, idle[0].read(&mut [0])).await.unwrap();
    assert!(matches!(closed, Ok(0) | Err(_)), "the oldest made room");
    let mut newest = idle.pop().unwrap();
    newest
        .write_all(b"GET /nothing HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    timeout(DEADLINE, newest.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(Answer::parse(&answer).status, 404, "the newest is served");
}

/// Time jumps whenever nothing else can happen, so limits are met at once.
#[tokio::test(start_paused = true)]
async fn a_head_that_never_ends_is_given_up() {
    let port = Port::full().await;
    let mut stream = port.connect().await;
    let started = Instant::now();
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\n")
        .await
        .unwrap();
    assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
    assert_eq!(started.elapsed().as_secs(), 75);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_takes_nothing_is_given_up() {
    let port = Port::full().await;
    for cluster in 0..4000 {
        drop(port.telemetry.cluster(format!("cluster_{cluster}")));
    }
    let mut stream = port.connect().await;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await;
    let answer = Answer::parse(&String::from_utf8_lossy(&answer));
    let is_whole = answer.body.ends_with("\r\n0\r\n\r\n");
    assert!(!is_whole, "{ended:?}: {}", answer.body.len());
}

#[tokio::test]
async fn shutdown_closes_idle_connections_at_once() {
    let port = Port::full().await;
    let mut idle = port.connect().await;
    assert_eq!(port.get("/nothing").await.status, 404);
    port.shutdown.send_replace(true);
    timeout(DEADLINE, port.served).await.unwrap().unwrap();
    assert_eq!(
        timeout(DEADLINE, idle.read(&mut [0]))
            .await
            .unwrap()
            .unwrap(),
        0
    );
    TcpStream::connect(port.addr).await.unwrap_err();
}

fn facts() -> Facts {
    Facts {
        version: "0.1.0".into(),
        commit: "".into(),
        hostname: "ambassador-0".into(),
        cluster_id: "".into(),
        started: SystemTime::now(),
        identity: Identity::default(),
        single_namespace: false,
        statsd_enabled: false,
    }
}

const DEADLINE: Duration = Duration::from_secs(4);
