//! Upstreams that die, fall silent or lose their names, with requests going on beside them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and measurements are printed"
)]

use std::net::SocketAddr;
use std::time::Duration;

use nuncio_tests::client::Client;
use nuncio_tests::control::eventually;
use nuncio_tests::counters::Counters;
use nuncio_tests::edge::Edge;
use nuncio_tests::gateway::{Gateway, mapping, named_mapping};
use nuncio_tests::kube_api::{EndpointSlice, FakeApi, Resource};
use nuncio_tests::load::Load;
use nuncio_tests::names::NameServer;
use nuncio_tests::pod::Pod;
use nuncio_tests::upstream::{Answer, Upstream};
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// Pods of the Service `web`, and the gateway before them.
struct Scene {
    api: FakeApi,
    pods: Vec<Pod>,
    edge: Edge,
}

impl Scene {
    async fn of(count: u8, more: &str) -> Self {
        let api = FakeApi::start().await;
        let service = json!({"metadata": {}, "spec": {"ports": [{"port": 80}]}});
        api.put(Resource::Services, "default", "web", service);
        let more = format!("resolver: endpoint\nload_balancer: {{policy: round_robin}}\n{more}");
        api.put_service("default", "m-web", &mapping("/web/", "web:80", &more));
        let mut pods = vec![Pod::at(([127, 0, 3, 1], 0).into()).await];
        let port = pods[0].address().port();
        for number in 2..=count {
            pods.push(Pod::at(([127, 0, 3, number], port).into()).await);
        }
        let scene = Self {
            edge: Edge::of(&api),
            api,
            pods,
        };
        scene.tell();
        scene.edge.until_status("/web/", 200).await;
        scene
    }

    /// Tells of the Pods that there are.
    fn tell(&self) {
        let all: Vec<SocketAddr> = self.pods.iter().map(Pod::address).collect();
        EndpointSlice::of("web", &all).put(&self.api);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_killed_costs_the_requests_it_had_and_few_more() {
    let mut scene = Scene::of(2, "").await;
    let load = Load::start(scene.edge.gateway().address(), &["/web/"], (8, 500));
    load.go_on(300).await;
    let killed = Instant::now();
    scene.pods.remove(0).kill().await;
    // So long nobody says that it has gone.
    sleep(Duration::from_secs(1)).await;
    scene.tell();
    let told = Instant::now();
    load.go_on(1_500).await;
    let seen = load.end().await;
    let last = seen.failed.last().map(|(at, _)| at.duration_since(killed));
    println!("last failure {last:?} after the end; {}", seen.brief());
    let late = seen
        .failed
        .iter()
        .filter(|(at, _)| *at > told + Duration::from_secs(1));
    assert_eq!(late.count(), 0, "{:?}", seen.failed);
    assert!(seen.failed.len() * 100 <= seen.sent(), "{:?}", seen.failed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pod_that_is_killed_costs_nothing_where_requests_are_tried_again() {
    let policy = "retry_policy: {retry_on: gateway-error, num_retries: 2}";
    let mut scene = Scene::of(2, policy).await;
    let load = Load::start(scene.edge.gateway().address(), &["/web/"], (8, 500));
    load.go_on(300).await;
    scene.pods.remove(0).kill().await;
    load.go_on(500).await;
    scene.tell();
    load.go_on(300).await;
    let seen = load.end().await;
    println!("{}", seen.brief());
    seen.none_failed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_is_out_of_use_within_a_second_of_its_end() {
    let mut scene = Scene::of(3, "").await;
    let load = Load::start(scene.edge.gateway().address(), &["/web/"], (8, 500));
    load.go_on(300).await;
    let leaving = scene.pods.remove(0);
    scene.tell();
    let told = Instant::now();
    load.go_on(500).await;
    load.end().await.none_failed();
    let last = leaving.last_request().saturating_duration_since(told);
    println!("its last request came {last:?} after the slice");
    assert!(last < Duration::from_secs(1), "{last:?}");
}

/// A port whose queue of connections is full: SYNs are dropped.
async fn black_hole() -> (SocketAddr, TcpListener, JoinSet<()>) {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind(([127, 0, 0, 1], 0).into()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = JoinSet::new();
    for _ in 0..4 {
        waiting.spawn(async move {
            let held = tokio::net::TcpStream::connect(address).await;
            std::future::pending::<()>().await;
            drop(held);
        });
    }
    sleep(Duration::from_millis(200)).await;
    (address, listener, waiting)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_address_that_swallows_everything_stalls_its_own_requests_alone() {
    let (address, _listener, _waiting) = black_hole().await;
    let (good, silent) = (
        Upstream::ok("ok").await,
        Upstream::always(Answer::Silence).await,
    );
    let annotation = named_mapping("good", "/good/", &good.service(), "")
        + &named_mapping("hole", "/hole/", &address.to_string(), "timeout_ms: 10000")
        + &named_mapping("silent", "/silent/", &silent.service(), "timeout_ms: 1000");
    let gateway = Gateway::start(&annotation);
    let load = Load::start(gateway.address(), &["/good/"], (4, 400));
    let mut stalled = JoinSet::new();
    for (path, status, least, most) in
        [("/hole/", 503, 2_900, 5_000), ("/silent/", 504, 900, 3_000)]
    {
        for _ in 0..20 {
            let address = gateway.address();
            stalled.spawn(async move {
                let mut client = Client::connect(address).await;
                let begun = Instant::now();
                let answer = client.get(path).await;
                assert_eq!(answer.status, status, "{path}");
                let took = begun.elapsed().as_millis();
                assert!((least..most).contains(&took), "{path}: {took} ms");
            });
        }
    }
    while let Some(ended) = stalled.join_next().await {
        ended.unwrap();
    }
    let seen = load.end().await;
    println!("beside it: {}", seen.brief());
    seen.none_failed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_addresses_of_a_name_outlive_its_name_servers() {
    let (names, upstream) = (NameServer::start().await, Upstream::ok("ok").await);
    names.set("a.example", &[upstream.address().ip()]);
    let service = format!("a.example:{}", upstream.address().port());
    let more = "dns_type: strict_dns\nrespect_dns_ttl: true";
    let gateway = Gateway::start_with_names(&mapping("/a/", &service, more), &names);
    let first = Client::connect(gateway.address()).await.get("/a/").await;
    assert_eq!(first.status, 200);
    let load = Load::start(gateway.address(), &["/a/"], (4, 200));
    for way in 0..3 {
        match way {
            0 => names.fail(true),
            1 => {
                names.fail(false);
                names.forget("a.example");
            }
            _ => names.set("a.example", &[]),
        }
        let (asked, begun) = (names.questions("a.example"), Instant::now());
        eventually("the name is asked for in vain", || {
            names.questions("a.example") >= asked + 2
        })
        .await;
        println!(
            "way {way}: asked for both families after {:?}",
            begun.elapsed()
        );
    }
    load.go_on(100).await;
    let seen = load.end().await;
    println!("{}", seen.brief());
    seen.none_failed();
    let failures = |now: &Counters| now.sum("nuncio_dns_failures_total") > 0.0;
    gateway
        .until_counted("failures are counted", failures)
        .await;
}
