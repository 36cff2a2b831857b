//! Traces: which headers go on, which requests are sampled, what spans say and who gets them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use nuncio_tests::client::Client;
use nuncio_tests::collector::{Collector, Format, Seen};
use nuncio_tests::counters::Counters;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::upstream::{Answer, Received, Upstream, closed_port};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// All headers by which traces go from one program to the next.
const HEADERS: [&str; 11] = [
    "b3",
    "traceparent",
    "tracestate",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-trace-id",
];

fn tracing_service(name: &str, service: &str, more: &str) -> String {
    format!(
        "---\napiVersion: getambassador.io/v2\nkind: TracingService\nname: {name}\n\
         service: {service}\n{more}\n"
    )
}

/// The driver for a format, and what else it takes.
fn driver(format: Format) -> &'static str {
    match format {
        Format::ZipkinJson => "driver: zipkin",
        Format::ZipkinProto => "driver: zipkin\nconfig: {collector_endpoint_version: HTTP_PROTO}",
        Format::OtlpGrpc => "driver: opentelemetry",
        Format::OtlpHttp => {
            "driver: opentelemetry\nconfig: {collector_endpoint_version: HTTP_PROTO}"
        }
        Format::Datadog => "driver: datadog",
    }
}

const FORMATS: [Format; 5] = [
    Format::ZipkinJson,
    Format::ZipkinProto,
    Format::OtlpGrpc,
    Format::OtlpHttp,
    Format::Datadog,
];

/// A gateway that traces, its upstream and its collector.
struct Scene {
    gateway: Gateway,
    upstream: Upstream,
    collector: Collector,
}

impl Scene {
    async fn of(format: Format, more: &str) -> Self {
        let upstream = Upstream::ok("ok").await;
        Self::with(upstream, (format, more), "").await
    }

    async fn with(upstream: Upstream, (format, more): (Format, &str), route: &str) -> Self {
        let collector = Collector::start(format).await;
        let keys = format!("{}\n{more}", driver(format));
        let annotation = mapping("/a/", &upstream.service(), route)
            + &tracing_service("t", &collector.service(), &keys);
        Self {
            gateway: Gateway::start(&annotation),
            upstream,
            collector,
        }
    }

    /// Asks with these fields; what the upstream got.
    async fn ask(&self, fields: &str) -> Received {
        let mut client = Client::connect(self.gateway.address()).await;
        client.request("GET", "/a/x?q=1", fields.trim_end()).await;
        client.response().await;
        self.upstream.last()
    }

    /// The gateway's own span and those of the attempts, of the only request.
    async fn spans(&self, attempts: usize) -> (Seen, Vec<Seen>) {
        let mut seen = self.collector.until(attempts + 1).await;
        let gateway = seen.pop().unwrap();
        (gateway, seen)
    }
}

fn said(request: &Received) -> Vec<(&'static str, String)> {
    let all = HEADERS.into_iter();
    all.filter_map(|name| Some((name, request.value(name)?.to_owned())))
        .collect()
}

#[tokio::test]
async fn without_a_tracing_service_every_header_passes_untouched() {
    let upstream = Upstream::ok("ok").await;
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), ""));
    let fields = format!(
        "traceparent: 00-{TRACE}-{SPAN}-01\ntracestate: a=1,b=2\nb3: {TRACE}-{SPAN}-1\n\
         x-b3-traceid: {TRACE}\nx-b3-spanid: {SPAN}\nx-b3-parentspanid: {SPAN}\n\
         x-b3-sampled: 1\nx-datadog-trace-id: 1\nx-datadog-parent-id: odd\n\
         x-datadog-sampling-priority: 2\nx-datadog-tags: a\n"
    );
    let mut client = Client::connect(gateway.address()).await;
    client.request("GET", "/a/", fields.trim_end()).await;
    client.response().await;
    let mut came: Vec<_> = fields.lines().map(str::to_owned).collect();
    came.sort();
    let went = said(&upstream.last()).into_iter();
    let went: Vec<_> = went
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    assert_eq!(went, came);
    client.get("/a/").await;
    assert_eq!(said(&upstream.last()), []);
}

#[tokio::test]
async fn a_request_and_its_attempt_are_spans_of_one_trace_in_every_format() {
    for format in FORMATS {
        let scene = Scene::of(format, "").await;
        let request = scene.ask("").await;
        let (gateway, attempts) = scene.spans(1).await;
        let [attempt] = &*attempts else {
            panic!("{attempts:?}")
        };
        assert_eq!(gateway.parent, None, "{format:?}");
        assert_eq!(attempt.parent.as_ref(), Some(&gateway.id), "{format:?}");
        assert_eq!(attempt.trace, gateway.trace, "{format:?}");
        assert_eq!(gateway.trace.len(), 32, "{format:?}");
        assert_ne!(attempt.id, gateway.id);
        assert!(gateway.duration >= attempt.duration, "{format:?}");
        assert_eq!(told(format, &request), (gateway.trace, attempt.id.clone()));
        let is_counted = |page: &Counters| page.sum("nuncio_spans_sent_total") == 2.0;
        scene
            .gateway
            .until_counted("both are sent", is_counted)
            .await;
    }
}

/// The trace and the span that a request names.
fn told(format: Format, request: &Received) -> (String, String) {
    let value = |name| request.value(name).unwrap().to_owned();
    match format {
        Format::ZipkinJson | Format::ZipkinProto => {
            assert_eq!(value("x-b3-sampled"), "1");
            (value("x-b3-traceid"), value("x-b3-spanid"))
        }
        Format::OtlpGrpc | Format::OtlpHttp => of_traceparent(&value("traceparent")),
        Format::Datadog => {
            let number = |name| format!("{:016x}", value(name).parse::<u64>().unwrap());
            let tags = value("x-datadog-tags");
            let upper = tags.strip_prefix("_dd.p.tid=").unwrap();
            let trace = format!("{upper}{}", number("x-datadog-trace-id"));
            let told = (trace, number("x-datadog-parent-id"));
            assert_eq!(of_traceparent(&value("traceparent")), told);
            told
        }
    }
}

fn of_traceparent(text: &str) -> (String, String) {
    let parts: Vec<_> = text.split('-').collect();
    assert_eq!((parts[0], parts[3]), ("00", "01"));
    (parts[1].to_owned(), parts[2].to_owned())
}

#[tokio::test]
async fn a_trace_that_came_is_continued_in_every_format() {
    let lower = u64::from_str_radix(&TRACE[16..], 16).unwrap();
    let span = u64::from_str_radix(SPAN, 16).unwrap();
    let datadog = format!(
        "x-datadog-trace-id: {lower}\nx-datadog-parent-id: {span}\n\
         x-datadog-tags: _dd.p.tid={}\nx-datadog-sampling-priority: 1\n",
        &TRACE[..16]
    );
    let w3c = format!("traceparent: 00-{TRACE}-{SPAN}-01\ntracestate: a=1\n");
    for (format, fields) in [
        (Format::ZipkinJson, format!("b3: {TRACE}-{SPAN}-1\n")),
        (
            Format::ZipkinProto,
            format!("x-b3-traceid: {TRACE}\nx-b3-spanid: {SPAN}\nx-b3-sampled: 1\n"),
        ),
        (Format::OtlpGrpc, w3c.clone()),
        (Format::OtlpHttp, w3c.clone()),
        (Format::Datadog, datadog),
        (Format::Datadog, w3c),
    ] {
        // Who sent it has decided.
        let scene = Scene::of(format, "sampling: {random: 0}").await;
        let request = scene.ask(&fields).await;
        let (gateway, attempts) = scene.spans(1).await;
        assert_eq!(gateway.trace, TRACE, "{format:?}");
        assert_eq!(gateway.parent.as_deref(), Some(SPAN), "{format:?}");
        assert_eq!(attempts[0].trace, TRACE);
        let is_passed = fields.contains("tracestate");
        assert_eq!(request.value("tracestate").is_some(), is_passed);
        assert_eq!(request.value("b3"), None);
    }
}

#[tokio::test]
async fn a_trace_that_is_not_sampled_goes_on_without_spans() {
    let scene = Scene::of(Format::OtlpHttp, "").await;
    let request = scene
        .ask(&format!("traceparent: 00-{TRACE}-{SPAN}-00\n"))
        .await;
    let told = request.value("traceparent").unwrap();
    assert!(told.starts_with(&format!("00-{TRACE}-")), "{told}");
    assert!(told.ends_with("-00") && !told.contains(SPAN), "{told}");
    assert_no_spans(&scene).await;
}

/// Spans of an earlier request would come before those of this one.
async fn assert_no_spans(scene: &Scene) {
    const PROBE: &str = "0af7651916cd43dd8448eb211c80319c";
    scene
        .ask(&format!(
            "traceparent: 00-{PROBE}-{SPAN}-01\nb3: {PROBE}-{SPAN}-1\n"
        ))
        .await;
    scene.collector.until(2).await;
    let seen = scene.collector.seen();
    let traces: Vec<_> = seen.iter().map(|span| &*span.trace).collect();
    assert_eq!(traces, [PROBE; 2]);
}

#[tokio::test]
async fn hostile_headers_begin_a_new_trace() {
    let long = "9".repeat(20_000);
    for fields in [
        "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\n".to_owned(),
        format!("traceparent: {long}\ntracestate: a=1\n"),
        format!("traceparent: 00-{TRACE}-{SPAN}-01\n").repeat(2),
        "traceparent: 00-%00\ntracestate: \x7f\n".replace('\x7f', "~"),
    ] {
        let scene = Scene::of(Format::OtlpHttp, "").await;
        let request = scene.ask(&fields).await;
        let (gateway, _) = scene.spans(1).await;
        assert_eq!(gateway.parent, None, "{fields}");
        assert_ne!(gateway.trace, TRACE);
        assert_eq!(request.value("tracestate"), None, "{fields}");
        assert_eq!(request.values("traceparent").len(), 1, "{fields}");
    }
}

#[tokio::test]
async fn none_and_all_are_sampled() {
    for share in ["random: 0", "overall: 0", "random: 0, client: 0"] {
        let scene = Scene::of(Format::ZipkinJson, &format!("sampling: {{{share}}}")).await;
        for _ in 0..20 {
            let request = scene.ask("x-client-trace-id: a\n").await;
            let is_asked_for = share == "random: 0";
            let sampled = if is_asked_for { "1" } else { "0" };
            assert_eq!(request.value("x-b3-sampled"), Some(sampled), "{share}");
            let digit = if is_asked_for { "b" } else { "4" };
            assert_eq!(
                &request.value("x-request-id").unwrap()[14..15],
                digit,
                "{share}"
            );
        }
    }
    let scene = Scene::of(Format::ZipkinJson, "sampling: {random: 100}").await;
    for _ in 0..20 {
        let request = scene.ask("").await;
        assert_eq!(request.value("x-b3-sampled"), Some("1"));
        assert_eq!(&request.value("x-request-id").unwrap()[14..15], "a");
    }
    assert_eq!(scene.collector.until(40).await.len(), 40);
}

#[tokio::test]
async fn spans_say_what_envoys_say() {
    let scene = Scene::of(
        Format::ZipkinJson,
        "custom_tags: [{tag: lit, literal: {value: l}}, {tag: env, environment: {name: \
         NO_SUCH_VARIABLE, default_value: e}}, {tag: head, request_header: {name: x-one, \
         default_value: d}}, {tag: none, request_header: {name: x-none}}]\ntag_headers: [x-two]",
    )
    .await;
    let request = scene.ask("user-agent: me\nx-one: 1\nx-two: 2\n").await;
    let (gateway, attempts) = scene.spans(1).await;
    let host = request.value("host").unwrap();
    assert_eq!(gateway.name, host);
    assert_eq!(gateway.service, "ambassador-default");
    let stats_name = scene.upstream.stats_name();
    assert_eq!(attempts[0].name, format!("router {stats_name} egress"));
    let address = scene.upstream.service();
    for (name, value) in [
        ("component", "proxy"),
        ("http.method", "GET"),
        ("http.url", &*format!("http://{host}/a/x?q=1")),
        ("http.protocol", "HTTP/1.1"),
        ("http.status_code", "200"),
        ("response_flags", "-"),
        ("request_size", "0"),
        ("response_size", "2"),
        ("user_agent", "me"),
        ("downstream_cluster", "-"),
        ("peer.address", "127.0.0.1"),
        ("guid:x-request-id", request.value("x-request-id").unwrap()),
        ("upstream_cluster.name", &*stats_name),
        ("lit", "l"),
        ("env", "e"),
        ("head", "1"),
        ("x-two", "2"),
    ] {
        assert_eq!(
            gateway.tags.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(!gateway.tags["node_id"].is_empty());
    assert!(gateway.tags["upstream_cluster"].starts_with("cluster_"));
    for absent in ["none", "error"] {
        assert_eq!(gateway.tags.get(absent), None, "{absent}");
    }
    for (name, value) in [
        ("peer.address", &*address),
        ("upstream_address", &*address),
        ("http.status_code", "200"),
        ("lit", "l"),
    ] {
        assert_eq!(attempts[0].tags[name], value, "{name}");
    }
}

#[tokio::test]
async fn operations_are_named_as_in_emissary() {
    for (format, service) in [
        (Format::OtlpGrpc, "ambassador"),
        (Format::Datadog, "ambassador"),
    ] {
        let scene = Scene::of(format, "").await;
        let request = scene.ask("").await;
        let (gateway, attempts) = scene.spans(1).await;
        let host = request.value("host").unwrap();
        assert_eq!(gateway.name, format!("egress {host}"));
        assert_eq!((&*gateway.kind, &*attempts[0].kind), ("client", "client"));
        assert_eq!(gateway.service, service);
    }
}

#[tokio::test]
async fn every_attempt_has_a_span_of_its_own() {
    let seen = AtomicUsize::new(0);
    let upstream = Upstream::start(move |_: &Received| match seen.fetch_add(1, Relaxed) {
        0 => Answer::text("HTTP/1.1 503 X\ncontent-length: 2\n\nno"),
        _ => Answer::ok("ok"),
    })
    .await;
    let route = "retry_policy: {retry_on: 5xx, num_retries: 2}";
    let scene = Scene::with(upstream, (Format::OtlpGrpc, ""), route).await;
    scene.ask("").await;
    let (gateway, attempts) = scene.spans(2).await;
    let told: Vec<_> = scene
        .upstream
        .received()
        .iter()
        .map(|request| of_traceparent(request.value("traceparent").unwrap()).1)
        .collect();
    let ids: Vec<_> = attempts.iter().map(|attempt| attempt.id.clone()).collect();
    assert_eq!(told, ids);
    assert_ne!(ids[0], ids[1]);
    for attempt in &attempts {
        assert_eq!(attempt.parent.as_ref(), Some(&gateway.id));
    }
    let of = |name: &str| -> Vec<_> {
        attempts
            .iter()
            .map(|attempt| attempt.tags.get(name).cloned())
            .collect()
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(of("http.status_code"), [some("503"), some("200")]);
    assert_eq!(of("error"), [some("true"), None]);
    assert_eq!(of("retry.count"), [None, some("1")]);
    assert_eq!(gateway.tags.get("error"), None);
}

#[tokio::test]
async fn an_answer_of_5xx_and_no_answer_are_errors() {
    let failing = Upstream::always(Answer::text("HTTP/1.1 500 X\ncontent-length: 0\n\n")).await;
    let scene = Scene::with(failing, (Format::Datadog, ""), "").await;
    scene.ask("").await;
    let (gateway, attempts) = scene.spans(1).await;
    assert_eq!(gateway.tags["error"], "true");
    assert_eq!(gateway.tags["http.status_code"], "500");
    assert_eq!(attempts[0].tags["error"], "true");

    let collector = Collector::start(Format::ZipkinJson).await;
    let annotation = mapping("/a/", &closed_port().await, "")
        + &tracing_service("t", &collector.service(), driver(Format::ZipkinJson));
    let gateway = Gateway::start(&annotation);
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.status, 503);
    let seen = collector.until(2).await;
    assert_eq!(seen[0].tags["http.status_code"], "0");
    assert_eq!(seen[0].tags["response_flags"], "UF");
    assert_eq!(seen[1].tags["http.status_code"], "503");
    assert_eq!(seen[1].tags["response_flags"], "UF");
}

#[tokio::test]
async fn the_gateways_own_answers_have_one_span() {
    let scene = Scene::of(Format::ZipkinJson, "").await;
    let mut client = Client::connect(scene.gateway.address()).await;
    assert_eq!(client.get("/nowhere").await.status, 404);
    let seen = scene.collector.until(1).await;
    assert_eq!(seen[0].tags["http.status_code"], "404");
    assert_eq!(seen[0].tags["response_flags"], "NR");
    assert_eq!(seen[0].tags.get("upstream_cluster"), None);
}

#[tokio::test]
async fn another_tracing_service_counts_from_the_next_request_on() {
    let scene = Scene::of(Format::ZipkinJson, "").await;
    let mut client = Client::connect(scene.gateway.address()).await;
    client.get("/a/").await;
    scene.collector.until(2).await;
    let other = Collector::start(Format::OtlpGrpc).await;
    let route = mapping("/a/", &scene.upstream.service(), "");
    let to_other = tracing_service("t", &other.service(), driver(Format::OtlpGrpc));
    scene.gateway.install(&(route.clone() + &to_other));
    client.get("/a/").await;
    assert_eq!(other.until(2).await.len(), 2);
    assert_eq!(scene.collector.seen().len(), 2);
    assert!(scene.upstream.last().value("traceparent").is_some());
    scene.gateway.install(&route);
    client.get("/a/").await;
    assert_eq!(said(&scene.upstream.last()), []);
}

#[tokio::test]
async fn a_collector_that_fails_for_a_while_loses_no_span() {
    let upstream = Upstream::ok("ok").await;
    let seen = AtomicUsize::new(0);
    let collector = Collector::answering(Format::ZipkinJson, move |_: &Received| {
        match seen.fetch_add(1, Relaxed) {
            0 | 1 => Answer::text("HTTP/1.1 503 X\ncontent-length: 0\n\n"),
            _ => Answer::text("HTTP/1.1 202 X\ncontent-length: 0\n\n"),
        }
    })
    .await;
    let annotation = mapping("/a/", &upstream.service(), "")
        + &tracing_service("t", &collector.service(), driver(Format::ZipkinJson));
    let gateway = Gateway::start(&annotation);
    let mut client = Client::connect(gateway.address()).await;
    client.get("/a/").await;
    gateway
        .until_counted("both are sent", |counters| {
            counters.sum("nuncio_spans_sent_total") == 2.0
        })
        .await;
    assert!(collector.received().len() >= 3);
    assert_eq!(gateway.counters().sum("nuncio_spans_dropped_total"), 0.0);
}

#[tokio::test]
async fn spans_that_a_collector_refuses_are_counted() {
    let upstream = Upstream::ok("ok").await;
    let collector = Collector::answering(Format::ZipkinJson, |_: &Received| {
        Answer::text("HTTP/1.1 400 X\ncontent-length: 0\n\n")
    })
    .await;
    let annotation = mapping("/a/", &upstream.service(), "")
        + &tracing_service("t", &collector.service(), driver(Format::ZipkinJson));
    let gateway = Gateway::start(&annotation);
    let mut client = Client::connect(gateway.address()).await;
    client.get("/a/").await;
    gateway
        .until_counted("both are dropped", |counters| {
            counters.sum("nuncio_spans_dropped_total") == 2.0
        })
        .await;
}

#[tokio::test]
async fn an_absent_collector_costs_nothing_but_its_spans() {
    let upstream = Upstream::ok("ok").await;
    let annotation = mapping("/a/", &upstream.service(), "")
        + &tracing_service("t", &closed_port().await, driver(Format::OtlpGrpc));
    let gateway = Gateway::start(&annotation);
    let mut client = Client::connect(gateway.address()).await;
    for _ in 0..3_000 {
        assert_eq!(client.get("/a/").await.status, 200);
    }
    // What waits is bounded.
    gateway
        .until_counted("some are dropped", |counters| {
            counters.sum("nuncio_spans_dropped_total") > 0.0
        })
        .await;
    gateway.switch().flush_spans().await;
    assert_eq!(gateway.counters().sum("nuncio_spans_sent_total"), 0.0);
}

#[tokio::test]
async fn the_access_log_says_the_trace() {
    let upstream = Upstream::ok("ok").await;
    let collector = Collector::start(Format::OtlpGrpc).await;
    let file = tempfile::NamedTempFile::new().unwrap();
    let format = "%TRACE_ID% %SPAN_ID% %RESPONSE_FLAGS_LONG% %UPSTREAM_REMOTE_PORT%";
    let module = format!(
        "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n  \
         envoy_log_path: {}\n  envoy_log_format: '{format}'\n",
        file.path().display()
    );
    let annotation = mapping("/a/", &upstream.service(), "")
        + &tracing_service("t", &collector.service(), driver(Format::OtlpGrpc))
        + &module;
    let gateway = Gateway::with_access_log(&annotation);
    let mut client = Client::connect(gateway.address()).await;
    client.get("/a/").await;
    drop(client);
    let seen = collector.until(2).await;
    gateway.finish().await;
    let logged = std::fs::read_to_string(file.path()).unwrap();
    let port = upstream.address().port();
    let (trace, span) = (&seen[1].trace, &seen[1].id);
    assert_eq!(logged, format!("{trace} {span} - {port}\n"));
}
