//! Pods that are replaced while requests go to them.
//!
//! The small ones run always. Those of the full size measure, and are run by hand:
//! `cargo nextest run -p nuncio-tests --test endpoints_restart --run-ignored only --no-capture`.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "helpers of tests fail as tests do, and measurements are printed"
)]

use std::net::SocketAddr;
use std::time::Duration;

use nuncio_tests::control::eventually;
use nuncio_tests::edge::Edge;
use nuncio_tests::gateway::mapping;
use nuncio_tests::kube_api::{EndpointSlice, FakeApi, Resource, State};
use nuncio_tests::load::Load;
use nuncio_tests::pod::Pod;
use serde_json::json;
use tokio::time::{Instant, sleep};

/// A Service with a Mapping that retries connect failures.
async fn web() -> FakeApi {
    let api = FakeApi::start().await;
    let spec = json!({"ports": [{"port": 80}]});
    let service = json!({"metadata": {}, "spec": spec});
    api.put(Resource::Services, "default", "web", service);
    let more = "resolver: endpoint\nload_balancer: {policy: round_robin}\nretry_policy: \
                {retry_on: connect-failure, num_retries: 3}\ncircuit_breakers:\n- {max_retries: 100}";
    api.put_service("default", "m-web", &mapping("/web/", "web:80", more));
    api
}

/// Pods of a generation, at 127.0.`generation`.1 and so on.
struct Deployment {
    port: u16,
    pods: Vec<Pod>,
}

impl Deployment {
    async fn of(count: u8) -> Self {
        let first = Pod::at(([127, 0, 1, 1], 0).into()).await;
        let port = first.address().port();
        let mut pods = vec![first];
        for n in 2..=count {
            pods.push(Pod::at(([127, 0, 1, n], port).into()).await);
        }
        Self { port, pods }
    }

    /// What slices say when those from `ending` on end.
    fn slice(&self, leaving: Option<SocketAddr>) -> EndpointSlice {
        let new = EndpointSlice::new("web", "web-1", self.port);
        let slice = self.pods.iter().fold(new, |slice, pod| {
            slice.with(pod.address().ip(), State::Ready)
        });
        leaving
            .into_iter()
            .fold(slice, |slice, pod| slice.with(pod.ip(), State::Terminating))
    }

    /// Replaces every Pod, one after the other.
    async fn restart(&mut self, api: &FakeApi, pause: Duration) {
        for n in 1..=u8::try_from(self.pods.len()).unwrap() {
            let fresh = Pod::at(([127, 0, 2, n], self.port).into()).await;
            self.pods.push(fresh);
            self.slice(None).put(api);
            sleep(pause).await;
            // The worst order: the Pod ends before anybody is told.
            let gone = self.pods.remove(0);
            gone.stop();
            self.slice(Some(gone.address())).put(api);
            sleep(pause).await;
            self.slice(None).put(api);
        }
    }
}

async fn rolling_restart(pods: u8, (clients, per_second): (u32, u32), pause: Duration) {
    let (api, mut deployment) = (web().await, Deployment::of(pods).await);
    deployment.slice(None).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    let generation = edge.control().generation();
    let begun = Instant::now();
    let load = Load::start(edge.gateway().address(), &["/web/"], (clients, per_second));
    deployment.restart(&api, pause).await;
    let is_fresh = || deployment.pods.iter().all(|pod| pod.requests() > 0);
    eventually("every new Pod has its share", is_fresh).await;
    let took = begun.elapsed();
    let seen = load.end().await;
    let per_second = seen.sent() as f64 / took.as_secs_f64();
    let retried = edge.gateway().counters();
    let retried = retried.sum("envoy_cluster_upstream_rq_retry");
    println!(
        "{pods} Pods replaced in {took:?}: {per_second:.0}/s, {retried} retried, {}",
        seen.brief()
    );
    seen.none_failed();
    assert_eq!(edge.control().generation(), generation);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rolling_restart_loses_no_request() {
    rolling_restart(10, (4, 500), Duration::from_millis(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a machine for itself"]
async fn a_rolling_restart_of_a_hundred_pods_at_5000_requests_a_second() {
    rolling_restart(100, (32, 5000), Duration::from_millis(50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes a machine for itself"]
async fn how_soon_nothing_goes_to_an_endpoint_that_was_removed() {
    let (api, deployment) = (web().await, Deployment::of(10).await);
    deployment.slice(None).put(&api);
    let edge = Edge::of(&api);
    edge.until_status("/web/", 200).await;
    let load = Load::start(edge.gateway().address(), &["/web/"], (16, 2000));
    let mut effects = Vec::new();
    for round in 0..500 {
        let pod = &deployment.pods[round % deployment.pods.len()];
        let before = pod.requests();
        eventually("it has requests", || pod.requests() > before + 2).await;
        let left = EndpointSlice::new("web", "web-1", deployment.port);
        let stay = deployment.pods.iter();
        let stay = stay.filter(|other| other.address() != pod.address());
        let left = stay.fold(left, |slice, pod| {
            slice.with(pod.address().ip(), State::Ready)
        });
        let removed = Instant::now();
        left.put(&api);
        sleep(Duration::from_millis(50)).await;
        effects.push(pod.last_request().saturating_duration_since(removed));
        deployment.slice(None).put(&api);
    }
    let seen = load.end().await;
    effects.sort_unstable();
    let (p50, p99) = (effects[250], effects[495]);
    println!(
        "removal to last request: p50 {p50:?}, p99 {p99:?}, max {:?}; {}",
        effects[499],
        seen.brief()
    );
    seen.none_failed();
}
