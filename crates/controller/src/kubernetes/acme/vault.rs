//! The Secrets that the gateway keeps: certificates, keys of accounts, and the board.
//!
//! Invariant: nothing is sent by who does not lead at that moment; a write names the version it
//! replaces; each request ends in bounded time. Nothing of a Secret is in an error.
//! Deliberately absent: what is written, and retries.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};
use nuncio_routing::SecretName;
use tokio::time::timeout;

use crate::kubernetes::secrets::Secrets;
use crate::kubernetes::write_back::Leadership;
use crate::remark::quoted;

/// How long one request may take.
const PATIENCE: Duration = Duration::from_secs(4);

/// By which the Secrets are known that the gateway made, as Kubernetes recommends.
const MADE_BY: (&str, &str) = ("app.kubernetes.io/managed-by", "nuncio");

/// The type of Secrets that hold a certificate.
pub(super) const CERTIFICATE: &str = "kubernetes.io/tls";

/// Who issued the certificate.
const AUTHORITY: &str = "nuncio/acme-authority";

/// Why a Secret was not read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unkept {
    /// RBAC, or the server's validation, says no.
    #[error("cannot {verb} Secret {name}: {why} (docs/permissions.md)")]
    Refused {
        verb: &'static str,
        name: SecretName,
        why: String,
    },
    /// Somebody else wrote since it was read, or it is there already.
    #[error("somebody else writes to Secret {0}")]
    Conflict(SecretName),
    /// The server is away or in trouble, or this gateway leads no more.
    #[error("cannot {verb} Secret {name}: {why}")]
    Trouble {
        verb: &'static str,
        name: SecretName,
        why: String,
    },
}

/// Whether a write is to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Earnest {
    /// The server only says whether it might be.
    Rehearsal,
    Written,
}

/// Reads and writes as long as it leads.
pub(super) struct Vault {
    client: Client,
    leadership: Leadership,
    /// Who the server says wrote a field.
    manager: String,
}

impl Vault {
    pub(super) fn new(client: Client, leadership: Leadership, manager: String) -> Self {
        Self {
            client,
            leadership,
            manager,
        }
    }

    pub(super) async fn read(&self, name: &SecretName) -> Result<Option<Secret>, Unkept> {
        let api = self.api(name);
        self.ask("get", name, api.get_opt(&name.name)).await
    }

    /// Creates the Secret, or puts it in the place of the version it carries.
    pub(super) async fn write(
        &self,
        name: &SecretName,
        secret: &Secret,
        earnest: Earnest,
    ) -> Result<Secret, Unkept> {
        let api = self.api(name);
        let parameters = PostParams {
            dry_run: earnest == Earnest::Rehearsal,
            field_manager: Some(self.manager.clone()),
        };
        match secret.metadata.resource_version {
            Some(_) => {
                let writing = api.replace(&name.name, &parameters, secret);
                self.ask("update", name, writing).await
            }
            None => {
                let writing = api.create(&parameters, secret);
                self.ask("create", name, writing).await
            }
        }
    }

    fn api(&self, name: &SecretName) -> Api<Secret> {
        Api::namespaced(self.client.clone(), &name.namespace)
    }

    async fn ask<T>(
        &self,
        verb: &'static str,
        name: &SecretName,
        request: impl Future<Output = kube::Result<T>>,
    ) -> Result<T, Unkept> {
        let trouble = |why: String| Unkept::Trouble {
            verb,
            name: name.clone(),
            why: quoted(&why),
        };
        if !Secrets::can_be(name) {
            return Err(Unkept::Refused {
                verb,
                name: name.clone(),
                why: "no Secret can have this name".to_owned(),
            });
        }
        if !self.leadership.holds() {
            return Err(trouble("this gateway leads no more".to_owned()));
        }
        let error = match timeout(PATIENCE, request).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(error)) => error,
            Err(_late) => return Err(trouble("no answer in time".to_owned())),
        };
        let kube::Error::Api(status) = &error else {
            return Err(trouble(crate::kubernetes::failure::chain(&error)));
        };
        Err(match status.code {
            409 => Unkept::Conflict(name.clone()),
            400 | 403..=405 | 413 | 415 | 422 => Unkept::Refused {
                verb,
                name: name.clone(),
                why: quoted(&status.message),
            },
            _ => trouble(status.message.clone()),
        })
    }
}

/// A Secret of the gateway's, in the place of `before` if there was one.
pub(super) fn made(
    name: &SecretName,
    before: Option<&Secret>,
    (form, data): (&str, BTreeMap<String, Vec<u8>>),
) -> Secret {
    let mut metadata = before.map_or_else(ObjectMeta::default, |before| ObjectMeta {
        // The server keeps its own accounts of who wrote which field.
        managed_fields: None,
        ..before.metadata.clone()
    });
    metadata.name = Some(name.name.clone().into());
    metadata.namespace = Some(name.namespace.clone().into());
    let labels = metadata.labels.get_or_insert_default();
    labels.insert(MADE_BY.0.to_owned(), MADE_BY.1.to_owned());
    let data = data
        .into_iter()
        .map(|(key, value)| (key, ByteString(value)));
    Secret {
        data: Some(data.collect()),
        metadata,
        type_: Some(form.to_owned()),
        ..Secret::default()
    }
}

/// The same, with who issued the certificate in it.
pub(super) fn issued_by(mut secret: Secret, authority: &str) -> Secret {
    let annotations = secret.metadata.annotations.get_or_insert_default();
    annotations.insert(AUTHORITY.to_owned(), authority.to_owned());
    secret
}

/// Who issued the certificate, where the gateway asked for it.
pub(super) fn authority(secret: &Secret) -> Option<&str> {
    let annotations = secret.metadata.annotations.as_ref()?;
    annotations.get(AUTHORITY).map(String::as_str)
}

/// Whether the gateway made it.
pub(super) fn is_ours(secret: &Secret) -> bool {
    let labels = secret.metadata.labels.as_ref();
    let made_by = labels.and_then(|labels| labels.get(MADE_BY.0));
    made_by.is_some_and(|made_by| made_by == MADE_BY.1)
}

/// Whether it holds a certificate that the gateway made, and so may replace.
pub(super) fn is_our_certificate(secret: &Secret) -> bool {
    is_ours(secret) && secret.type_.as_deref() == Some(CERTIFICATE)
}

/// The value of a key; nothing where there is none.
pub(super) fn value<'s>(secret: &'s Secret, key: &str) -> &'s [u8] {
    let data = secret.data.as_ref();
    data.and_then(|data| data.get(key))
        .map_or(&[], |value| &value.0)
}
