//! A whole gateway in process: a control path that follows a source, and the data path that serves
//! what it says.

use std::time::Duration;

use kube::Config;
use nuncio_controller::{Source, client_for};
use tokio::time::{Instant, sleep};

use crate::client::{Client, Response};
use crate::control::{Control, impatient};
use crate::gateway::Gateway;
use crate::kube_api::FakeApi;
use crate::names::NameServer;

/// A running gateway. Ends when dropped.
#[derive(Debug)]
pub struct Edge {
    gateway: Gateway,
    control: Control,
}

/// Longer than any test waits on a machine that is busy building.
const DEADLINE: Duration = Duration::from_secs(20);

impl Edge {
    /// Follows an API server, in all namespaces.
    pub fn of(api: &FakeApi) -> Self {
        Self::start(kubernetes(api), Gateway::unconfigured())
    }

    /// As [`Edge::of`], asking this name server for the names of upstreams.
    pub fn with_names(api: &FakeApi, names: &NameServer) -> Self {
        let gateway = Gateway::unconfigured_with_names(names);
        Self::start(kubernetes(api), gateway)
    }

    /// Serves what `source` says by `gateway`.
    pub fn start(source: Source, gateway: Gateway) -> Self {
        let control = Control::serve(source, gateway.switch());
        Self { gateway, control }
    }

    /// Its data path.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// Its control path.
    pub fn control(&self) -> &Control {
        &self.control
    }

    /// The answer to one `GET`, on a connection of its own.
    pub async fn get(&self, path: &str) -> Response {
        let mut client = Client::connect(self.gateway.address()).await;
        client.get(path).await
    }

    /// Asks until the answer has this status.
    ///
    /// # Panics
    /// At the deadline.
    pub async fn until_status(&self, path: &str, status: u16) -> Response {
        self.until(path, |response| response.status == status).await
    }

    /// Asks until the answer meets `condition`.
    ///
    /// # Panics
    /// At the deadline, with the last answer.
    pub async fn until(&self, path: &str, condition: impl Fn(&Response) -> bool) -> Response {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let response = self.get(path).await;
            if condition(&response) {
                return response;
            }
            assert!(Instant::now() < deadline, "{path}: {response:?}");
            sleep(Duration::from_millis(5)).await;
        }
    }
}

fn kubernetes(api: &FakeApi) -> Source {
    let config = Config::new(format!("http://{}", api.addr()).parse().unwrap());
    Source::Kubernetes {
        client: client_for(config).unwrap(),
        single_namespace: None,
        options: impatient(),
    }
}
