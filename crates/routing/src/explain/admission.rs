//! Whether a request is let in by its Host.
//!
//! Deliberately absent: ports. A question has none of the gateway's, so the first Listener is looked at
//! that speaks what its scheme says.

use nuncio_config::{InsecureAction, SecurityModel};
use serde::{Deserialize, Serialize};

use crate::{Implied, Listener, Listening, MappingSelector, VirtualHost};

/// What the Host of a request decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// The request is served.
    Served,
    /// What has a Route is sent to https, since it is not secure.
    Redirected,
    /// Nothing is served that is not secure: 404.
    Ignored,
    /// No Host answers for that name: 404.
    Unknown,
}

/// The Host of a request.
pub(super) struct Standing<'s> {
    pub(super) host: Option<&'s VirtualHost>,
    pub(super) admission: Admission,
}

impl<'s> Standing<'s> {
    pub(super) fn of(listening: &'s Listening, scheme: &str, (host, path): (&str, &str)) -> Self {
        let listener = listener(listening, scheme == "https");
        let found = listener.and_then(|listener| {
            let host = listener.hosts.find_authority(host)?;
            Some((listener, &**host))
        });
        let Some((listener, host)) = found else {
            return Self {
                host: None,
                admission: Admission::Unknown,
            };
        };
        let is_secure = match listener.security {
            SecurityModel::ForwardedProto => scheme == "https",
            SecurityModel::Secure => true,
            SecurityModel::Insecure => false,
        };
        let admission = match host.insecure {
            _ if is_secure || path.starts_with(ACME_CHALLENGES) => Admission::Served,
            InsecureAction::Route => Admission::Served,
            InsecureAction::Redirect => Admission::Redirected,
            InsecureAction::Reject => Admission::Ignored,
        };
        Self {
            host: Some(host),
            admission,
        }
    }

    /// Which Routes are looked at.
    pub(super) fn selector(&self) -> &'s MappingSelector {
        self.host
            .map_or(&MappingSelector::Nothing, |host| &host.selector)
    }
}

/// Always routed, however a request came.
const ACME_CHALLENGES: &str = "/.well-known/acme-challenge/";

fn listener(listening: &Listening, is_tls: bool) -> Option<&Listener> {
    if let Some(Implied { http, https }) = &listening.implied {
        return Some(https.as_ref().filter(|_| is_tls).unwrap_or(http));
    }
    let mut all = listening.listeners.iter().filter(|it| it.stack.http);
    let first = all.clone().next();
    let fitting = all.find(|listener| listener.stack.tls == is_tls);
    fitting.or(first).map(|listener| &**listener)
}
