//! Every request that a leader makes.
//!
//! Invariant: nothing is sent by who does not lead at that moment; each request ends in bounded
//! time; each refusal is reported once in a term.
//! Deliberately absent: what is written, when, and retries.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::api::core::v1::Event;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::core::{DynamicObject, ObjectList};
use kube::{Api, Client};
use serde_json::Value;
use tokio::time::timeout;
use tracing::info;

use super::kinds::Kind;
use super::leader::Leadership;

/// How long one request may take. A leader that gives up has this and more until its successor
/// begins.
const PATIENCE: Duration = Duration::from_secs(4);

/// As client-go asks for.
const PAGE: u32 = 500;

const EVENTS: &str = "events";

/// Why nothing was written or read.
#[derive(Debug, thiserror::Error)]
pub(in crate::kubernetes) enum Unwritten {
    /// 404: the object, or its kind, is not there.
    #[error("not there")]
    Gone,
    /// 409: it is there already.
    #[error("already there")]
    Exists,
    /// RBAC, or the server's validation, says no.
    #[error("refused")]
    Refused,
    /// The server is away or in trouble.
    #[error("{0}")]
    Trouble(String),
}

/// Reads and writes as long as it leads.
pub(in crate::kubernetes) struct Pen {
    client: Client,
    leadership: Leadership,
    /// Who the server says wrote a field.
    manager: String,
    /// What was refused in this term.
    refused: Mutex<BTreeSet<(&'static str, &'static str)>>,
}

impl Pen {
    pub(in crate::kubernetes) fn new(
        client: Client,
        leadership: Leadership,
        manager: String,
    ) -> Self {
        Self {
            client,
            leadership,
            manager,
            refused: Mutex::default(),
        }
    }

    /// Begins a term: what was refused in the last is tried again.
    pub(in crate::kubernetes) fn begin_term(&self) {
        self.refused().clear();
    }

    /// Whether anything was refused in this term.
    pub(super) fn was_refused(&self) -> bool {
        !self.refused().is_empty()
    }

    /// Reads one object.
    pub(in crate::kubernetes) async fn read(
        &self,
        kind: &Kind,
        (namespace, name): (&str, &str),
    ) -> Result<DynamicObject, Unwritten> {
        let name = name.to_owned();
        let get = |api: Api<DynamicObject>| {
            let name = name.clone();
            async move { api.get(&name).await }
        };
        let found = self.first("get", kind, Some(namespace), get).await?;
        Ok(found.1)
    }

    /// Reads which object that is, and in which version of the API.
    pub(super) async fn identify(
        &self,
        kind: &Kind,
        (namespace, name): (&str, &str),
    ) -> Result<(String, ObjectMeta), Unwritten> {
        let name = name.to_owned();
        let get = |api: Api<DynamicObject>| {
            let name = name.clone();
            async move { api.get_metadata(&name).await }
        };
        let (version, found) = self.first("get", kind, Some(namespace), get).await?;
        Ok((version, found.metadata))
    }

    /// Reads a page of a kind; of one namespace or of all.
    pub(super) async fn list(
        &self,
        kind: &Kind,
        namespace: Option<&str>,
        (labels, token): (Option<&str>, Option<String>),
    ) -> Result<ObjectList<DynamicObject>, Unwritten> {
        let parameters = ListParams {
            label_selector: labels.map(str::to_owned),
            limit: Some(PAGE),
            continue_token: token,
            ..ListParams::default()
        };
        let list = |api: Api<DynamicObject>| {
            let parameters = parameters.clone();
            async move { api.list(&parameters).await }
        };
        let found = self.first("list", kind, namespace, list).await?;
        Ok(found.1)
    }

    /// Asks in one version of the kind's API after the other, until one answers.
    async fn first<T, F>(
        &self,
        verb: &'static str,
        kind: &Kind,
        namespace: Option<&str>,
        request: impl Fn(Api<DynamicObject>) -> F,
    ) -> Result<(String, T), Unwritten>
    where
        F: Future<Output = kube::Result<T>>,
    {
        let mut last = Unwritten::Gone;
        for (version, api) in kind.apis(&self.client, namespace) {
            match self.ask(verb, kind.plural, request(api)).await {
                Ok(found) => return Ok((version, found)),
                Err(Unwritten::Refused) => return Err(Unwritten::Refused),
                // Not served in this version, or not to be converted to it.
                Err(Unwritten::Gone) => {}
                Err(other) => last = other,
            }
        }
        Err(last)
    }

    /// Merges `status` into that of an object, as it was [read](Self::read).
    pub(in crate::kubernetes) async fn set_status(
        &self,
        kind: &Kind,
        object: &DynamicObject,
        status: Value,
    ) -> Result<(), Unwritten> {
        let metadata = &object.metadata;
        let (Some(name), Some(namespace)) = (&metadata.name, &metadata.namespace) else {
            return Err(Unwritten::Gone);
        };
        let api = kind.api_of(&self.client, namespace, object);
        let patch = Patch::Merge(serde_json::json!({ "status": status }));
        let parameters = self.patching();
        let writing = api.patch_status(name, &parameters, &patch);
        self.ask("patch the status of", kind.plural, writing)
            .await
            .map(drop)
    }

    pub(super) async fn create_event(&self, event: &Event) -> Result<(), Unwritten> {
        let parameters = PostParams {
            field_manager: Some(self.manager.clone()),
            ..PostParams::default()
        };
        let api = self.events(event);
        let writing = api.create(&parameters, event);
        self.ask("create", EVENTS, writing).await.map(drop)
    }

    /// Merges `fields` into an Event that is there.
    pub(super) async fn repeat_event(&self, event: &Event, fields: Value) -> Result<(), Unwritten> {
        let name = event.metadata.name.as_deref().unwrap_or_default();
        let (api, patch, parameters) = (self.events(event), Patch::Merge(fields), self.patching());
        let writing = api.patch(name, &parameters, &patch);
        self.ask("patch", EVENTS, writing).await.map(drop)
    }

    /// Whether the status of `object` has something that this gateway, or one of its replicas, wrote.
    pub(super) fn wrote_status_of(&self, object: &DynamicObject) -> bool {
        let mut managed = object.metadata.managed_fields.iter().flatten();
        managed.any(|entry| {
            entry.manager.as_deref() == Some(&self.manager)
                && entry.subresource.as_deref() == Some("status")
        })
    }

    fn events(&self, event: &Event) -> Api<Event> {
        let namespace = event.metadata.namespace.as_deref().unwrap_or_default();
        Api::namespaced(self.client.clone(), namespace)
    }

    fn patching(&self) -> PatchParams {
        PatchParams {
            field_manager: Some(self.manager.clone()),
            ..PatchParams::default()
        }
    }

    async fn ask<T>(
        &self,
        verb: &'static str,
        plural: &'static str,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Unwritten> {
        if !self.leadership.holds() {
            return Err(Unwritten::Trouble("not leading".to_owned()));
        }
        let answer = timeout(PATIENCE, request).await;
        let error = match answer {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_late) => return Err(Unwritten::Trouble("no answer in time".to_owned())),
        };
        let kube::Error::Api(status) = &error else {
            return Err(Unwritten::Trouble(super::chain(&error)));
        };
        Err(match status.code {
            404 => Unwritten::Gone,
            409 => Unwritten::Exists,
            400 | 403 | 405 | 413 | 415 | 422 => {
                self.report(verb, plural, &status.message);
                Unwritten::Refused
            }
            _ => Unwritten::Trouble(super::chain(&error)),
        })
    }

    fn report(&self, verb: &'static str, kind: &'static str, reason: &str) {
        if self.refused().insert((verb, kind)) {
            let reason = super::one_line(reason);
            info!(verb, kind, reason, "refused; going on without");
        }
    }

    fn refused(&self) -> MutexGuard<'_, BTreeSet<(&'static str, &'static str)>> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
