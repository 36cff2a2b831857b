//! The record that names the leader: a Lease of `coordination.k8s.io/v1`.
//!
//! Invariant: a write names the version it replaces, so that of two writers one is told of a
//! conflict.
//! Deliberately absent: who may take it, and when.

use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::api::PostParams;
use kube::{Api, Client};

/// Longer than anybody's lease is meant to be: a record that claims more is not waited for.
const LONGEST: Duration = Duration::from_mins(1);

/// Where the leader's name stands.
pub(super) trait Record: Send + Sync {
    /// What stands there; `None` when nothing ever did.
    fn read(&self) -> impl Future<Output = Result<Option<Lease>, RecordError>> + Send;

    /// Puts `lease` in the place of the version it carries; of none, when it carries none.
    fn write(&self, lease: Lease) -> impl Future<Output = Result<Lease, RecordError>> + Send;
}

/// The record could not be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// RBAC does not grant it, or the server has no such kind or namespace.
    #[error("{0}")]
    Refused(String),
    /// Somebody else wrote since it was read.
    #[error("somebody else wrote to the lease")]
    Conflict,
    /// The server is away or in trouble.
    #[error("{0}")]
    Trouble(String),
}

impl From<kube::Error> for RecordError {
    fn from(error: kube::Error) -> Self {
        match &error {
            kube::Error::Api(status) if matches!(status.code, 403 | 404) => {
                Self::Refused(status.message.clone())
            }
            kube::Error::Api(status) if status.code == 409 => Self::Conflict,
            _other => Self::Trouble(super::chain(&error)),
        }
    }
}

/// The Lease of the gateways that share an ambassador id and a namespace.
pub(super) struct LeaseRecord {
    api: Api<Lease>,
    name: String,
}

impl LeaseRecord {
    pub(super) fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
        }
    }
}

impl Record for LeaseRecord {
    async fn read(&self) -> Result<Option<Lease>, RecordError> {
        Ok(self.api.get_opt(&self.name).await?)
    }

    async fn write(&self, mut lease: Lease) -> Result<Lease, RecordError> {
        lease.metadata.name = Some(self.name.clone());
        let parameters = PostParams::default();
        let written = match lease.metadata.resource_version {
            Some(_) => self.api.replace(&self.name, &parameters, &lease).await,
            None => self.api.create(&parameters, &lease).await,
        };
        Ok(written?)
    }
}

/// Who holds the lease; nobody when it was released.
pub(super) fn holder(lease: &Lease) -> Option<&str> {
    let holder = lease.spec.as_ref()?.holder_identity.as_deref()?;
    (!holder.is_empty()).then_some(holder)
}

pub(super) fn version(lease: &Lease) -> &str {
    lease
        .metadata
        .resource_version
        .as_deref()
        .unwrap_or_default()
}

/// How long the holder is to be waited for: what it claims, at least `ours`.
pub(super) fn claimed(lease: &Lease, ours: Duration) -> Duration {
    let seconds = lease
        .spec
        .as_ref()
        .and_then(|spec| spec.lease_duration_seconds);
    let seconds = u64::try_from(seconds.unwrap_or(0)).unwrap_or(0);
    Duration::from_secs(seconds).min(LONGEST).max(ours)
}

/// `lease` with `identity` as its holder. Its times are for people: nobody reads them here.
pub(super) fn taken(lease: Option<Lease>, identity: &str, term: Duration) -> Lease {
    let before = lease.unwrap_or_default();
    let spec = before.spec.clone().unwrap_or_default();
    let now = MicroTime(Timestamp::now());
    let renewed = holder(&before) == Some(identity);
    let transitions = spec.lease_transitions.unwrap_or(0);
    let spec = LeaseSpec {
        acquire_time: spec.acquire_time.filter(|_| renewed).or(Some(now.clone())),
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: Some(whole_seconds(term)),
        lease_transitions: Some(transitions.saturating_add(i32::from(!renewed))),
        renew_time: Some(now),
        ..spec
    };
    Lease {
        metadata: kept(before.metadata),
        spec: Some(spec),
    }
}

/// `lease` with no holder, so that the next one need not wait.
pub(super) fn released(lease: Lease) -> Lease {
    let spec = LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        renew_time: Some(MicroTime(Timestamp::now())),
        ..lease.spec.unwrap_or_default()
    };
    Lease {
        metadata: kept(lease.metadata),
        spec: Some(spec),
    }
}

/// What of the metadata goes back: the server keeps its own accounts of who wrote which field.
fn kept(metadata: ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        managed_fields: None,
        ..metadata
    }
}

/// The API takes whole seconds, and none below one.
fn whole_seconds(term: Duration) -> i32 {
    let up = term.as_secs() + u64::from(term.subsec_nanos() > 0);
    i32::try_from(up.max(1)).unwrap_or(i32::MAX)
}
