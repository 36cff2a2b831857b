//! Scenarios that a real Envoy was recorded in, and the gateway that is to count the same.
//!
//! Invariant: compared is everything that the page shows of clients, listeners and clusters:
//! counters, gauges, and how many samples each histogram got. Nothing is left out but by a
//! [`Deviation`], which has to be there as described.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::gateway::{Gateway, mapping};
use crate::upstream::{Answer, Received, Upstream, wire};

/// A gateway with one upstream, in a scenario.
#[derive(Debug)]
pub struct Site {
    /// The gateway.
    pub gateway: Gateway,
    /// What it serves by default.
    pub upstream: Upstream,
    names: Vec<(String, &'static str)>,
    before: Numbers,
}

/// Where the gateway counts otherwise than the recorded Envoy, on purpose.
#[derive(Clone, Copy, Debug)]
pub struct Deviation {
    /// What only Envoy's page shows; the beginnings of lines.
    pub theirs: &'static [&'static str],
    /// What only ours shows.
    pub ours: &'static [&'static str],
    /// Why.
    pub because: &'static str,
}

/// What a page shows, by series: counters and gauges, and the samples of histograms.
type Numbers = BTreeMap<String, f64>;

/// Longer than any test waits on a machine that is busy building.
const DEADLINE: Duration = Duration::from_secs(20);

const RECORDED: &str = include_str!("../fixtures/envoy_deltas.txt");

impl Site {
    /// One with a Mapping `/n/` to an upstream that answers by what is asked for (see [`script`]);
    /// `more` are further lines of the Mapping.
    pub async fn new(more: &str) -> Self {
        Self::of(|service| mapping("/n/", service, more)).await
    }

    /// As [`Site::new`], with the annotation for a service.
    pub async fn of(annotation: impl FnOnce(&str) -> String) -> Self {
        let upstream = Upstream::start(script).await;
        let service = upstream.service();
        Self::over(upstream, &annotation(&service), &service)
    }

    /// As [`Site::new`], whose Mapping is to `service` instead.
    pub async fn to(service: &str, more: &str) -> Self {
        let upstream = Upstream::start(script).await;
        Self::over(upstream, &mapping("/n/", service, more), service)
    }

    fn over(upstream: Upstream, annotation: &str, service: &str) -> Self {
        let gateway = Gateway::start(annotation);
        let address = service.split("://").last().unwrap_or(service);
        let names = vec![
            (stats_name(address), "httpbin"),
            (
                gateway.address().to_string().replace(':', "_"),
                "127.0.0.1_18080",
            ),
        ];
        let before = numbers(&gateway, &names);
        Self {
            gateway,
            upstream,
            names,
            before,
        }
    }

    /// Knows another cluster by the name it was recorded with.
    #[must_use]
    pub fn knowing(mut self, service: &str, recorded: &'static str) -> Self {
        self.names.push((stats_name(service), recorded));
        self.from_now()
    }

    /// Has the upstream connection there already.
    pub async fn warmed(self) -> Self {
        self.get("/n/200").await;
        let ended = "envoy_http_downstream_cx_destroy";
        let once = |now: &crate::counters::Counters| now.sum(ended) >= 1.0;
        self.gateway.until_counted("the first is over", once).await;
        self.from_now()
    }

    /// Leaves what was counted so far to the past.
    #[must_use]
    pub fn from_now(mut self) -> Self {
        self.before = numbers(&self.gateway, &self.names);
        self
    }

    /// A new client.
    pub async fn client(&self) -> Client {
        Client::connect(self.gateway.address()).await
    }

    /// Sends this head, with `\n` for line ends, and reads whatever comes until the end.
    pub async fn send(&self, head: &str) -> u16 {
        let mut client = self.client().await;
        client.send(head).await;
        let response = client.response().await;
        assert!(client.is_closed().await);
        response.status
    }

    /// `GET`, after which the connection ends; `more` are further lines.
    pub async fn get_with(&self, path: &str, more: &str) -> u16 {
        let close = "connection: close";
        self.send(&format!(
            "GET {path} HTTP/1.1\nhost: a.example\n{close}\n{more}\n"
        ))
        .await
    }

    /// As [`Site::get_with`], without further lines.
    pub async fn get(&self, path: &str) -> u16 {
        self.get_with(path, "").await
    }

    /// Waits until the page has moved as Envoy's did in this scenario.
    ///
    /// # Panics
    /// When it has not at the deadline, with what differs.
    pub async fn moves_as(&self, scenario: &str, deviations: &[Deviation]) {
        let (theirs, ours) = split(recorded(scenario), deviations);
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut expected = theirs.clone();
            let moved = self.moved();
            let deviating: BTreeSet<_> = moved.iter().filter(|line| begins(line, &ours)).collect();
            expected.extend(deviating.into_iter().cloned());
            let is_whole = ours
                .iter()
                .all(|start| moved.iter().any(|line| line.starts_with(start)));
            if moved == expected && is_whole {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{scenario}, but {:?}\nonly Envoy: {:#?}\nonly here: {:#?}",
                deviations.iter().map(|one| one.because).collect::<Vec<_>>(),
                expected.difference(&moved).collect::<Vec<_>>(),
                moved.difference(&expected).collect::<Vec<_>>(),
            );
            sleep(Duration::from_millis(10)).await;
        }
    }

    fn moved(&self) -> BTreeSet<String> {
        let now = numbers(&self.gateway, &self.names);
        let moved = now.into_iter().filter_map(|(series, value)| {
            let by = value - self.before.get(&series).copied().unwrap_or(0.0);
            (by != 0.0).then(|| line(&series, by))
        });
        moved.collect()
    }
}

/// How an upstream answers a request, by the last segment of its path.
pub fn script(request: &Received) -> Answer {
    let head = "HTTP/1.1 200 OK\ncontent-length: 10\n\n";
    match request.path().rsplit('/').next().unwrap_or_default() {
        "hang" => Answer::Silence,
        "half" => Answer::Drip(vec![wire(&format!("{head}hello"))], DEADLINE),
        "halfclose" => Answer::BytesThenClose(wire(&format!("{head}hello"))),
        "die" => Answer::BytesThenClose(wire("")),
        "garbage" => Answer::text("nonsense\n\n"),
        // What is wrong with a body that comes with its head is seen before the head is passed on.
        "garbagebody" => Answer::Drip(
            vec![
                wire("HTTP/1.1 200 OK\ntransfer-encoding: chunked\n\n"),
                wire("zz\n"),
            ],
            Duration::from_millis(50),
        ),
        "connclose" => Answer::BytesThenClose(wire(
            "HTTP/1.1 200 OK\nconnection: close\ncontent-length: 2\n\nok",
        )),
        "early" => Answer::Early(wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok")),
        "wait" => Answer::Deaf(wire("HTTP/1.1 200 OK\ncontent-length: 2\n\nok")),
        "ws" => Answer::Tunnel {
            opening: wire(
                "HTTP/1.1 101 Switching Protocols\nconnection: upgrade\nupgrade: websocket\n\n",
            ),
            farewell: wire(""),
        },
        status if status.parse::<u16>().is_ok() => {
            Answer::text(&format!("HTTP/1.1 {status} X\ncontent-length: 2\n\nok"))
        }
        _ => Answer::ok("ok"),
    }
}

/// What the scenario moved in a real Envoy.
fn recorded(scenario: &str) -> BTreeSet<String> {
    let (_, section) = RECORDED
        .split_once(&format!("\n### {scenario}\n"))
        .expect("a recorded scenario");
    let lines = section.lines().take_while(|line| !line.starts_with("### "));
    lines.map(ToOwned::to_owned).collect()
}

/// Without what only Envoy shows; and what only the gateway does.
fn split(
    mut recorded: BTreeSet<String>,
    deviations: &[Deviation],
) -> (BTreeSet<String>, Vec<&'static str>) {
    for start in deviations.iter().flat_map(|deviation| deviation.theirs) {
        let before = recorded.len();
        recorded.retain(|line| !line.starts_with(start));
        assert!(recorded.len() < before, "Envoy does not show {start}");
    }
    let ours = deviations.iter().flat_map(|deviation| deviation.ours);
    (recorded, ours.copied().collect())
}

fn begins(line: &str, starts: &[&str]) -> bool {
    starts.iter().any(|start| line.starts_with(start))
}

fn line(series: &str, by: f64) -> String {
    match series.split('{').next() {
        Some(family) if family.ends_with("_bytes_total") => format!("moved {series}"),
        _ => format!("{by:+} {series}"),
    }
}

fn numbers(gateway: &Gateway, names: &[(String, &str)]) -> Numbers {
    let page = gateway.page();
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let counted = samples.filter_map(|line| line.rsplit_once(' '));
    let counted = counted.filter(|(series, _)| is_compared(series));
    let renamed = |series: &str| {
        let rename = |name: String, (from, to): &(String, &str)| name.replace(from.as_str(), to);
        names.iter().fold(series.to_owned(), rename)
    };
    counted
        .map(|(series, value)| (renamed(series), value.parse().unwrap()))
        .collect()
}

/// Not how configuration comes, nor what is known of names, nor how long things took.
fn is_compared(series: &str) -> bool {
    let family = series.split('{').next().unwrap_or_default();
    let scopes = ["envoy_cluster_", "envoy_http", "envoy_listener_"];
    let others = [
        "envoy_cluster_manager_",
        "envoy_cluster_update_",
        "envoy_listener_manager_",
    ];
    begins(family, &scopes)
        && !begins(family, &others)
        && !["_bucket", "_sum", "_bytes_buffered"]
            .iter()
            .any(|end| family.ends_with(end))
}

fn stats_name(service: &str) -> String {
    service.replace(['.', ':'], "_")
}
