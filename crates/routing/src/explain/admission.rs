//! Whether a request is let in by its Host.
//!
//! Deliberately absent: ports. A question has none of the gateway's, so the first Listener is looked at
//! that speaks what its scheme says.

use nuncio_config::{InsecureAction, SecurityModel};
use serde::{Deserialize, Serialize};

use crate::{Implied, Listener, Listening, MappingSelector, Route, VirtualHost};

/// What the Host of a request decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy)]
pub(super) struct Standing<'s> {
    pub(super) host: Option<&'s VirtualHost>,
    /// Of what has no Route of its own.
    admission: Admission,
}

impl<'s> Standing<'s> {
    pub(super) fn of(listening: &'s Listening, scheme: &str, host: &str) -> Self {
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
            SecurityModel::Secure => scheme == "https" || !insists_on_clients(listening, host),
            SecurityModel::Insecure => false,
        };
        let admission = match host.insecure {
            _ if is_secure => Admission::Served,
            InsecureAction::Route => Admission::Served,
            InsecureAction::Redirect => Admission::Redirected,
            InsecureAction::Reject => Admission::Ignored,
        };
        Self {
            host: Some(host),
            admission,
        }
    }

    /// Whether a request is let in that this Route takes.
    pub(super) fn admission(&self, route: Option<&Route>) -> Admission {
        match self.admission {
            Admission::Redirected | Admission::Ignored
                if route.is_some_and(Route::is_of_challenges) =>
            {
                Admission::Served
            }
            said @ (Admission::Served
            | Admission::Redirected
            | Admission::Ignored
            | Admission::Unknown) => said,
        }
    }

    /// Which Routes are looked at.
    pub(super) fn selector(&self) -> &'s MappingSelector {
        self.host
            .map_or(&MappingSelector::Nothing, |host| &host.selector)
    }
}

fn insists_on_clients(listening: &Listening, host: &VirtualHost) -> bool {
    let termination = host.termination.and_then(|at| listening.termination(at));
    termination.is_some_and(|termination| termination.insists_on_clients())
}

fn listener(listening: &Listening, is_tls: bool) -> Option<&Listener> {
    if let Some(Implied { http, https }) = &listening.implied {
        return Some(https.as_ref().filter(|_| is_tls).unwrap_or(http));
    }
    let mut all = listening.listeners.iter().filter(|it| it.stack.http);
    let first = all.clone().next();
    let fitting = all.find(|listener| listener.stack.tls == is_tls);
    fitting.or(first).map(|listener| &**listener)
}
