//! The metrics page as scrapers get it.

use std::io::Read;

use flate2::read::GzDecoder;
use nuncio_telemetry::{Bytes, Ending, Mapped, Outcome, Protocol, RequestRecord};

use super::{AdminRoutes, AsyncReadExt, AsyncWriteExt, DEADLINE, Duration, Instant, Port, timeout};

/// The head in lower case, and the body without its chunks.
async fn scrape(port: &Port, request: &str) -> (String, Vec<u8>) {
    let mut stream = port.connect().await;
    let request = format!("{request}Host: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let read = timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
    read.unwrap().unwrap();
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let body = answer.split_off(end.unwrap() + 4);
    let head = String::from_utf8(answer).unwrap().to_ascii_lowercase();
    match head.contains("transfer-encoding: chunked") && !body.is_empty() {
        true => (head, without_chunks(&body)),
        false => (head, body),
    }
}

fn without_chunks(mut body: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let end = body.windows(2).position(|two| two == b"\r\n").unwrap();
        let size = std::str::from_utf8(&body[..end]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return whole;
        }
        whole.extend_from_slice(&body[end + 2..][..size]);
        body = &body[end + 2 + size + 2..];
    }
}

fn unpacked(body: &[u8]) -> String {
    let mut text = String::new();
    GzDecoder::new(body).read_to_string(&mut text).unwrap();
    text
}

/// As many clusters as make a page of several pieces.
fn fill(port: &Port) {
    for number in 0..500 {
        let name = format!("service_{number:03}");
        port.telemetry.cluster(name).endpoints_changed(1);
    }
}

fn clusters(page: &str) -> usize {
    let family = |line: &&str| line.starts_with("envoy_cluster_membership_total{");
    page.lines().filter(family).count()
}

#[tokio::test]
async fn a_large_page_arrives_whole_compressed_or_not() {
    for routes in [AdminRoutes::Full, AdminRoutes::MetricsOnly] {
        let port = Port::start(routes).await;
        fill(&port);
        let (head, plain) = scrape(&port, "GET /metrics HTTP/1.1\r\n").await;
        assert!(!head.contains("content-encoding"), "{head}");
        assert!(plain.len() > 256 * 1024 && plain.ends_with(b"\n"));
        assert_eq!(clusters(std::str::from_utf8(&plain).unwrap()), 500);

        let request = "GET /metrics HTTP/1.1\r\nAccept-Encoding: deflate, gzip;q=0.5\r\n";
        let (head, packed) = scrape(&port, request).await;
        assert!(head.contains("content-encoding: gzip"), "{head}");
        assert!(head.contains("vary: accept-encoding"), "{head}");
        assert!(packed.len() * 10 < plain.len(), "{}", packed.len());
        let page = unpacked(&packed);
        assert_eq!(clusters(&page), 500);
        assert!(page.ends_with('\n'));
    }
}

#[tokio::test]
async fn a_client_of_http_1_0_gets_the_page_to_the_end_of_the_connection() {
    let port = Port::full().await;
    fill(&port);
    let (head, page) = scrape(&port, "GET /metrics HTTP/1.0\r\n").await;
    assert!(!head.contains("transfer-encoding"), "{head}");
    assert_eq!(clusters(std::str::from_utf8(&page).unwrap()), 500);
}

#[tokio::test]
async fn a_head_is_a_head() {
    let port = Port::full().await;
    let request = "HEAD /stats/prometheus HTTP/1.1\r\nAccept-Encoding: gzip\r\n";
    let (head, body) = scrape(&port, request).await;
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"));
    assert_eq!(body, b"");
}

#[tokio::test]
async fn parts_of_the_page_are_had_by_envoys_parameters() {
    let port = Port::full().await;
    fill(&port);
    let target =
        "GET /stats?format=prometheus&filter=%5Ecluster%5C.service_00%5Cd%5C.membership_total$";
    let (_, page) = scrape(&port, &format!("{target} HTTP/1.1\r\n")).await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!((clusters(&page), page.lines().count()), (10, 11), "{page}");

    let (_, page) = scrape(&port, "GET /metrics?usedonly HTTP/1.1\r\n").await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!(clusters(&page), 500);
    assert!(!page.contains("envoy_cluster_upstream_rq_total"));
}

#[tokio::test]
async fn a_filter_that_is_none_is_told_so_in_one_line() {
    let port = Port::full().await;
    let answer = port.get("/metrics?filter=(a").await;
    let expected = "the filter is no regular expression: unclosed group\n";
    assert!(answer.is(400, expected), "{answer:?}");
}

#[tokio::test]
async fn a_page_that_nobody_takes_keeps_no_probe_waiting() {
    let port = Port::full().await;
    fill(&port);
    let mut slow = port.connect().await;
    for _ in 0..50 {
        slow.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            .await
            .unwrap();
    }
    let alive = port.get("/ambassador/v0/check_alive").await;
    assert_eq!(alive.status, 200);
}

/// As many Mappings as make a family of several pieces.
fn fill_mappings(port: &Port) {
    let http = port.telemetry.http("ingress_http");
    let listener = port.telemetry.listener(port.addr, &http);
    for number in 0..2_000 {
        let mapping = port
            .telemetry
            .mapping("default", &format!("mapping-{number:04}"));
        RequestRecord {
            cluster: None,
            request: listener.request_started(Protocol::Http1),
            outcome: Outcome::Upstream {
                status: 200,
                ending: Ending::Complete,
            },
            duration: Duration::from_millis(7),
            upstream_time: None,
            bytes: Bytes::default(),
            retried: false,
            mapping: Some(Mapped {
                stats: &mapping,
                retries: 0,
            }),
            trace: None,
        }
        .record();
    }
}

const PROTOBUF: &str = "Accept: application/vnd.google.protobuf;\
                        proto=io.prometheus.client.MetricFamily;encoding=delimited\r\n";

#[tokio::test]
async fn our_own_pages_arrive_whole_compressed_or_not() {
    let port = Port::full().await;
    fill_mappings(&port);
    for (accept, media_type) in [
        ("", "application/openmetrics-text"),
        (PROTOBUF, "application/vnd.google.protobuf"),
    ] {
        let request = format!("GET /metrics/openmetrics HTTP/1.1\r\n{accept}");
        let (head, plain) = scrape(&port, &request).await;
        assert!(
            head.contains(media_type) && head.contains("chunked"),
            "{head}"
        );
        assert!(plain.len() > 512 * 1024, "{}", plain.len());
        assert_eq!(accept.is_empty(), plain.ends_with(b"# EOF\n"));

        let (head, packed) = scrape(&port, &format!("{request}Accept-Encoding: gzip\r\n")).await;
        assert!(head.contains("content-encoding: gzip"), "{head}");
        assert!(packed.len() * 5 < plain.len(), "{}", packed.len());
        let mut page = Vec::new();
        GzDecoder::new(&*packed).read_to_end(&mut page).unwrap();
        // Numbers of the process may have grown longer.
        assert!(page.len().abs_diff(plain.len()) < 1024);
    }
}

#[tokio::test]
async fn a_probe_is_answered_while_a_page_of_many_mappings_is_written() {
    let port = Port::full().await;
    fill_mappings(&port);
    let openmetrics = "/metrics/openmetrics HTTP/1.1\r\n";
    for request in [
        "/metrics?filter=nuncio_mapping HTTP/1.1\r\n".to_owned(),
        openmetrics.to_owned(),
        format!("{openmetrics}{PROTOBUF}"),
    ] {
        let request = format!("GET {request}");
        let scraped = async {
            let (head, _) = scrape(&port, &request).await;
            assert!(head.starts_with("http/1.1 200"), "{head}");
            Instant::now()
        };
        let probed = async {
            assert_eq!(port.get("/ambassador/v0/check_alive").await.status, 200);
            Instant::now()
        };
        let (scraped, probed) = tokio::join!(scraped, probed);
        assert!(probed < scraped, "{request}");
    }
}

#[tokio::test]
async fn one_filtered_page_is_written_at_a_time() {
    let port = Port::full().await;
    fill_mappings(&port);
    let target = "/metrics?filter=nuncio_mapping";
    let mut slow = port.connect().await;
    let request = format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n");
    slow.write_all(request.as_bytes()).await.unwrap();
    slow.read_exact(&mut [0; 64]).await.unwrap();
    let refused = port.get(target).await;
    let expected = "another filtered page is being written; try again\n";
    assert!(refused.is(503, expected), "{}", refused.head);
    assert_eq!(port.get("/metrics").await.status, 200);
    drop(slow);
    let freed = async {
        while port.get(target).await.status != 200 {
            tokio::task::yield_now().await;
        }
    };
    timeout(DEADLINE, freed).await.unwrap();
}
