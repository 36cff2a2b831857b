//! Mappings that balance over the endpoints of a Service, as EndpointSlices tell them.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "helpers of tests fail as tests do"
)]

use std::net::SocketAddr;

use nuncio_tests::client::Response;
use nuncio_tests::control::{diagnostics, eventually};
use nuncio_tests::counters::Counters;
use nuncio_tests::edge::Edge;
use nuncio_tests::gateway::mapping;
use nuncio_tests::kube_api::{EndpointSlice, Expiry, FakeApi, Resource, State};
use nuncio_tests::names::NameServer;
use nuncio_tests::upstream::{Answer, Received, Upstream, replicas};
use serde_json::{Value, json};

/// Upstreams that say who they are, all at one port.
async fn pods(count: u8) -> Vec<Upstream> {
    let say = |request: &Received| Answer::ok(request.value("x-who").unwrap_or("a pod"));
    replicas(count, say).await
}

fn addresses(pods: &[Upstream]) -> Vec<SocketAddr> {
    pods.iter().map(Upstream::address).collect()
}

/// How many requests each has had.
fn shares(pods: &[Upstream]) -> Vec<usize> {
    pods.iter().map(|pod| pod.received().len()).collect()
}

/// A Service with these ports: number and name.
fn put_service(api: &FakeApi, name: &str, ports: &[(u16, &str)]) {
    let ports: Vec<_> = ports
        .iter()
        .map(|(port, name)| json!({"port": port, "name": name, "targetPort": "any"}))
        .collect();
    put_spec(api, name, &json!({"ports": ports}));
}

fn put_spec(api: &FakeApi, name: &str, spec: &Value) {
    let object = json!({"metadata": {}, "spec": spec});
    api.put(Resource::Services, "default", name, object);
}

/// A Mapping of `/<name>/` to the endpoints of `service`; it stands on a Service of its own.
fn map(api: &FakeApi, name: &str, service: &str) {
    let more = "resolver: endpoint\nload_balancer: {policy: round_robin}\nretry_policy: \
                {retry_on: connect-failure, num_retries: 3}";
    api.put_service(
        "default",
        &format!("m-{name}"),
        &mapping(&format!("/{name}/"), service, more),
    );
}

/// The Service `web` with a Mapping to its port 80, which has no name.
async fn web() -> FakeApi {
    let api = FakeApi::start().await;
    put_service(&api, "web", &[(80, "")]);
    map(&api, "web", "web:80");
    api
}

/// Asks as often as everybody has had a turn.
async fn ask(edge: &Edge, pods: &[Upstream]) {
    for _ in 0..pods.len() * 2 {
        assert_eq!(edge.get("/web/").await.status, 200);
    }
}

#[tokio::test]
async fn requests_go_to_endpoints_that_are_ready() {
    let (api, pods) = (web().await, pods(5).await);
    let states = [
        State::Ready,
        State::NotReady,
        State::Terminating,
        State::Terminated,
        State::Unsaid,
    ];
    let port = pods[0].address().port();
    let slice = pods.iter().zip(states).fold(
        EndpointSlice::new("web", "web-1", port),
        |slice, (pod, state)| slice.with(pod.address().ip(), state),
    );
    slice.put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    ask(&edge, &pods).await;
    let shares = shares(&pods);
    assert_eq!(shares[1..4], [0, 0, 0]);
    assert!(shares[0] > 0 && shares[4] > 0, "{shares:?}");
}

#[tokio::test]
async fn those_that_terminate_serve_while_no_other_is_ready() {
    let (api, pods) = (web().await, pods(2).await);
    let (ends, starts) = (pods[0].address(), pods[1].address());
    let slice = |state, other| {
        EndpointSlice::new("web", "web-1", ends.port())
            .with(ends.ip(), state)
            .with(starts.ip(), other)
    };
    slice(State::Terminating, State::NotReady).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    assert_eq!(shares(&pods)[1], 0);

    slice(State::Terminating, State::Ready).put(&api);
    edge.until("/web/", |_| shares(&pods)[1] > 0).await;
    let before = shares(&pods)[0];
    ask(&edge, &pods).await;
    assert_eq!(shares(&pods)[0], before);

    slice(State::Terminated, State::NotReady).put(&api);
    edge.until_status("/web/", 503).await;
}

#[tokio::test]
async fn endpoints_come_and_go_without_a_compile() {
    let (api, pods) = (web().await, pods(3).await);
    let all = addresses(&pods);
    EndpointSlice::of("web", &all[..2]).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    let generation = edge.control().generation();

    EndpointSlice::of("web", &all).put(&api);
    edge.until("/web/", |_| shares(&pods)[2] > 0).await;
    EndpointSlice::of("web", &all[2..]).put(&api);
    edge.gateway()
        .until_counted("one is left", |_| {
            edge.gateway().gauge("envoy_cluster_membership_total") == 1.0
        })
        .await;
    let before = shares(&pods);
    ask(&edge, &pods).await;
    assert_eq!(shares(&pods)[..2], before[..2]);
    assert_eq!(edge.control().generation(), generation);
}

#[tokio::test]
async fn nobody_waits_when_there_are_no_endpoints() {
    let (api, pods) = (web().await, pods(1).await);
    let slice = EndpointSlice::of("web", &addresses(&pods));
    slice.put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;

    EndpointSlice::new("web", "web-1", 80).put(&api);
    let refused = edge.until_status("/web/", 503).await;
    assert_eq!(refused.text(), "no healthy upstream");
    let before = edge.gateway().counters();
    assert_eq!(edge.get("/web/").await.status, 503);
    let grew = |now: &Counters, family: &str| now.sum(family) - before.sum(family);
    edge.gateway()
        .until_counted("nobody is healthy", |now| {
            grew(now, "envoy_cluster_upstream_cx_none_healthy") >= 1.0
        })
        .await;
    let now = edge.gateway().counters();
    assert_eq!(grew(&now, "envoy_cluster_upstream_cx_total"), 0.0);

    slice.put(&api);
    edge.until_status("/web/", 200).await;
    slice.remove(&api);
    edge.until_status("/web/", 503).await;
}

#[tokio::test]
async fn a_service_without_slices_has_no_endpoints() {
    let api = web().await;
    map(&api, "other", "no-such-service:80");
    let edge = Edge::of(&api);
    edge.until("/unknown/", |answer| answer.status == 404).await;
    for path in ["/web/", "/other/"] {
        let unhealthy = |response: &Response| response.text() == "no healthy upstream";
        assert_eq!(edge.until(path, unhealthy).await.status, 503, "{path}");
    }
}

#[tokio::test]
async fn slices_of_one_service_add_up() {
    let (api, first, second) = (web().await, pods(2).await, pods(2).await);
    let slice = |name: &str, pods: &[Upstream]| {
        let port = pods[0].address().port();
        let new = EndpointSlice::new("web", name, port);
        pods.iter().fold(new, |slice, pod| {
            slice.with(pod.address().ip(), State::Ready)
        })
    };
    // Named target ports may differ from Pod to Pod.
    slice("web-1", &first).put(&api);
    slice("web-2", &second).put(&api);
    slice("web-3", &second).put(&api);
    let edge = Edge::of(&api);
    edge.until("/web/", |_| {
        shares(&first)
            .iter()
            .chain(&shares(&second))
            .all(|n| *n > 0)
    })
    .await;
    assert_eq!(edge.gateway().gauge("envoy_cluster_membership_total"), 4.0);
}

#[tokio::test]
async fn a_port_of_the_service_is_found_by_its_number() {
    let (api, web, admin) = (FakeApi::start().await, pods(1).await, pods(1).await);
    put_service(&api, "two", &[(80, "http"), (81, "admin")]);
    map(&api, "web", "two:80");
    map(&api, "admin", "two:81");
    EndpointSlice::new("two", "two-1", 1)
        .ports(&[
            ("admin", admin[0].address().port()),
            ("http", web[0].address().port()),
        ])
        .with(web[0].address().ip(), State::Ready)
        .put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    edge.until_status("/admin/", 200).await;
    assert!(shares(&web)[0] > 0 && shares(&admin)[0] > 0);
}

#[tokio::test]
async fn a_headless_service_without_ports_has_the_port_that_is_asked_for() {
    let (api, pods) = (FakeApi::start().await, pods(1).await);
    put_spec(&api, "db", &json!({"clusterIP": "None"}));
    map(&api, "db", &format!("db:{}", pods[0].address().port()));
    EndpointSlice::new("db", "db-1", 1)
        .ports(&[])
        .with(pods[0].address().ip(), State::Ready)
        .put(&api);
    Edge::of(&api).until_status("/db/", 200).await;
}

#[tokio::test]
async fn the_services_ports_are_followed() {
    let (api, pods) = (web().await, pods(1).await);
    EndpointSlice::of("web", &addresses(&pods)).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;

    put_service(&api, "web", &[(8080, "")]);
    edge.until_status("/web/", 503).await;
    let told = |told: &[String]| {
        let mut told = told.iter();
        told.any(|line| line.contains("web") && line.contains("no TCP port 80"))
    };
    edge.control()
        .until("the port is missed", |last| told(&diagnostics(last)))
        .await;

    put_service(&api, "web", &[(80, "")]);
    edge.until_status("/web/", 200).await;
    edge.control()
        .until("the port is there", |last| !told(&diagnostics(last)))
        .await;
}

#[tokio::test]
async fn a_service_that_is_gone_has_no_endpoints_whatever_slices_are_left() {
    let (api, pods) = (web().await, pods(1).await);
    let uid = uid(&api, "web").await;
    EndpointSlice::of("web", &addresses(&pods))
        .owned_by(&uid)
        .put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;

    api.remove_service("default", "web");
    edge.until_status("/web/", 503).await;
    let lists = api.asked(Resource::Services).len();
    put_service(&api, "web", &[(80, "")]);
    eventually("the new Service is read", || {
        let asked = api.asked(Resource::Services);
        asked[lists..]
            .iter()
            .any(|uri| uri.ends_with("/services/web"))
    })
    .await;
    assert_eq!(edge.get("/web/").await.status, 503);

    let uid = self::uid(&api, "web").await;
    EndpointSlice::of("web", &addresses(&pods))
        .owned_by(&uid)
        .put(&api);
    edge.until_status("/web/", 200).await;
}

async fn uid(api: &FakeApi, name: &str) -> String {
    use k8s_openapi::api::core::v1::Service;
    let config = kube::Config::new(format!("http://{}", api.addr()).parse().unwrap());
    let client = kube::Client::try_from(config).unwrap();
    let api = kube::Api::<Service>::namespaced(client, "default");
    api.get(name).await.unwrap().metadata.uid.unwrap()
}

#[tokio::test]
async fn only_services_that_are_named_are_asked_for() {
    let (api, pods) = (web().await, pods(1).await);
    for other in 0..50 {
        put_service(&api, &format!("other-{other}"), &[(80, "")]);
        EndpointSlice::of(&format!("other-{other}"), &addresses(&pods)).put(&api);
    }
    EndpointSlice::of("web", &addresses(&pods)).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    let slices = api.asked(Resource::EndpointSlices);
    let selector = "labelSelector=kubernetes.io%2Fservice-name+in+%28web%29";
    for asked in &slices {
        assert!(asked.contains("/namespaces/default/"), "{asked}");
        assert!(asked.contains(selector), "{asked}");
    }
    let services = api.asked(Resource::Services);
    let whole: Vec<_> = services
        .iter()
        .filter(|uri| uri.contains("/namespaces/"))
        .collect();
    assert_eq!(whole, ["/api/v1/namespaces/default/services/web"]);
}

#[tokio::test]
async fn nothing_is_asked_for_while_no_mapping_wants_endpoints() {
    let api = FakeApi::start().await;
    put_service(&api, "web", &[(80, "")]);
    let text = mapping("/web/", "web:80", "");
    api.put_service("default", "m-web", &text);
    let edge = Edge::of(&api);
    edge.control().until_live(&["m_web_"]).await;
    map(&api, "late", "web:80");
    eventually("slices are asked for", || {
        api.watches(Resource::EndpointSlices) > 0
    })
    .await;
    assert_eq!(api.lists(Resource::EndpointSlices), 1);
}

#[tokio::test]
async fn one_more_service_takes_nothing_from_those_before() {
    let (api, pods) = (web().await, pods(1).await);
    EndpointSlice::of("web", &addresses(&pods)).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;

    api.fail_lists(Resource::EndpointSlices, 0..2);
    put_service(&api, "more", &[(80, "")]);
    EndpointSlice::of("more", &addresses(&pods)).put(&api);
    map(&api, "more", "more:80");
    edge.until("/more/", |more| more.status == 200).await;
    assert_eq!(edge.get("/web/").await.status, 200);
    let membership = edge.gateway().counters();
    assert_eq!(membership.sum("envoy_cluster_membership_change"), 2.0);
}

#[tokio::test]
async fn a_service_that_is_not_wanted_any_more_is_not_followed() {
    let (api, pods) = (web().await, pods(1).await);
    EndpointSlice::of("web", &addresses(&pods)).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    api.remove_service("default", "m-web");
    edge.until_status("/web/", 404).await;
    // Its watch ends with it: those that are cut begin anew.
    eventually("the watch has ended", || {
        let before = api.watches(Resource::EndpointSlices);
        api.end_watches(Resource::EndpointSlices);
        api.watches(Resource::EndpointSlices) == before
    })
    .await;

    map(&api, "web", "web:80");
    edge.until_status("/web/", 200).await;
}

#[tokio::test]
async fn a_fresh_list_blanks_nothing_and_takes_away_what_it_lacks() {
    let (api, pods) = (web().await, pods(2).await);
    let port = pods[0].address().port();
    for (name, pod) in [("web-1", &pods[0]), ("web-2", &pods[1])] {
        EndpointSlice::new("web", name, port)
            .with(pod.address().ip(), State::Ready)
            .put(&api);
    }
    let edge = Edge::of(&api);
    edge.until("/web/", |_| shares(&pods).iter().all(|n| *n > 0))
        .await;

    let lists = api.lists(Resource::EndpointSlices);
    api.lose(Resource::EndpointSlices, |name| name == "web-2");
    api.expire(Resource::EndpointSlices, Expiry::Status);
    edge.until("/web/", |answer| {
        assert_eq!(answer.status, 200);
        edge.gateway().gauge("envoy_cluster_membership_total") == 1.0
    })
    .await;
    assert!(api.lists(Resource::EndpointSlices) > lists);
}

#[tokio::test]
async fn an_api_server_that_is_away_takes_no_endpoint() {
    let (api, pods) = (web().await, pods(2).await);
    EndpointSlice::of("web", &addresses(&pods[..1])).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    api.stop().await;
    ask(&edge, &pods).await;
    EndpointSlice::of("web", &addresses(&pods)).put(&api);
    api.resume().await;
    edge.until("/web/", |answer| {
        assert_eq!(answer.status, 200);
        shares(&pods)[1] > 0
    })
    .await;
}

/// The Service `web` with a Mapping to the port that `by_name`, where its name resolves to, listens on.
async fn web_by_name(by_name: &Upstream, names: &NameServer) -> FakeApi {
    let port = by_name.address().port();
    names.set("web", &[by_name.address().ip()]);
    names.set("web.default", &[by_name.address().ip()]);
    let api = FakeApi::start().await;
    put_service(&api, "web", &[(port, "")]);
    map(&api, "web", &format!("web:{port}"));
    api
}

#[tokio::test]
async fn names_are_resolved_while_slices_are_refused() {
    let (names, pods) = (NameServer::start().await, pods(2).await);
    let api = web_by_name(&pods[0], &names).await;
    EndpointSlice::of("web", &addresses(&pods[1..])).put(&api);
    api.forbid(Resource::EndpointSlices);
    let edge = Edge::with_names(&api, &names);
    edge.until_status("/web/", 200).await;
    assert_eq!(shares(&pods)[1], 0);
    let refused = |told: &[String]| told.iter().any(|line| line.contains("endpointslices"));
    edge.control()
        .until("told once", |last| refused(&diagnostics(last)))
        .await;

    api.allow(Resource::EndpointSlices);
    edge.until("/web/", |answer| {
        assert_eq!(answer.status, 200);
        shares(&pods)[1] > 0
    })
    .await;
    edge.control()
        .until("withdrawn", |last| !refused(&diagnostics(last)))
        .await;
}

#[tokio::test]
async fn names_are_resolved_where_watches_are_refused_and_lists_are_not() {
    let (names, pods) = (NameServer::start().await, pods(2).await);
    let api = web_by_name(&pods[0], &names).await;
    EndpointSlice::of("web", &addresses(&pods[1..])).put(&api);
    api.forbid_watch(Resource::EndpointSlices);
    let edge = Edge::with_names(&api, &names);
    edge.until("/web/", |_| shares(&pods)[0] > 0).await;
}

#[tokio::test]
async fn an_external_name_is_resolved() {
    let (names, pods) = (NameServer::start().await, pods(1).await);
    let api = web_by_name(&pods[0], &names).await;
    let spec = json!({"type": "ExternalName", "externalName": "a.example"});
    put_spec(&api, "web", &spec);
    Edge::with_names(&api, &names)
        .until_status("/web/", 200)
        .await;
}

#[tokio::test]
async fn a_storm_of_changes_compiles_nothing_and_ends_with_the_last() {
    let (api, pods) = (web().await, pods(3).await);
    let all = addresses(&pods);
    EndpointSlice::of("web", &all[..1]).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    let generation = edge.control().generation();
    for round in 0..500 {
        EndpointSlice::of("web", &all[round % 2..]).put(&api);
        if round % 25 == 0 {
            assert_eq!(edge.get("/web/").await.status, 200);
        }
    }
    EndpointSlice::of("web", &all[2..]).put(&api);
    eventually("the last is in force", || {
        edge.gateway().gauge("envoy_cluster_membership_total") == 1.0
    })
    .await;
    assert_eq!(edge.control().generation(), generation);
}
