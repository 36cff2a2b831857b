//! The whole page after one run of each scenario, against that of a real Envoy 1.40.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail as tests do"
)]

use nuncio_tests::gateway::{mapping, named_mapping};
use nuncio_tests::recording::{Deviation, Site, script};
use nuncio_tests::upstream::{Answer, Upstream, closed_port};
use tokio::task::JoinSet;

#[tokio::test]
async fn response() {
    let site = Site::new("").await.warmed().await;
    site.get("/n/200").await;
    site.moves_as("response", &[]).await;
}

#[tokio::test]
async fn response_over_a_new_connection() {
    let site = Site::new("").await;
    site.get("/n/200").await;
    site.moves_as("response over a new connection", &[]).await;
}

#[tokio::test]
async fn not_found_upstream() {
    let site = Site::new("").await.warmed().await;
    site.get("/n/404").await;
    site.moves_as("not found upstream", &[]).await;
}

#[tokio::test]
async fn no_route() {
    let site = Site::new("").await;
    assert_eq!(site.get("/nowhere").await, 404);
    site.moves_as("no route", &[]).await;
}

#[tokio::test]
async fn redirect() {
    let site = Site::new("host_redirect: true").await;
    assert_eq!(site.get("/n/").await, 301);
    site.moves_as("redirect", &[]).await;
}

#[tokio::test]
async fn redirect_before_its_body() {
    let site = Site::new("host_redirect: true").await;
    let head = "POST /n/ HTTP/1.1\nhost: a\nconnection: close\ncontent-length: 10\n\n";
    assert_eq!(site.send(head).await, 301);
    site.moves_as("redirect before its body", &[]).await;
}

#[tokio::test]
async fn malformed() {
    let site = Site::new("").await;
    assert_eq!(site.send("nonsense\n\n").await, 400);
    site.moves_as("malformed", &[]).await;
}

#[tokio::test]
async fn head_too_large() {
    let site = Site::new("").await;
    let large = format!("x: {}\n", "x".repeat(61 * 1024));
    assert_eq!(site.get_with("/n/200", &large).await, 431);
    site.moves_as("head too large", &[]).await;
}

#[tokio::test]
async fn old_version() {
    let site = Site::new("").await;
    assert_eq!(site.send("GET /n/200 HTTP/1.0\nhost: a\n\n").await, 426);
    site.moves_as("old version", &[]).await;
}

#[tokio::test]
async fn no_host() {
    let site = Site::new("").await;
    let head = "GET /n/200 HTTP/1.1\nconnection: close\n\n";
    assert_eq!(site.send(head).await, 400);
    site.moves_as("no host", &[]).await;
}

#[tokio::test]
async fn target_without_a_path() {
    let site = Site::new("").await;
    let head = "OPTIONS * HTTP/1.1\nhost: a\nconnection: close\n\n";
    assert_eq!(site.send(head).await, 404);
    site.moves_as("target without a path", &[]).await;
}

#[tokio::test]
async fn upgrade_refused() {
    let site = Site::new("").await;
    let head = "GET /n/200 HTTP/1.1\nhost: a\nupgrade: websocket\nconnection: upgrade\n\n";
    assert_eq!(site.send(head).await, 403);
    site.moves_as("upgrade refused", &[]).await;
}

const HALF_CLOSE: Deviation = Deviation {
    theirs: &[
        "+1 envoy_cluster_upstream_cx_destroy_local_with_active_rq{",
        "+1 envoy_cluster_upstream_cx_destroy_local{",
        "+1 envoy_http_downstream_cx_destroy_active_rq{",
        "+1 envoy_http_downstream_cx_destroy_remote_active_rq{",
    ],
    ours: &[
        "+1 envoy_cluster_upstream_cx_destroy_remote_with_active_rq{",
        "+1 envoy_cluster_upstream_cx_destroy_remote{",
        "+1 envoy_http_downstream_rq_time_count{",
    ],
    because: "the upstream hears of a client's end, and may say goodbye: then the tunnel was whole",
};

#[tokio::test]
async fn websocket() {
    let site = Site::new("use_websocket: true\ntimeout_ms: 0").await;
    let mut client = site.client().await;
    let upgrade = "upgrade: websocket\nconnection: upgrade";
    client.request("GET", "/n/ws", upgrade).await;
    assert_eq!(client.head().await.status, 101);
    assert_eq!(client.echo(b"hi").await, b"hi");
    drop(client);
    site.moves_as("websocket", &[HALF_CLOSE]).await;
}

#[tokio::test]
async fn client_leaves() {
    let site = Site::new("timeout_ms: 0").await;
    let mut client = site.client().await;
    client.request("GET", "/n/hang", "").await;
    site.upstream.until_received(1).await;
    drop(client);
    site.moves_as("client leaves", &[]).await;
}

#[tokio::test]
async fn client_leaves_after_the_head() {
    let site = Site::new("timeout_ms: 0").await;
    let mut client = site.client().await;
    client.request("GET", "/n/half", "").await;
    client.head().await;
    drop(client);
    site.moves_as("client leaves after the head", &[]).await;
}

#[tokio::test]
async fn connection_refused() {
    let site = Site::to(&closed_port().await, "").await;
    assert_eq!(site.get("/n/").await, 503);
    site.moves_as("connection refused", &[]).await;
}

#[tokio::test]
async fn connect_timeout() {
    // It does not speak TLS, so the connection does not come about.
    let silent = Upstream::always(Answer::Silence).await;
    let service = format!("https://{}", silent.service());
    let site = Site::to(&service, "connect_timeout_ms: 200\ntimeout_ms: 20000").await;
    assert_eq!(site.get("/n/").await, 503);
    site.moves_as("connect timeout", &[]).await;
}

#[tokio::test]
async fn no_endpoint() {
    let site = Site::to("nonexistent.invalid", "").await;
    assert_eq!(site.get("/n/").await, 503);
    site.moves_as("no endpoint", &[]).await;
}

#[tokio::test]
async fn route_timeout() {
    let site = Site::new("timeout_ms: 300").await.warmed().await;
    assert_eq!(site.get("/n/hang").await, 504);
    site.moves_as("route timeout", &[]).await;
}

#[tokio::test]
async fn route_timeout_after_the_head() {
    let site = Site::new("timeout_ms: 300").await.warmed().await;
    let mut client = site.client().await;
    client.request("GET", "/n/half", "connection: close").await;
    assert_eq!(client.head().await.status, 200);
    client.bytes(5).await;
    assert!(client.is_closed().await);
    site.moves_as("route timeout after the head", &[]).await;
}

#[tokio::test]
async fn upstream_closes() {
    let site = Site::new("").await.warmed().await;
    // A request that may be repeated would be, over another connection.
    let head = "POST /n/die HTTP/1.1\nhost: a\nconnection: close\ncontent-length: 0\n\n";
    assert_eq!(site.send(head).await, 503);
    site.moves_as("upstream closes", &[]).await;
}

#[tokio::test]
async fn upstream_closes_after_the_head() {
    let site = Site::new("").await.warmed().await;
    let mut client = site.client().await;
    client
        .request("GET", "/n/halfclose", "connection: close")
        .await;
    client.head().await;
    client.bytes(5).await;
    assert!(client.is_closed().await);
    site.moves_as("upstream closes after the head", &[]).await;
}

#[tokio::test]
async fn upstream_speaks_no_http() {
    let site = Site::new("").await;
    assert_eq!(site.get("/n/garbage").await, 502);
    site.moves_as("upstream speaks no HTTP", &[]).await;
}

#[tokio::test]
async fn upstream_breaks_its_framing() {
    let site = Site::new("").await;
    let mut client = site.client().await;
    client
        .request("GET", "/n/garbagebody", "connection: close")
        .await;
    client.head().await;
    assert!(client.is_closed().await);
    site.moves_as("upstream breaks its framing", &[]).await;
}

#[tokio::test]
async fn upstream_announces_its_close() {
    let site = Site::new("").await;
    site.get("/n/connclose").await;
    site.moves_as("upstream announces its close", &[]).await;
}

#[tokio::test]
async fn retry_that_succeeds() {
    let upstream = Upstream::start(|request| match request.connection {
        0 => Answer::text("HTTP/1.1 503 X\ncontent-length: 2\n\nok"),
        _ => Answer::ok("ok"),
    })
    .await;
    let policy = "retry_policy: {retry_on: 5xx, num_retries: 2}";
    let site = Site::to(&upstream.service(), policy).await;
    assert_eq!(site.get("/n/").await, 200);
    site.moves_as("retry that succeeds", &[]).await;
}

#[tokio::test]
async fn retries_that_run_out() {
    let policy = "retry_policy: {retry_on: 5xx, num_retries: 2}";
    let site = Site::new(policy).await.warmed().await;
    assert_eq!(site.get("/n/503").await, 503);
    site.moves_as("retries that run out", &[]).await;
}

#[tokio::test]
async fn attempts_that_run_out_of_time() {
    let policy = "retry_policy: {retry_on: 5xx, num_retries: 1, per_try_timeout: 200ms}";
    let site = Site::new(&format!("{policy}\ntimeout_ms: 20000")).await;
    assert_eq!(site.get("/n/hang").await, 504);
    site.moves_as("attempts that run out of time", &[]).await;
}

#[tokio::test]
async fn eight_at_once() {
    let site = Site::new("circuit_breakers: [{max_connections: 2, max_pending_requests: 1}]").await;
    let mut clients = JoinSet::new();
    for _ in 0..8 {
        let mut client = site.client().await;
        clients.spawn(async move {
            client.request("GET", "/n/wait", "connection: close").await;
            client.response().await.status
        });
    }
    for _ in 0..5 {
        assert_eq!(clients.join_next().await.unwrap().unwrap(), 503);
    }
    site.upstream.release();
    while let Some(status) = clients.join_next().await {
        assert_eq!(status.unwrap(), 200);
    }
    site.moves_as("eight at once", &[]).await;
}

const OVERFLOW: Deviation = Deviation {
    theirs: &[],
    ours: &["+1 envoy_cluster_upstream_rq_pending_overflow{"],
    because: "boards made for the Envoys of Ambassador read of both limits in this one",
};

#[tokio::test]
async fn too_many_requests() {
    let site = Site::new("circuit_breakers: [{max_requests: 1}]").await;
    let mut first = site.client().await;
    first.request("GET", "/n/wait", "connection: close").await;
    site.upstream.until_received(1).await;
    assert_eq!(site.get("/n/200").await, 503);
    site.upstream.release();
    assert_eq!(first.response().await.status, 200);
    site.moves_as("too many requests", &[OVERFLOW]).await;
}

const STAYS_OPEN: Deviation = Deviation {
    theirs: &[
        "+1 envoy_cluster_upstream_cx_destroy_local{",
        "+1 envoy_cluster_upstream_cx_destroy{",
        "+1 envoy_cluster_upstream_cx_length_ms_count{",
    ],
    ours: &["+1 envoy_cluster_upstream_cx_active{"],
    because: "idle connections to an endpoint that is left out are kept for when it is back",
};
const IS_OPEN: Deviation = Deviation {
    theirs: &[
        "+1 envoy_cluster_upstream_cx_active{",
        "+1 envoy_cluster_upstream_cx_connect_ms_count{",
        "+1 envoy_cluster_upstream_cx_http1_total{",
        "+1 envoy_cluster_upstream_cx_total{",
        "+1 envoy_cluster_upstream_rq_pending_total{",
    ],
    ours: &[],
    because: STAYS_OPEN.because,
};

#[tokio::test]
async fn outlier() {
    let detection = "---\napiVersion: ambassador/v0\nkind: OutlierDetection\nname: od\n\
                     consecutive_5xx: 3\n";
    let mapping = |service: &str| {
        format!(
            "{detection}---\napiVersion: ambassador/v0\nkind: Mapping\nname: m\nprefix: /n/\n\
             service: {service}\noutlier_detection: od\n"
        )
    };
    let site = Site::of(mapping).await;
    for _ in 0..3 {
        site.get("/n/500").await;
    }
    site.moves_as("outlier", &[STAYS_OPEN]).await;
    let site = site.from_now();
    assert_eq!(site.get("/n/200").await, 200);
    site.moves_as("outlier in panic", &[IS_OPEN]).await;
}

#[tokio::test]
async fn shadow() {
    let mirror = Upstream::start(script).await;
    let copies = mirror.service();
    let annotation = |service: &str| {
        named_mapping("original", "/n/", service, "")
            + &named_mapping("shadow", "/n/", &copies, "shadow: true")
    };
    let site = Site::of(annotation).await.knowing(&copies, "mirror");
    site.get("/n/200").await;
    site.moves_as("shadow", &[]).await;
}

#[tokio::test]
async fn idle_stream() {
    let site = Site::new("idle_timeout_ms: 300\ntimeout_ms: 0").await;
    assert_eq!(site.get("/n/hang").await, 504);
    site.moves_as("idle stream", &[]).await;
}

#[tokio::test]
async fn idle_stream_after_the_head() {
    let site = Site::new("idle_timeout_ms: 300\ntimeout_ms: 0").await;
    let mut client = site.client().await;
    client.request("GET", "/n/half", "connection: close").await;
    client.head().await;
    client.bytes(5).await;
    assert!(client.is_closed().await);
    site.moves_as("idle stream after the head", &[]).await;
}

#[tokio::test]
async fn idle_upload() {
    let site = Site::new("idle_timeout_ms: 300\ntimeout_ms: 0").await;
    let head = "POST /n/ HTTP/1.1\nhost: a\nconnection: close\ncontent-length: 10\n\nabc";
    assert_eq!(site.send(head).await, 408);
    site.moves_as("idle upload", &[]).await;
}

#[tokio::test]
async fn early_answer() {
    let site = Site::new("timeout_ms: 0").await;
    let head = "POST /n/early HTTP/1.1\nhost: a\ncontent-length: 10\n\n";
    assert_eq!(site.send(head).await, 200);
    site.moves_as("early answer", &[]).await;
}

#[tokio::test]
async fn broken_body() {
    let site = Site::new("timeout_ms: 0").await;
    let mut client = site.client().await;
    client
        .request(
            "POST",
            "/n/hang",
            "connection: close\ntransfer-encoding: chunked",
        )
        .await;
    site.upstream.until_received(1).await;
    client.send("zz\n").await;
    assert_eq!(client.response().await.status, 400);
    assert!(client.is_closed().await);
    site.moves_as("broken body", &[]).await;
}

#[tokio::test]
async fn idle_client() {
    let module = "---\napiVersion: ambassador/v1\nkind: Module\nname: ambassador\n\
                  config: {listener_idle_timeout_ms: 300}\n";
    let site = Site::of(|service| format!("{module}{}", mapping("/n/", service, ""))).await;
    assert!(site.client().await.is_closed().await);
    site.moves_as("idle client", &[]).await;
}

#[tokio::test]
async fn idle_upstream_connection() {
    let site = Site::new("cluster_idle_timeout_ms: 300").await;
    site.get("/n/200").await;
    site.moves_as("idle upstream connection", &[]).await;
}

const CORS: &str = "cors: {origins: http://ok.example}";

#[tokio::test]
async fn page_of_an_allowed_origin() {
    let site = Site::new(CORS).await.warmed().await;
    site.get_with("/n/200", "origin: http://ok.example\n").await;
    site.moves_as("page of an allowed origin", &[]).await;
}

#[tokio::test]
async fn page_of_another_origin() {
    let site = Site::new(CORS).await.warmed().await;
    site.get_with("/n/200", "origin: http://bad.example\n")
        .await;
    site.moves_as("page of another origin", &[]).await;
}

#[tokio::test]
async fn preflight() {
    let site = Site::new(CORS).await;
    let head = "OPTIONS /n/ HTTP/1.1\nhost: a\nconnection: close\norigin: http://ok.example\n\
                access-control-request-method: PUT\n\n";
    assert_eq!(site.send(head).await, 200);
    site.moves_as("preflight", &[]).await;
}

#[tokio::test]
async fn body() {
    let site = Site::new("").await.warmed().await;
    let head = "POST /n/200 HTTP/1.1\nhost: a\nconnection: close\ncontent-length: 3000\n\n";
    assert_eq!(site.send(&format!("{head}{}", "x".repeat(3000))).await, 200);
    site.moves_as("body", &[]).await;
}
