//! Which of a cluster's endpoints a request goes to.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::net::IpAddr;

use nuncio_tests::client::{Client, Response};
use nuncio_tests::control::eventually;
use nuncio_tests::gateway::{Gateway, mapping};
use nuncio_tests::names::NameServer;
use nuncio_tests::upstream::{Answer, Received, Upstream, replicas};

/// A gateway to a name with several addresses, an upstream at each.
struct Scene {
    gateway: Gateway,
    names: NameServer,
    upstreams: Vec<Upstream>,
}

const NAME: &str = "many.example";

fn script(request: &Received) -> Answer {
    match (request.value("x-silence"), request.value("x-fails")) {
        (Some(_), _) => Answer::Silence,
        (None, Some(_)) => Answer::text("HTTP/1.1 503 X\ncontent-length: 0\n\n"),
        (None, None) => Answer::ok("ok"),
    }
}

impl Scene {
    async fn with(upstreams: u8, options: &str) -> Self {
        let upstreams = replicas(upstreams, script).await;
        let names = NameServer::start().await;
        let addresses: Vec<_> = upstreams.iter().map(|one| one.address().ip()).collect();
        names.set(NAME, &addresses);
        let service = format!("{NAME}:{}", upstreams[0].address().port());
        let gateway = Gateway::start_with_names(&mapping("/a/", &service, options), &names);
        Self {
            gateway,
            names,
            upstreams,
        }
    }

    async fn client(&self) -> Client {
        Client::connect(self.gateway.address()).await
    }

    /// How many requests each upstream has had.
    fn shares(&self) -> Vec<usize> {
        let count = |upstream: &Upstream| upstream.received().len();
        self.upstreams.iter().map(count).collect()
    }

    /// Where a request with these lines goes.
    async fn goes_to(&self, client: &mut Client, lines: &str) -> (usize, Response) {
        let before = self.shares();
        client.request("GET", "/a/", lines).await;
        let response = client.response().await;
        let after = self.shares();
        let to = before.iter().zip(&after).position(|(was, is)| was != is);
        (to.unwrap(), response)
    }
}

#[tokio::test]
async fn requests_go_to_all_endpoints_in_turn() {
    let scene = Scene::with(3, "").await;
    let mut client = scene.client().await;
    for _ in 0..30 {
        client.get("/a/").await;
    }
    assert_eq!(scene.shares(), [10, 10, 10]);
}

#[tokio::test]
async fn least_request_prefers_the_endpoint_with_less_to_do() {
    let scene = Scene::with(2, "load_balancer: {policy: least_request}").await;
    let mut waiting = scene.client().await;
    waiting.request("GET", "/a/", "x-silence: 1").await;
    eventually("an endpoint is busy", || {
        scene.shares().iter().sum::<usize>() == 1
    })
    .await;
    let busy = scene.shares().iter().position(|count| *count == 1).unwrap();
    let mut client = scene.client().await;
    for _ in 0..400 {
        client.get("/a/").await;
    }
    // A quarter on average: where both draws give the busy one. Ten sigma are 87.
    let to_busy = scene.shares()[busy] - 1;
    assert!((13..=187).contains(&to_busy), "{to_busy}");
}

#[tokio::test]
async fn requests_with_the_same_header_go_to_the_same_endpoint() {
    for policy in ["ring_hash", "maglev"] {
        let options = format!("load_balancer: {{policy: {policy}, header: x-user}}");
        let scene = Scene::with(3, &options).await;
        let mut client = scene.client().await;
        let mut used = [false; 3];
        for user in 0..30 {
            let line = format!("x-user: u{user}");
            let (first, _) = scene.goes_to(&mut client, &line).await;
            for _ in 0..3 {
                assert_eq!(scene.goes_to(&mut client, &line).await.0, first, "{policy}");
            }
            used[first] = true;
        }
        assert_eq!(used, [true; 3], "{policy}");
    }
}

#[tokio::test]
async fn a_client_goes_to_one_endpoint_by_its_address() {
    let scene = Scene::with(3, "load_balancer: {policy: ring_hash, source_ip: true}").await;
    for _ in 0..10 {
        let mut client = scene.client().await;
        client.get("/a/").await;
    }
    let mut shares = scene.shares();
    shares.sort_unstable();
    assert_eq!(shares, [0, 0, 10]);
}

#[tokio::test]
async fn a_header_that_the_gateway_adds_decides_too() {
    let scene = Scene::with(
        3,
        "load_balancer: {policy: ring_hash, header: X-Forwarded-For}",
    )
    .await;
    let mut client = scene.client().await;
    for _ in 0..20 {
        client.get("/a/").await;
    }
    let mut shares = scene.shares();
    shares.sort_unstable();
    assert_eq!(shares, [0, 0, 20]);
}

const BY_COOKIE: &str =
    "load_balancer: {policy: maglev, cookie: {name: sticky, path: /app, ttl: 60s}}";

#[tokio::test]
async fn who_has_no_cookie_is_given_one_that_leads_back() {
    let scene = Scene::with(3, BY_COOKIE).await;
    for _ in 0..10 {
        let mut client = scene.client().await;
        let (first, response) = scene.goes_to(&mut client, "").await;
        let set = response.value("set-cookie").unwrap().to_owned();
        let (cookie, attributes) = set.split_once("; ").unwrap();
        assert!(cookie.starts_with("sticky=\""), "{cookie}");
        assert_eq!(attributes, "Max-Age=60; Path=/app; HttpOnly");
        for _ in 0..3 {
            let line = format!("cookie: a=b; {cookie}");
            let (again, response) = scene.goes_to(&mut client, &line).await;
            assert_eq!(again, first);
            assert_eq!(response.value("set-cookie"), None);
        }
    }
}

#[tokio::test]
async fn an_endpoint_that_is_gone_gets_nothing_more_and_loses_its_connections() {
    let scene = Scene::with(2, "").await;
    let mut client = scene.client().await;
    for _ in 0..4 {
        client.get("/a/").await;
    }
    assert_eq!(scene.upstreams[1].open(), 1);
    let left: IpAddr = scene.upstreams[0].address().ip();
    scene.names.set(NAME, &[left]);
    eventually("its connection is closed", || {
        scene.upstreams[1].open() == 0
    })
    .await;
    let before = scene.shares();
    for _ in 0..4 {
        client.get("/a/").await;
    }
    assert_eq!(scene.shares(), [before[0] + 4, before[1]]);
    assert_eq!(scene.upstreams[0].accepted(), 1, "the other's stays");
}

#[tokio::test]
async fn what_is_tried_again_is_tried_elsewhere() {
    let options = "load_balancer: {policy: ring_hash, header: x-user}\n\
                   retry_policy: {retry_on: 5xx, num_retries: 2}";
    let scene = Scene::with(3, options).await;
    let mut client = scene.client().await;
    client.request("GET", "/a/", "x-user: me\nx-fails: 1").await;
    assert_eq!(client.response().await.status, 503);
    assert_eq!(scene.shares(), [1, 1, 1]);
}

#[tokio::test]
async fn a_retry_goes_to_another_endpoint_whatever_the_hash_says() {
    let options = "load_balancer: {policy: ring_hash, header: x-user}\n\
                   retry_policy: {retry_on: connect-failure, num_retries: 1}";
    let mut scene = Scene::with(2, options).await;
    drop(scene.upstreams.pop());
    let mut client = scene.client().await;
    for user in 0..20 {
        client
            .request("GET", "/a/", &format!("x-user: u{user}"))
            .await;
        assert_eq!(client.response().await.status, 200, "{user}");
    }
    let refused = "envoy_cluster_upstream_cx_connect_fail";
    assert!(scene.gateway.counters().sum(refused) > 0.0);
}

#[tokio::test]
async fn where_a_name_is_one_endpoint_only_its_first_address_is_used() {
    let scene = Scene::with(2, "dns_type: logical_dns").await;
    let mut client = scene.client().await;
    for _ in 0..10 {
        client.get("/a/").await;
    }
    assert_eq!(scene.shares(), [10, 0]);
}

#[tokio::test]
async fn a_short_ttl_is_respected_where_that_is_said() {
    let scene = Scene::with(1, "respect_dns_ttl: true").await;
    let asked = || scene.names.questions(NAME);
    eventually("the name is asked for again and again", || asked() >= 3).await;
}

#[tokio::test]
async fn of_both_families_the_one_with_addresses_is_taken() {
    let both = "enable_ipv4: true\nenable_ipv6: true";
    let scene = Scene::with(1, both).await;
    let mut client = scene.client().await;
    assert_eq!(client.get("/a/").await.brief(), (200, "ok"));
}

#[tokio::test]
async fn an_ipv6_address_is_a_service() {
    let upstream = Upstream::on(("::1".parse::<IpAddr>().unwrap(), 0).into(), script).await;
    let service = format!("\"[::1]:{}\"", upstream.address().port());
    let gateway = Gateway::start(&mapping("/a/", &service, ""));
    let mut client = Client::connect(gateway.address()).await;
    assert_eq!(client.get("/a/").await.brief(), (200, "ok"));
}
