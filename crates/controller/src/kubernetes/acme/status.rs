//! The status of Hosts whose certificates are asked for, in Edge Stack's words.
//!
//! Invariant: written when what there is to say has changed, and only to a Host that is an object of
//! the API.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use nuncio_config::ObjectRef;
use nuncio_routing::{Issuance, SecretName};
use serde_json::{Value, json};

use crate::kubernetes::write_back::{Kind, Pen};

/// What a Host says of its certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is being asked for.
    Pending,
    /// It is there.
    Ready,
    /// It is not, and this is why.
    Error(String),
}

/// Writes states.
pub(super) struct States {
    pen: Pen,
    /// What was said last in this term.
    said: Mutex<BTreeMap<SecretName, State>>,
}

impl States {
    pub(super) fn new(pen: Pen) -> Self {
        Self {
            pen,
            said: Mutex::default(),
        }
    }

    pub(super) fn begin_term(&self) {
        self.pen.begin_term();
        self.said().clear();
    }

    /// Says it, unless it was said; `pause` is how long until the next attempt.
    pub(super) async fn say(&self, issuance: &Issuance, state: State, pause: Duration) {
        let object = &issuance.at.object;
        let is_object = &*object.kind == "Host" && issuance.at.file.is_none();
        if !is_object || self.said().get(&issuance.secret) == Some(&state) {
            return;
        }
        if self.write(object, &state, pause).await.is_some() {
            self.said().insert(issuance.secret.clone(), state);
        }
    }

    /// `None` when it is to be tried again.
    async fn write(&self, object: &Arc<ObjectRef>, state: &State, pause: Duration) -> Option<()> {
        let kind = Kind::named(&object.kind)?;
        let at = (&*object.namespace, &*object.name);
        let found = self.pen.read(kind, at).await.ok()?;
        let there = found.data.get("status");
        let is_said = there.is_some_and(|there| state.is_said_by(there));
        if !is_said {
            let status = state.status(pause);
            self.pen.set_status(kind, &found, status).await.ok()?;
        }
        Some(())
    }

    fn said(&self) -> MutexGuard<'_, BTreeMap<SecretName, State>> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn word(&self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Ready => "Ready",
            Self::Error(_) => "Error",
        }
    }

    fn reason(&self) -> Option<&str> {
        match self {
            Self::Pending | Self::Ready => None,
            Self::Error(reason) => Some(reason),
        }
    }

    fn is_said_by(&self, status: &Value) -> bool {
        let text = |key: &str| status.get(key).and_then(Value::as_str);
        text("tlsCertificateSource") == Some("ACME")
            && text("state") == Some(self.word())
            && text("errorReason").filter(|text| !text.is_empty()) == self.reason()
    }

    fn status(&self, pause: Duration) -> Value {
        const CHALLENGE: &str = "ACMECertificateChallenge";
        let (completed, pending) = match self {
            Self::Ready => (Some(CHALLENGE), None),
            Self::Pending | Self::Error(_) => (None, Some(CHALLENGE)),
        };
        let error = self.reason();
        let at = error.map(|_| Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        json!({
            "tlsCertificateSource": "ACME",
            "state": self.word(),
            "phaseCompleted": completed,
            "phasePending": pending,
            "errorReason": error,
            "errorTimestamp": at,
            "errorBackoff": error.map(|_| format!("{}s", pause.as_secs())),
        })
    }
}
