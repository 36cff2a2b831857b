//! The access log: one line for every request, in Ambassador's form unless the Module says otherwise.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::fs::{self, File, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Command;

use nuncio_tests::client::{Client, Client2};
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Upstream, closed_port};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A gateway that logs to a file, told how by more lines of the Module.
struct Logged {
    gateway: Gateway,
    file: PathBuf,
    _directory: TempDir,
}

impl Logged {
    fn start(mappings: &str, more: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("access.log");
        Self {
            gateway: Gateway::with_access_log(&(mappings.to_owned() + &module(&file, more))),
            file,
            _directory: directory,
        }
    }

    async fn client(&self) -> Client {
        Client::connect(self.gateway.address()).await
    }

    async fn lines(self) -> Vec<String> {
        self.gateway.finish().await;
        let text = fs::read_to_string(&self.file).unwrap();
        assert!(text.ends_with('\n'), "{text}");
        text.lines().map(str::to_owned).collect()
    }
}

fn module(file: &Path, more: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n  \
         envoy_log_path: {}\n{more}\n",
        file.display()
    )
}

fn format(text: &str) -> String {
    format!("  envoy_log_format: '{text}'")
}

#[tokio::test]
async fn a_call_that_the_gateway_answers_is_logged_with_what_it_was_told() {
    let logged = Logged::start("", &format("%RESPONSE_CODE% %RESPONSE_FLAGS%"));
    let mut client = logged.client().await;
    client
        .request(
            "POST",
            "/nowhere",
            "content-type: application/grpc\ncontent-length: 0",
        )
        .await;
    assert_eq!(client.response().await.status, 200);
    assert_eq!(logged.lines().await, ["200 NR"]);
}

#[tokio::test]
async fn a_request_is_logged_as_ambassador_logs_it() {
    let upstream = Upstream::ok("hello").await;
    let logged = Logged::start(&mapping("/a/", &upstream.service(), ""), "");
    let mut client = logged.client().await;
    client
        .request("POST", "/a/b?c=d", "user-agent: curl/8\ncontent-length: 3")
        .await;
    client.send("abc").await;
    assert_eq!(client.response().await.status, 200);
    let host = logged.gateway.address();
    let request = upstream.last();
    let id = request.value("x-request-id").unwrap().to_owned();
    let authority = request.value("host").unwrap().to_owned();
    assert_ne!(host.port(), 0);
    let lines = logged.lines().await;
    let [line] = &lines[..] else {
        unreachable!("one line: {lines:?}")
    };
    let (start, rest) = line.split_once("] ").unwrap();
    let date = start.strip_prefix("ACCESS [").unwrap();
    assert_eq!(
        (date.len(), &date[10..11], &date[23..]),
        (24, "T", "Z"),
        "{date}"
    );
    let quoted: Vec<&str> = rest.split('"').skip(1).step_by(2).collect();
    let service = upstream.service();
    assert_eq!(
        quoted,
        [
            "POST /a/b?c=d HTTP/1.1",
            "127.0.0.1",
            "curl/8",
            &id,
            &authority,
            &service
        ]
    );
    let numbers: Vec<&str> = rest.split('"').nth(2).unwrap().split_whitespace().collect();
    assert_eq!(numbers[..4], ["200", "-", "3", "5"]);
    assert!(
        numbers[4].parse::<u64>().is_ok() && numbers[5].parse::<u64>().is_ok(),
        "{numbers:?}"
    );
}

#[tokio::test]
async fn flags_and_details_say_who_answered() {
    let slow = Upstream::always(Answer::Silence).await;
    let fine = Upstream::ok("").await;
    let mappings = [
        mapping("/fine/", &fine.service(), ""),
        mapping("/slow/", &slow.service(), "timeout_ms: 50"),
        mapping("/shut/", &closed_port().await, ""),
        mapping("/redirect/", "example.com", "host_redirect: true"),
    ]
    .concat();
    let operators = format("%REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS%");
    let logged = Logged::start(&mappings, &operators);
    let mut client = logged.client().await;
    for path in ["/fine/", "/slow/", "/shut/", "/redirect/", "/nowhere"] {
        client.get(path).await;
    }
    let refused = "upstream_reset_before_response_started{connection_failure}";
    assert_eq!(
        logged.lines().await,
        [
            "/ 200 - via_upstream",
            "/ 504 UT response_timeout",
            &*format!("/ 503 UF {refused}"),
            "/redirect/ 301 - direct_response",
            "/nowhere 404 NR route_not_found",
        ]
    );
}

#[tokio::test]
async fn retries_that_were_used_up_have_a_flag() {
    let upstream = Upstream::always(Answer::text("HTTP/1.1 503 S\ncontent-length: 0\n\n")).await;
    let policy = "retry_policy: {retry_on: 5xx, num_retries: 2}";
    let logged = Logged::start(
        &mapping("/a/", &upstream.service(), policy),
        &format("%RESPONSE_CODE% %RESPONSE_FLAGS% %UPSTREAM_REQUEST_ATTEMPT_COUNT%"),
    );
    assert_eq!(logged.client().await.get("/a/").await.status, 503);
    assert_eq!(logged.lines().await, ["503 URX 3"]);
}

#[tokio::test]
async fn what_is_no_request_is_logged_too() {
    let logged = Logged::start(
        "",
        &format("\"%REQ(:METHOD)% %REQ(:PATH)%\" %RESPONSE_CODE% %RESPONSE_FLAGS%"),
    );
    let mut client = logged.client().await;
    client.send("nonsense\r\n\r\n").await;
    assert_eq!(client.response().await.status, 400);
    assert_eq!(logged.lines().await, ["\"- -\" 400 DPE"]);
}

#[tokio::test]
async fn json_lines_are_escaped_and_typed_ones_keep_their_types() {
    let upstream = Upstream::ok("hello").await;
    let fields = "  envoy_log_type: typed_json\n  envoy_log_format:\n    agent: '%REQ(USER-AGENT)%'\n    \
                  code: '%RESPONSE_CODE%'\n    none: '%REQ(X-NONE)%'\n    both: '%PROTOCOL% %RESPONSE_CODE%'";
    let logged = Logged::start(&mapping("/a/", &upstream.service(), ""), fields);
    let mut client = logged.client().await;
    client.request("GET", "/a/", "user-agent: a\"b\\c\td").await;
    assert_eq!(client.response().await.status, 200);
    let lines = logged.lines().await;
    assert_eq!(
        serde_json::from_str::<Value>(&lines[0]).unwrap(),
        json!({"agent": "a\"b\\c\td", "code": 200, "none": null, "both": "HTTP/1.1 200"})
    );
    let strings = fields.replace("typed_json", "json");
    let logged = Logged::start(&mapping("/a/", &upstream.service(), ""), &strings);
    logged.client().await.get("/a/").await;
    let lines = logged.lines().await;
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!((&line["code"], &line["none"]), (&json!("200"), &json!("-")));
}

#[tokio::test]
async fn streams_of_http2_have_a_line_each() {
    let upstream = Upstream::ok("").await;
    let logged = Logged::start(
        &mapping("/a/", &upstream.service(), ""),
        &format("%PROTOCOL% %RESPONSE_CODE% %REQ(X-ENVOY-ORIGINAL-PATH?:PATH)%"),
    );
    let client = Client2::connect(logged.gateway.address()).await;
    client.get("/a/1").await;
    client.get("/a/2").await;
    client.leave();
    assert_eq!(logged.lines().await, ["HTTP/2 200 /a/1", "HTTP/2 200 /a/2"]);
}

#[tokio::test]
async fn another_format_takes_effect_with_the_next_request() {
    let upstream = Upstream::ok("").await;
    let mappings = mapping("/a/", &upstream.service(), "");
    let logged = Logged::start(&mappings, &format("one"));
    let mut client = logged.client().await;
    client.get("/a/").await;
    logged
        .gateway
        .install(&(mappings + &module(&logged.file, &format("two"))));
    client.get("/a/").await;
    assert_eq!(logged.lines().await, ["one", "two"]);
}

/// A pipe that is open, and that nobody reads.
fn stalled_pipe(directory: &Path) -> (PathBuf, File) {
    let pipe = directory.join("pipe");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    let open = OpenOptions::new()
        .read(true)
        .write(true)
        .open(&pipe)
        .unwrap();
    (pipe, open)
}

#[tokio::test]
async fn a_reader_that_has_stopped_stops_no_request() {
    let directory = tempfile::tempdir().unwrap();
    let (pipe, _reader) = stalled_pipe(directory.path());
    let upstream = Upstream::ok("").await;
    let long = "x".repeat(20_000);
    let log = module(&pipe, &format(&long));
    let gateway = Gateway::with_access_log(&(mapping("/a/", &upstream.service(), "") + &log));
    let mut client = Client::connect(gateway.address()).await;
    let dropped = || gateway.counters().sum("nuncio_access_log_dropped_total");
    let mut requests = 0;
    // What lies in the pipe and on the way to it is bounded.
    while dropped() == 0.0 {
        assert_eq!(client.get("/a/").await.status, 200);
        requests += 1;
        assert!(requests < 20_000, "lines pile up");
    }
}

#[tokio::test]
async fn a_log_on_a_full_disk_stops_no_request() {
    let upstream = Upstream::ok("").await;
    let log = module(Path::new("/dev/full"), &format("a line"));
    let gateway = Gateway::with_access_log(&(mapping("/a/", &upstream.service(), "") + &log));
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..50 {
        assert_eq!(client.get("/a/").await.status, 200);
    }
    gateway
        .until_counted("each line is counted", |now| {
            now.sum("nuncio_access_log_dropped_total") == 50.0
        })
        .await;
}
