use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Body;
use hyper::client::conn::{http1, http2};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::serve;

struct Upstream {
    addr: SocketAddr,
    shutdown: watch::Sender<bool>,
    served: JoinHandle<()>,
}

struct Answer {
    status: StatusCode,
    rsp: Response<()>,
    body: Bytes,
}

impl Upstream {
    async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (shutdown, stopping) = watch::channel(false);
        Self {
            addr,
            shutdown,
            served: tokio::spawn(serve(listener, stopping)),
        }
    }

    async fn connect(&self) -> http1::SendRequest<Full<Bytes>> {
        let stream = TcpStream::connect(self.addr).await.unwrap();
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        sender
    }

    async fn send(&self, req: Request<Full<Bytes>>) -> Answer {
        Answer::of(self.connect().await.send_request(req).await.unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(request("GET", path, "")).await
    }
}

impl Answer {
    async fn of<B: Body<Error: std::fmt::Debug>>(rsp: Response<B>) -> Self {
        let (parts, body) = rsp.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            rsp: Response::from_parts(parts, ()),
            body,
        }
    }

    fn header(&self, name: &str) -> &str {
        self.rsp
            .headers()
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        assert_eq!(self.header("content-type"), "application/json");
        serde_json::from_slice(&self.body).unwrap()
    }
}

fn request(method: &str, path: &str, body: impl Into<Bytes>) -> Request<Full<Bytes>> {
    with_headers(method, path, body, &[])
}

fn with_headers(
    method: &str,
    path: &str,
    body: impl Into<Bytes>,
    headers: &[(&str, &str)],
) -> Request<Full<Bytes>> {
    let mut builder = Request::builder()
        .method(method)
        .uri(path)
        .header("host", "httpbin.test");
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    builder.body(Full::new(body.into())).unwrap()
}

#[tokio::test]
async fn get_shows_arguments_headers_origin_and_url() {
    let upstream = Upstream::start().await;
    let req = with_headers(
        "GET",
        "/get?a=1&b=x+y&a=%C3%BC",
        "",
        &[
            ("x-envoy-expected-rq-timeout-ms", "3000"),
            ("accept", "text/html"),
            ("accept", "*/*"),
        ],
    );
    let answer = upstream.send(req).await;
    let expected = json!({
        "args": {"a": ["1", "ü"], "b": "x y"},
        "headers": {
            "Accept": "text/html,*/*",
            "Host": "httpbin.test",
            "X-Envoy-Expected-Rq-Timeout-Ms": "3000"
        },
        "origin": "127.0.0.1",
        "url": "http://httpbin.test/get?a=1&b=x+y&a=%C3%BC"
    });
    assert_eq!(answer.json(), expected);
    assert_eq!(
        answer.body,
        format!("{expected:#}\n"),
        "sorted and indented"
    );
}

#[tokio::test]
async fn forwarded_headers_decide_origin_and_scheme() {
    let upstream = Upstream::start().await;
    let forwarded = [
        ("x-forwarded-for", "10.9.8.7"),
        ("x-forwarded-proto", "https"),
    ];
    let shown = upstream
        .send(with_headers("GET", "/get", "", &forwarded))
        .await
        .json();
    assert_eq!(shown["origin"], "10.9.8.7");
    assert_eq!(shown["url"], "https://httpbin.test/get");
}

#[tokio::test]
async fn headers_ip_and_user_agent_show_one_thing_each() {
    let upstream = Upstream::start().await;
    let agent = [("user-agent", "curl/8")];
    let shown = upstream
        .send(with_headers("GET", "/user-agent", "", &agent))
        .await
        .json();
    assert_eq!(shown, json!({"user-agent": "curl/8"}));
    assert_eq!(
        upstream.get("/ip").await.json(),
        json!({"origin": "127.0.0.1"})
    );
    assert_eq!(
        upstream.get("/headers").await.json(),
        json!({"headers": {"Host": "httpbin.test"}})
    );
}

#[tokio::test]
async fn anything_takes_every_method_and_any_path_below() {
    let upstream = Upstream::start().await;
    for method in ["GET", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
        let shown = upstream
            .send(request(method, "/anything/at/all?q=", "hello"))
            .await
            .json();
        assert_eq!(shown["method"], method);
        assert_eq!(shown["data"], "hello");
        assert_eq!(shown["args"], json!({"q": ""}));
        assert_eq!(shown["url"], "http://httpbin.test/anything/at/all?q=");
    }
}

#[tokio::test]
async fn post_shows_json_forms_and_plain_data() {
    let upstream = Upstream::start().await;
    let shown = upstream
        .send(request("POST", "/post", r#"{"a": [1]}"#))
        .await
        .json();
    assert_eq!(
        (&shown["json"], &shown["data"]),
        (&json!({"a": [1]}), &json!(r#"{"a": [1]}"#))
    );

    let form = [(
        "content-type",
        "application/x-www-form-urlencoded; charset=utf-8",
    )];
    let shown = upstream
        .send(with_headers("POST", "/post", "k=v&k=w&n=1", &form))
        .await
        .json();
    assert_eq!(shown["form"], json!({"k": ["v", "w"], "n": "1"}));
    assert_eq!((&shown["json"], &shown["data"]), (&Value::Null, &json!("")));

    let shown = upstream
        .send(request("POST", "/post", "not json"))
        .await
        .json();
    assert_eq!(
        (&shown["json"], &shown["data"]),
        (&Value::Null, &json!("not json"))
    );
}

#[tokio::test]
async fn the_wrong_method_is_405_with_what_is_allowed() {
    let upstream = Upstream::start().await;
    let answer = upstream.get("/post").await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "POST")
    );
    let answer = upstream.send(request("POST", "/get", "x")).await;
    assert_eq!(
        (answer.status, answer.header("allow")),
        (StatusCode::METHOD_NOT_ALLOWED, "GET, HEAD")
    );
}

#[tokio::test]
async fn status_answers_that_status_and_nothing_else() {
    let upstream = Upstream::start().await;
    for status in [200, 204, 304, 404, 418, 503, 599] {
        let answer = upstream
            .send(request("PUT", &format!("/status/{status}"), "x"))
            .await;
        assert_eq!((answer.status.as_u16(), answer.body.len()), (status, 0));
    }
    assert_eq!(
        upstream.get("/status/99").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn delay_waits_and_then_shows_the_request() {
    let upstream = Upstream::start().await;
    let started = Instant::now();
    let shown = upstream.get("/delay/0.2").await.json();
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert_eq!(shown["url"], "http://httpbin.test/delay/0.2");
    assert_eq!(
        upstream.get("/delay/soon").await.status,
        StatusCode::BAD_REQUEST
    );
}

#[tokio::test]
async fn stream_writes_numbered_lines_in_chunks() {
    let upstream = Upstream::start().await;
    let answer = upstream.get("/stream/3").await;
    assert_eq!(answer.header("transfer-encoding"), "chunked");
    let lines: Vec<Value> = answer
        .body
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| serde_json::from_slice(line).unwrap())
        .collect();
    let ids: Vec<_> = lines
        .iter()
        .map(|line| line["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [0, 1, 2]);
    assert_eq!(lines[2]["url"], "http://httpbin.test/stream/3");
    assert_eq!(upstream.get("/stream/0").await.body, "");
}

#[tokio::test]
async fn bodies_are_echoed_up_to_one_mebibyte_and_refused_above() {
    let upstream = Upstream::start().await;
    let limit = super::body::ECHO_LIMIT;
    let shown = upstream
        .send(request("POST", "/post", vec![b'a'; limit]))
        .await
        .json();
    assert_eq!(shown["data"].as_str().unwrap().len(), limit);

    let mut connection = upstream.connect().await;
    let req = request("POST", "/anything", vec![b'a'; limit + 1]);
    let answer = Answer::of(connection.send_request(req).await.unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    connection.ready().await.unwrap();
    let again = connection
        .send_request(request("GET", "/ip", ""))
        .await
        .unwrap();
    assert_eq!(
        again.status(),
        StatusCode::OK,
        "the connection is still fit for use"
    );
}

#[tokio::test]
async fn the_index_is_text_and_the_rest_is_404() {
    let upstream = Upstream::start().await;
    let index = upstream.get("/").await;
    assert_eq!(index.header("content-type"), "text/plain; charset=utf-8");
    assert!(index.body.starts_with(b"The demo's built-in httpbin."));
    assert_eq!(upstream.get("/cookies").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn head_has_the_length_and_no_body() {
    let upstream = Upstream::start().await;
    let length = upstream.get("/ip").await.body.len().to_string();
    let answer = upstream.send(request("HEAD", "/ip", "")).await;
    assert_eq!(
        (answer.header("content-length"), answer.body.len()),
        (length.as_str(), 0)
    );
}

#[tokio::test]
async fn http2_shows_its_authority_as_host() {
    let upstream = Upstream::start().await;
    let stream = TcpStream::connect(upstream.addr).await.unwrap();
    let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    tokio::spawn(connection);
    let req = Request::get("http://h2.test/get")
        .body(Full::<Bytes>::default())
        .unwrap();
    let shown = Answer::of(sender.send_request(req).await.unwrap())
        .await
        .json();
    assert_eq!(shown["headers"]["Host"], "h2.test");
    assert_eq!(shown["url"], "http://h2.test/get");

    let req = Request::head("http://h2.test/ip")
        .body(Full::<Bytes>::default())
        .unwrap();
    let answer = Answer::of(sender.send_request(req).await.unwrap()).await;
    assert_ne!(answer.header("content-length"), "");
    assert_eq!(answer.body, "");
}

#[tokio::test]
async fn shutdown_lets_requests_under_way_finish() {
    let upstream = Upstream::start().await;
    let mut idle = upstream.connect().await;
    idle.ready().await.unwrap();
    let mut busy = upstream.connect().await;
    let slow = tokio::spawn(busy.send_request(request("GET", "/delay/0.3", "")));
    // The answer to a later request shows that the slow one has been accepted before it.
    upstream.get("/ip").await;

    upstream.shutdown.send_replace(true);
    assert_eq!(slow.await.unwrap().unwrap().status(), StatusCode::OK);
    tokio::time::timeout(Duration::from_secs(5), upstream.served)
        .await
        .unwrap()
        .unwrap();
    TcpStream::connect(upstream.addr).await.unwrap_err();
}
