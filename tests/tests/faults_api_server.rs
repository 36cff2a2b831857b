//! Faults of the API server, with requests going on beside them: none fails, and what changed meanwhile
//! is live soon after.
//!
//! The small ones run always. Those of the full size take a minute each:
//! `cargo nextest run -p nuncio-tests --test faults_api_server --run-ignored only --no-capture`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and measurements are printed"
)]

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use nuncio_routing::Snapshot;
use nuncio_tests::control::{eventually, mappings};
use nuncio_tests::edge::Edge;
use nuncio_tests::gateway::named_mapping;
use nuncio_tests::kube_api::{EndpointSlice, Expiry, FakeApi, Resource};
use nuncio_tests::load::Load;
use nuncio_tests::upstream::Upstream;
use serde_json::json;
use tokio::time::{Instant, sleep};

/// Twenty Services with a route each, and an upstream for all of them.
struct Scene {
    api: FakeApi,
    upstream: Upstream,
    edge: Edge,
}

const ROUTES: usize = 20;

impl Scene {
    async fn start() -> Self {
        let (api, upstream) = (FakeApi::start().await, Upstream::ok("ok").await);
        for number in 0..ROUTES {
            put(&api, &upstream, &format!("r{number:02}"));
        }
        let edge = Edge::of(&api);
        let all = |snapshot: &Snapshot| mappings(snapshot).len() == ROUTES;
        edge.control().until("all routes", all).await;
        eventually("watching", || api.watches(Resource::Services) > 0).await;
        Self {
            api,
            upstream,
            edge,
        }
    }

    fn load(&self, per_second: u32) -> Load {
        let paths: Vec<_> = (0..ROUTES)
            .map(|number| format!("/r{number:02}/"))
            .collect();
        let paths: Vec<_> = paths.iter().map(|path| &**path).collect();
        Load::start(self.edge.gateway().address(), &paths, (4, per_second))
    }

    fn is_connected(&self) -> bool {
        let page = self.edge.control().metrics();
        page.lines()
            .any(|line| line == "nuncio_control_plane_connected 1")
    }

    /// Whether any snapshot lacked a route that there is all the time.
    fn flapped(&self) -> bool {
        let history = self.edge.control().history();
        let lacks = |snapshot: &Snapshot| {
            let live = mappings(snapshot);
            (0..ROUTES).any(|number| !live.contains(&&*format!("r{number:02}")))
        };
        history.iter().any(|snapshot| lacks(snapshot))
    }

    async fn until_live(&self, limit: Duration, name: &str) {
        let has = |snapshot: &Snapshot| mappings(snapshot).contains(&name);
        self.edge.control().within(limit, name, has).await;
    }
}

fn put(api: &FakeApi, upstream: &Upstream, name: &str) {
    let text = named_mapping(name, &format!("/{name}/"), &upstream.service(), "");
    api.put_service("default", name, &text);
}

const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_server_that_is_away_costs_no_request() {
    let scene = Scene::start().await;
    let load = scene.load(400);
    load.go_on(100).await;
    assert!(scene.is_connected());
    scene.api.stop().await;
    eventually("the loss is told", || !scene.is_connected()).await;
    put(&scene.api, &scene.upstream, "meanwhile");
    load.go_on(400).await;
    scene.api.resume().await;
    scene.until_live(SOON, "meanwhile").await;
    eventually("the return is told", || scene.is_connected()).await;
    let seen = load.end().await;
    println!("{}", seen.brief());
    seen.none_failed();
    assert!(!scene.flapped());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute and a half"]
async fn a_minute_without_an_api_server() {
    let scene = Scene::start().await;
    let load = scene.load(500);
    sleep(Duration::from_secs(5)).await;
    let tries = scene.api.turn_away().await;
    let gone = Instant::now();
    eventually("the loss is told", || !scene.is_connected()).await;
    let told = gone.elapsed();
    put(&scene.api, &scene.upstream, "meanwhile");
    sleep(Duration::from_secs(60).saturating_sub(gone.elapsed())).await;
    let asked = tries.load(Ordering::Relaxed);
    scene.api.drop_connections().await;
    let back = Instant::now();
    let limit = Duration::from_secs(35);
    scene.until_live(limit + SOON, "meanwhile").await;
    let live = back.elapsed();
    eventually("the return is told", || scene.is_connected()).await;
    let returned = back.elapsed();
    let seen = load.end().await;
    println!(
        "lost: told after {told:?}, {asked} tries in a minute; back: live after {live:?}, told \
         after {returned:?}; {}",
        seen.brief()
    );
    seen.none_failed();
    assert!(asked <= 30, "{asked} tries");
    assert!(told <= Duration::from_secs(10) && returned <= limit);
}

#[tokio::test]
async fn a_gateway_that_was_there_first_is_ready_soon_after_the_api_server() {
    let (api, upstream) = (FakeApi::start().await, Upstream::ok("ok").await);
    api.stop().await;
    put(&api, &upstream, "first");
    let edge = Edge::of(&api);
    // As long as it takes for its tries to be far apart.
    sleep(Duration::from_secs(4)).await;
    assert_eq!(edge.control().generation(), 0);
    api.resume().await;
    let has = |snapshot: &Snapshot| mappings(snapshot) == ["first"];
    edge.control().within(SOON, "the first snapshot", has).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_is_gone_again_and_again_flaps_no_route() {
    let scene = Scene::start().await;
    let load = scene.load(400);
    put(&scene.api, &scene.upstream, "going");
    scene.until_live(SOON, "going").await;
    for round in 0..6 {
        let lists = scene.api.lists(Resource::Services);
        let how = [Expiry::Status, Expiry::Event][round % 2];
        if round == 3 {
            scene.api.lose(Resource::Services, |name| name == "going");
        }
        scene.api.expire(Resource::Services, how);
        eventually("one fresh list", || {
            scene.api.lists(Resource::Services) > lists
        })
        .await;
        put(&scene.api, &scene.upstream, &format!("round{round}"));
        let name = format!("round{round}");
        scene.until_live(SOON, &name).await;
        assert_eq!(scene.api.lists(Resource::Services), lists + 1);
    }
    let last = scene.edge.control().last().unwrap();
    assert!(!mappings(&last).contains(&"going"));
    let seen = load.end().await;
    println!("{}", seen.brief());
    seen.none_failed();
    assert!(!scene.flapped());
}

/// Takes a minute: the limit that is promised for a connection that dies without a word.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a minute"]
async fn half_an_event_and_then_nothing_is_noticed_within_a_minute() {
    let scene = Scene::start().await;
    let load = scene.load(400);
    scene.api.tear(Resource::Services);
    put(&scene.api, &scene.upstream, "half");
    let limit = Duration::from_secs(65);
    scene.until_live(limit, "half").await;
    put(&scene.api, &scene.upstream, "later");
    scene.until_live(SOON, "later").await;
    load.end().await.none_failed();
    assert!(!scene.flapped());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_list_leaves_what_was_until_it_is_whole() {
    let scene = Scene::start().await;
    for number in 0..1_000 {
        put(&scene.api, &scene.upstream, &format!("s{number:03}"));
    }
    let all = |snapshot: &Snapshot| mappings(snapshot).len() == ROUTES + 1_000;
    scene.edge.control().until("all of them", all).await;
    let load = scene.load(400);
    let (lists, generation) = (
        scene.api.lists(Resource::Services),
        scene.edge.control().generation(),
    );
    scene.api.slow_down(Resource::Services, 500_000);
    scene.api.fail_lists(Resource::Services, 1..2);
    scene.api.lose(Resource::Services, |name| name >= "s500");
    scene.api.expire(Resource::Services, Expiry::Status);
    let first = || scene.api.lists(Resource::Services) > lists;
    eventually("a page is under way", first).await;
    assert_eq!(scene.edge.control().generation(), generation);
    let half = |snapshot: &Snapshot| mappings(snapshot).len() == ROUTES + 500;
    let whole = scene.edge.control().until("what is left", half).await;
    // Two pages, of which the second failed once and was asked for again by itself.
    assert_eq!(scene.api.lists(Resource::Services), lists + 3);
    assert_eq!(whole.generation, generation + 1);
    load.end().await.none_failed();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_objects_are_listed_anew_beside_requests() {
    relist(1_000, 300).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a machine for itself"]
async fn ten_thousand_objects_are_listed_anew_beside_requests() {
    relist(10_000, 3_000).await;
}

/// So many Mappings of the endpoints of so many Services.
fn populate(api: &FakeApi, upstream: &Upstream, (routes, services): (usize, usize)) {
    for kind in Resource::CUSTOM {
        api.install(kind, &["v3alpha1"]);
    }
    let port = upstream.address().port();
    for number in 0..services {
        let spec = json!({"ports": [{"port": port}]});
        let (name, object) = (format!("s{number}"), json!({"metadata": {}, "spec": spec}));
        api.put(Resource::Services, "default", &name, object);
        EndpointSlice::of(&name, &[upstream.address()]).put(api);
    }
    let resolver = json!({"spec": {}});
    api.put(Resource::EndpointResolvers, "default", "endpoint", resolver);
    for number in 0..routes {
        let service = format!("s{}:{port}", number % services);
        let spec = json!({"hostname": "*", "prefix": format!("/m{number}/"), "service": service,
            "resolver": "endpoint", "load_balancer": {"policy": "round_robin"}});
        let name = format!("m{number}");
        api.put(Resource::Mappings, "default", &name, json!({"spec": spec}));
    }
}

/// Mappings and slices that are all listed anew, while one of them has gone.
async fn relist(routes: usize, services: usize) {
    let (api, upstream) = (FakeApi::start().await, Upstream::ok("ok").await);
    populate(&api, &upstream, (routes, services));
    let edge = Edge::of(&api);
    let all = |snapshot: &Snapshot| mappings(snapshot).len() == routes;
    let limit = Duration::from_secs(60);
    edge.control().within(limit, "all routes", all).await;
    for path in ["/m0/", "/m7/", "/m99/"] {
        edge.until_status(path, 200).await;
    }
    let paths = ["/m0/", "/m7/", "/m99/"];
    let baseline = Load::start(edge.gateway().address(), &paths, (4, 500));
    baseline.go_on(1_000).await;
    let baseline = baseline.end().await;
    let steady = resident();
    let load = Load::start(edge.gateway().address(), &paths, (4, 500));
    let begun = Instant::now();
    api.lose(Resource::Mappings, |name| name == "m5");
    for kind in [Resource::Mappings, Resource::EndpointSlices] {
        api.expire(kind, Expiry::Status);
    }
    let without = |snapshot: &Snapshot| mappings(snapshot).len() == routes - 1;
    edge.control()
        .within(limit, "the fresh list", without)
        .await;
    let (took, peak) = (begun.elapsed(), resident());
    load.go_on(500).await;
    let seen = load.end().await;
    println!(
        "{routes} Mappings and {services} Services listed anew in {took:?}; {steady} MiB, then \
         {peak} MiB with the server's; before: {}; beside it: {}",
        baseline.brief(),
        seen.brief()
    );
    seen.none_failed();
    let history = edge.control().history();
    let half = history.iter().skip(1).any(|snapshot| {
        let live = mappings(snapshot).len();
        live < routes - 1
    });
    assert!(!half, "a table that was half built");
}

/// Mebibytes of this process in memory, by proc(5).
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").unwrap();
    let resident = pages.split_ascii_whitespace().nth(1).unwrap();
    resident.parse::<usize>().unwrap() * 4 / 1024
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn permission_for_one_kind_withdrawn_leaves_the_others_live() {
    let scene = Scene::start().await;
    for kind in Resource::CUSTOM {
        scene.api.install(kind, &["v3alpha1"]);
    }
    let spec = |prefix: &str| {
        let service = scene.upstream.service();
        json!({"spec": {"hostname": "*", "prefix": prefix, "service": service}})
    };
    scene
        .api
        .put(Resource::Mappings, "default", "own", spec("/own/"));
    scene.until_live(Duration::from_secs(20), "own").await;
    let load = scene.load(400);
    scene.api.forbid(Resource::Mappings);
    let told = |snapshot: &Snapshot| {
        let mut all = snapshot.diagnostics.iter().map(ToString::to_string);
        all.any(|line| line.contains("mappings"))
    };
    scene.edge.control().until("told", told).await;
    put(&scene.api, &scene.upstream, "other");
    scene.until_live(SOON, "other").await;
    let last = scene.edge.control().last().unwrap();
    assert!(mappings(&last).contains(&"own"), "its last state is kept");
    scene.api.allow(Resource::Mappings);
    scene
        .api
        .put(Resource::Mappings, "default", "granted", spec("/granted/"));
    scene.until_live(Duration::from_secs(20), "granted").await;
    load.end().await.none_failed();
    assert!(!scene.flapped());
}
