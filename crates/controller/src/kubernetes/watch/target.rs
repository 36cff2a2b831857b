//! What is asked of the API server: paths, selectors, and the form of the answer.

use kube::Client;
use kube::api::{ListParams, WatchParams};
use kube::core::Request;
use kube::core::request::Error as RequestError;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::lines::Lines;
use super::{PAGE, WATCH_SECONDS};

/// Which objects, and how much of them.
#[derive(Clone, Debug)]
pub(in crate::kubernetes) struct Target {
    pub(in crate::kubernetes) path: String,
    pub(in crate::kubernetes) labels: Option<String>,
    pub(in crate::kubernetes) fields: Option<String>,
    pub(in crate::kubernetes) depth: Depth,
}

/// How much of each object is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::kubernetes) enum Depth {
    /// Its metadata, as `PartialObjectMetadata`.
    Metadata,
    /// All of it.
    Whole,
}

/// One page of a list, whose items are read one by one.
#[derive(Deserialize)]
pub(super) struct Page {
    #[serde(default)]
    pub(super) metadata: PageMeta,
    /// Go's API servers write an empty list as null.
    #[serde(default)]
    pub(super) items: Option<Vec<Box<RawValue>>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PageMeta {
    #[serde(default)]
    pub(super) resource_version: Box<str>,
    #[serde(default)]
    pub(super) r#continue: Box<str>,
}

impl Target {
    /// All objects of a kind, in all namespaces or in one.
    pub(in crate::kubernetes) fn new(
        (group_version, plural): (&str, &str),
        namespace: Option<&str>,
        depth: Depth,
    ) -> Self {
        let root = if group_version.contains('/') {
            "/apis"
        } else {
            "/api"
        };
        let path = match namespace {
            Some(namespace) => format!("{root}/{group_version}/namespaces/{namespace}/{plural}"),
            None => format!("{root}/{group_version}/{plural}"),
        };
        Self {
            path,
            labels: None,
            fields: None,
            depth,
        }
    }

    /// One page; the first when there is no token.
    pub(super) async fn page(&self, client: &Client, token: Option<&str>) -> kube::Result<Page> {
        let parameters = ListParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            limit: Some(PAGE),
            continue_token: token.map(str::to_owned),
            ..ListParams::default()
        };
        let request = Request::new(&*self.path);
        let request = match self.depth {
            Depth::Metadata => request.list_metadata(&parameters),
            Depth::Whole => request.list(&parameters),
        };
        client.request(request.map_err(build)?).await
    }

    /// The events after a version.
    pub(super) async fn watch(&self, client: &Client, version: &str) -> kube::Result<Lines> {
        self.lines(client, version, false).await
    }

    /// Everything that is there as events, then those after it.
    pub(super) async fn stream(&self, client: &Client) -> kube::Result<Lines> {
        self.lines(client, "", true).await
    }

    async fn lines(&self, client: &Client, version: &str, initial: bool) -> kube::Result<Lines> {
        let parameters = WatchParams {
            label_selector: self.labels.clone(),
            field_selector: self.fields.clone(),
            timeout: Some(WATCH_SECONDS),
            bookmarks: true,
            send_initial_events: initial,
        };
        let request = Request::new(&*self.path);
        let request = match self.depth {
            Depth::Metadata => request.watch_metadata(&parameters, version),
            Depth::Whole => request.watch(&parameters, version),
        };
        let events = client.request_events(request.map_err(build)?).await?;
        Ok(Lines::new(events))
    }
}

fn build(error: RequestError) -> kube::Error {
    kube::Error::BuildRequest(error)
}
