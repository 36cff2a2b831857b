//! The statsd lines of a gateway beside those of a real Envoy 1.40 to which the same was done, in
//! either form, by name and sum.
//!
//! `fixtures/envoy_statsd_sums.txt` and `envoy_dogstatsd_sums.txt` are recorded from Envoy 1.40: of
//! every line about the connection managers, listeners and clusters of the scenarios the sum of a
//! counter, the last value of a gauge, and how often a timer was sent.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod traffic;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use nuncio_telemetry::statsd::{self, Form, Options, Target};
use nuncio_telemetry::{BuildInfo, Telemetry};
use tokio::net::UdpSocket;
use tokio::sync::watch;
use tokio::time::timeout;

use traffic::Recording;

const DEADLINE: Duration = Duration::from_secs(20);

/// By name, kind and tags: the sum of a counter, the last value of a gauge, how many of a timer.
type Sums = BTreeMap<String, u64>;

#[tokio::test]
async fn plain_lines_are_envoys_by_name_and_sum() {
    let recording = Recording {
        canary: 40,
        lookups: 5,
    };
    let theirs = recorded(include_str!("../fixtures/envoy_statsd_sums.txt"));
    for datagrams in BOTH {
        compare(&heard(Form::Plain, datagrams, &recording).await, &theirs);
    }
}

#[tokio::test]
async fn lines_with_tags_are_envoys_by_name_tags_and_sum() {
    let recording = Recording {
        canary: 42,
        lookups: 4,
    };
    let theirs = recorded(include_str!("../fixtures/envoy_dogstatsd_sums.txt"));
    let form = Form::Dog { entity: None };
    for datagrams in BOTH {
        compare(&heard(form.clone(), datagrams, &recording).await, &theirs);
    }
}

/// How many bytes of lines a datagram has at most; without a number, it has one line.
type Datagrams = Option<usize>;

/// As the gateway runs unless it is told otherwise, and as many lines as go together.
const BOTH: [Datagrams; 2] = [None, Some(1_432)];

/// What Envoy says and the gateway need not, by a part of the name.
const NOT_TOLD: &[(&str, &str)] = &[
    ("external.", "a copy of every response to a client"),
    ("ext_authz.", "the recorded Envoy asked an AuthService"),
    ("internal.upstream_rq", "which answered three requests"),
    (
        "health_check.",
        "the recorded Envoy had active health checks",
    ),
    (
        "circuit_breakers.",
        "told once a breaker was open; by Envoy with the first connection",
    ),
    (
        "cluster.ssl.",
        "no board reads what TLS to upstreams came to",
    ),
    (
        "secure.ssl.",
        "no board reads what TLS to upstreams came to",
    ),
    ("ssl.ciphers", "no board reads it"),
    ("ssl.curves", "no board reads it"),
    ("ssl.versions", "no board reads it"),
    ("default.total_match_count", "no board reads it"),
    ("warming_state", "no board reads it"),
    ("upstream_rq_per_cx", "no board reads it"),
    ("_bytes_buffered", "no board reads it"),
    ("downstream_pre_cx_active", "no board reads it"),
    ("downstream_cx_delayed_close_timeout", "no board reads it"),
    ("connections_accepted_per_socket_event", "no board reads it"),
    ("worker_", "Envoy's threads"),
];

/// What both say with another number: a part of the name, whose it is, and why.
const OTHERWISE: &[(&str, &str, &str)] = &[
    ("_bytes_total", "", "heads have another size"),
    ("cx_length_ms", "cb", AT_SHUTDOWN),
    ("cx_length_ms", "cluster_quote_default", AT_SHUTDOWN),
    ("cx_length_ms", "httpbin", AT_SHUTDOWN),
    ("cx_length_ms", "od", AT_SHUTDOWN),
    ("cx_length_ms", "secure", AT_SHUTDOWN),
    ("cx_length_ms", "ingress_https", AT_SHUTDOWN),
    ("cx_length_ms", "127.0.0.1_18443", AT_SHUTDOWN),
    ("upstream_cx_destroy", "httpbin", ONE_TCP),
    ("upstream_cx_total", "httpbin", ONE_TCP),
    ("upstream_cx_connect_ms", "httpbin", ONE_TCP),
    ("upstream_rq_pending_total", "httpbin", ONE_TCP),
    ("upstream_rq_total", "httpbin", ONE_TCP),
];
const AT_SHUTDOWN: &str = "connections that a shutdown closes are timed; by Envoy they are not";
const ONE_TCP: &str = "one connection of a TCPMapping went through this cluster";

fn compare(ours: &Sums, theirs: &Sums) {
    let mut wrong = Vec::new();
    for (name, sum) in theirs {
        let is_excused = match ours.get(name) {
            Some(our) => our == sum || is_otherwise(name, sum.abs_diff(*our)),
            None => NOT_TOLD.iter().any(|(part, _)| name.contains(part)),
        };
        if !is_excused {
            wrong.push(format!("{name}: theirs {sum}, ours {:?}", ours.get(name)));
        }
    }
    let unknown = ours.keys().filter(|name| !theirs.contains_key(*name));
    let unknown = unknown.filter(|name| !is_otherwise(name, 1));
    wrong.extend(unknown.map(|name| format!("{name}: ours only")));
    assert!(wrong.is_empty(), "{wrong:#?}");
    let is_equal = |(name, sum): &(&String, &u64)| ours.get(*name) == Some(*sum);
    let equal = theirs.iter().filter(is_equal).count();
    assert!(equal > 190, "{equal} of {} are equal", theirs.len());
}

/// Sizes may differ at will, everything else by no more than two connections.
fn is_otherwise(name: &str, by: u64) -> bool {
    OTHERWISE.iter().any(|(part, of, _)| {
        name.contains(part) && name.contains(of) && (by <= 2 || *part == "_bytes_total")
    })
}

fn recorded(text: &str) -> Sums {
    let line = |line: &str| {
        let (sum, name) = line.split_once(' ').unwrap();
        (name.to_owned(), sum.parse().unwrap())
    };
    text.lines().map(line).collect()
}

/// What a receiver is told of all that was done.
async fn heard(form: Form, datagrams: Datagrams, recording: &Recording) -> Sums {
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let telemetry = Telemetry::new(BuildInfo::default());
    let (stop, stopped) = watch::channel(false);
    let options = Options {
        target: Target::Automatic(socket.local_addr().unwrap()),
        flush_interval: Duration::from_millis(20),
        max_datagram: datagrams,
        form,
        ..Options::default()
    };
    let exporting = tokio::spawn(statsd::run(Arc::clone(&telemetry), options, stopped));
    let mut receiver = Receiver {
        socket,
        datagrams,
        lines: Vec::new(),
    };
    // Timers are sent from when the first lines are.
    receiver.listen(|lines| lines.len() > 5).await;
    traffic::replay(&telemetry, recording);
    // In the middle of the timers: what is being sent is sent to its end.
    let timed = |lines: &[String]| lines.iter().any(|line| line.contains("|ms"));
    receiver.listen(timed).await;
    stop.send_replace(true);
    receiver.listen(|_| exporting.is_finished()).await;
    exporting.await.unwrap();
    receiver.drain();
    sums(&receiver.lines)
}

struct Receiver {
    socket: UdpSocket,
    datagrams: Datagrams,
    lines: Vec<String>,
}

impl Receiver {
    /// Whenever the exporter pauses, which it does before a socket has no more room: waiting to be
    /// woken takes longer than some hundred datagrams.
    async fn listen(&mut self, enough: impl Fn(&[String]) -> bool) {
        let all = async {
            while !enough(&self.lines) {
                self.drain();
                tokio::task::yield_now().await;
            }
        };
        timeout(DEADLINE, all).await.expect("enough lines");
    }

    /// What is there.
    fn drain(&mut self) {
        let mut datagram = vec![0; 65_536];
        while let Ok(length) = self.socket.try_recv(&mut datagram) {
            let text = std::str::from_utf8(&datagram[..length]).unwrap();
            assert!(length <= 1_432 && !text.ends_with('\n'));
            assert!(self.datagrams.is_some() || !text.contains('\n'), "{text}");
            self.lines.extend(text.split('\n').map(str::to_owned));
        }
    }
}

fn sums(lines: &[String]) -> Sums {
    let mut sums = Sums::new();
    for line in lines {
        let (metric, tags) = line
            .split_once("|#")
            .map_or((&**line, ""), |(m, tags)| (m, tags));
        let (name, value) = metric.rsplit_once(':').unwrap();
        let (value, kind) = value.split_once('|').unwrap();
        let value: u64 = value.parse().unwrap();
        let mark = if tags.is_empty() { "" } else { "|#" };
        let sum = sums
            .entry(format!("{name}|{kind}{mark}{tags}"))
            .or_default();
        match kind {
            "c" => *sum += value,
            "g" => *sum = value,
            _ => *sum += 1,
        }
    }
    let scopes = [
        "envoy.cluster.",
        "envoy.http.",
        "envoy.http2.",
        "envoy.listener.",
    ];
    sums.retain(|name, _| scopes.iter().any(|scope| name.starts_with(scope)));
    sums
}
