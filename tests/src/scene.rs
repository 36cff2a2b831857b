//! One scenario: what the counters do, beside what those of a real Envoy did.

use crate::client::Client;
use crate::counters::{Counters, Moves};
use crate::gateway::{Gateway, mapping};
use crate::upstream::Upstream;

/// A gateway, and its counters before the scenario.
#[derive(Debug)]
pub struct Scene {
    /// The gateway.
    pub gateway: Gateway,
    cluster: String,
    before: Counters,
}

impl Scene {
    /// One that serves what `annotation` says, whose scenario is about `service`.
    pub fn of(service: &str, annotation: &str) -> Self {
        let gateway = Gateway::start(annotation);
        let before = gateway.counters();
        let address = service.split("://").last().unwrap_or(service);
        Self {
            gateway,
            cluster: address.replace(['.', ':'], "_"),
            before,
        }
    }

    /// One with a route `/a/` to `service`, which has 300 ms.
    pub fn with(service: &str) -> Self {
        Self::of(service, &mapping("/a/", service, "timeout_ms: 300"))
    }

    /// As [`Scene::with`], after [`Scene::warmed`].
    pub async fn warm(upstream: &Upstream) -> Self {
        Self::with(&upstream.service()).warmed().await
    }

    /// Has the upstream connection there already, as in most of the recorded scenarios.
    #[must_use]
    pub async fn warmed(self) -> Self {
        let mut client = self.client().await;
        client
            .request("GET", "/a/", "x-warm: 1\nconnection: close")
            .await;
        client.response().await;
        self.settled(1.0).await;
        self.from_now()
    }

    /// Leaves what was counted so far to the past.
    #[must_use]
    pub fn from_now(mut self) -> Self {
        self.before = self.gateway.counters();
        self
    }

    /// A new client.
    pub async fn client(&self) -> Client {
        Client::connect(self.gateway.address()).await
    }

    /// `GET`, after which the gateway closes; the status.
    ///
    /// # Panics
    /// When it does not close.
    pub async fn get(&self, path: &str) -> u16 {
        let mut client = self.client().await;
        client.request("GET", path, "connection: close").await;
        let response = client.response().await;
        assert!(client.is_closed().await);
        response.status
    }

    async fn settled(&self, connections: f64) {
        self.gateway
            .until_counted("all connections have ended", |now| {
                now.sum("envoy_http_downstream_cx_destroy") >= connections
            })
            .await;
    }

    /// Waits until that many more clients have left.
    pub async fn left(&self, clients: u32) {
        let before = self.before.sum("envoy_http_downstream_cx_destroy");
        self.settled(before + f64::from(clients)).await;
    }

    /// What moved once one more client has left, in the names of the recorded Envoy, whose cluster
    /// was `recorded`.
    pub async fn moves(&self, recorded: &str) -> Moves {
        self.moves_beside(recorded, ("-", "-")).await
    }

    /// As [`Scene::moves`], with another service and the name that its cluster had.
    pub async fn moves_beside(&self, recorded: &str, other: (&str, &str)) -> Moves {
        self.left(1).await;
        let port = self.gateway.address().to_string().replace(':', "_");
        let names = [
            (&*port, "127.0.0.1_18080"),
            (&*self.cluster, recorded),
            other,
        ];
        self.gateway.counters().moves_since(&self.before, &names)
    }

    /// By how much the sum of a family has moved.
    pub fn moved(&self, family: &str) -> f64 {
        self.gateway.counters().sum(family) - self.before.sum(family)
    }
}

/// What a real Envoy's counters did.
///
/// # Panics
/// When there is no such scenario.
pub fn recorded(scenario: &str) -> Moves {
    let text = include_str!("../../crates/telemetry/tests/fixtures/envoy_scenarios.txt");
    let (_, section) = text
        .split_once(&format!("### {scenario}\n"))
        .expect("a recorded scenario");
    Moves::parse(section.split("### ").next().unwrap_or_default())
}
