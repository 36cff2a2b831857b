//! Whether a request is let in by its Host.
//!
//! Deliberately absent: ports. A question has none of the gateway's, so the first Listener is looked at
//! that speaks what its scheme says.

use serde::{Deserialize, Serialize};

use crate::{
    Approach, Implied, Listener, Listening, MappingSelector, Route, Treatment, VirtualHost,
};

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
    listening: &'s Listening,
    /// Where the request came, and whom it asks for.
    found: Option<(&'s Listener, &'s VirtualHost)>,
    came: Approach,
}

impl<'s> Standing<'s> {
    pub(super) fn of(listening: &'s Listening, scheme: &str, host: &str) -> Self {
        let is_https = scheme == "https";
        let listener = listener(listening, is_https);
        let found = listener.and_then(|listener| {
            let host = listener.hosts.find_authority(host)?;
            Some((listener, &**host))
        });
        Self {
            listening,
            found,
            came: Approach {
                by_tls: is_https,
                is_https,
            },
        }
    }

    pub(super) fn host(&self) -> Option<&'s VirtualHost> {
        self.found.map(|(_, host)| host)
    }

    /// Whether a request is let in that this Route takes.
    pub(super) fn admission(&self, route: Option<&Route>) -> Admission {
        let Some(found) = self.found else {
            return Admission::Unknown;
        };
        match self.listening.treatment(found, self.came, route) {
            Treatment::Serve => Admission::Served,
            Treatment::SendToHttps => Admission::Redirected,
            Treatment::Ignore => Admission::Ignored,
        }
    }

    /// Which Routes are looked at.
    pub(super) fn selector(&self) -> &'s MappingSelector {
        self.host()
            .map_or(&MappingSelector::Nothing, |host| &host.selector)
    }
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
