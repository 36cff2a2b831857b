//! An API server with Services, their upstream, and a gateway that follows them.

use std::collections::HashMap;
use std::ops::Range;
use std::time::Duration;

use nuncio_load::Upstream;
use nuncio_tests::kube_api::FakeApi;

use crate::arguments::Arguments;
use crate::nuncio::Nuncio;
use crate::services::Service;

/// Everything that takes part.
#[derive(Debug)]
pub(crate) struct Scene {
    pub(crate) api: FakeApi,
    pub(crate) gateway: Nuncio,
    /// From the start of its process until it was ready.
    pub(crate) ready_after: Duration,
    pub(crate) services: Range<usize>,
    upstream: Upstream,
    /// Of those that are not at their first.
    versions: HashMap<usize, Service>,
}

impl Scene {
    /// Begins with these Services.
    pub(crate) async fn begin(
        arguments: &Arguments,
        services: Range<usize>,
    ) -> anyhow::Result<Self> {
        let api = FakeApi::start().await;
        let upstream = Upstream::start().await?;
        for number in services.clone() {
            put(&api, Service::first(number), upstream.port);
        }
        Self::with(arguments, (api, upstream), services).await
    }

    /// Begins with what there is.
    pub(crate) async fn with(
        arguments: &Arguments,
        (api, upstream): (FakeApi, Upstream),
        services: Range<usize>,
    ) -> anyhow::Result<Self> {
        let (gateway, ready_after) =
            Nuncio::start(&arguments.nuncio, api.addr(), arguments.threads).await?;
        Ok(Self {
            api,
            gateway,
            ready_after,
            services,
            upstream,
            versions: HashMap::new(),
        })
    }

    /// The version of a Service that is to be served.
    pub(crate) fn current(&self, number: usize) -> Service {
        let known = self.versions.get(&number);
        known.copied().unwrap_or(Service::first(number))
    }

    /// Changes a Service; the event has been sent when this returns.
    pub(crate) fn change(&mut self, number: usize) -> Service {
        let next = self.current(number).next();
        self.versions.insert(number, next);
        put(&self.api, next, self.upstream.port);
        next
    }

    pub(crate) fn delete(&self, number: usize) {
        let service = Service::first(number);
        let (namespace, name) = (service.namespace(), service.name());
        self.api.remove_service(&namespace, &name);
    }

    pub(crate) fn port(&self) -> u16 {
        self.upstream.port
    }
}

pub(crate) fn put(api: &FakeApi, service: Service, port: u16) {
    let (namespace, name) = (service.namespace(), service.name());
    api.put_service(&namespace, &name, &service.annotation(port));
}
