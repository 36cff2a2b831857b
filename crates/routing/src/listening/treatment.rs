//! What becomes of requests that came by no secure way.
//!
//! Invariant: such a request is served only where its VirtualHost wants that; and where clients are
//! verified, nothing is secure that came without TLS.

use nuncio_config::{InsecureAction, SecurityModel};

use super::{Listener, Listening, VirtualHost};
use crate::Route;

/// How a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Approach {
    /// Whether its connection to the gateway is TLS.
    pub by_tls: bool,
    /// Whether it is https, by the word of whoever is believed.
    pub is_https: bool,
}

/// What becomes of a request, as far as its VirtualHost is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Treatment {
    /// Its Route serves it.
    Serve,
    /// It is sent to https.
    SendToHttps,
    /// As if nobody had a Route for it.
    Ignore,
}

impl Listening {
    /// What becomes of a request at `listener` for what `host` has this Route for, or for what nobody
    /// has one.
    ///
    /// Challenges of ACME come without TLS (RFC 8555 section 8.3), and are served all the same.
    pub fn treatment(
        &self,
        (listener, host): (&Listener, &VirtualHost),
        came: Approach,
        route: Option<&Route>,
    ) -> Treatment {
        if self.is_secure(listener, host, came) {
            return Treatment::Serve;
        }
        match host.insecure {
            InsecureAction::Route => Treatment::Serve,
            InsecureAction::Redirect | InsecureAction::Reject
                if route.is_some_and(Route::is_of_challenges) =>
            {
                Treatment::Serve
            }
            InsecureAction::Redirect => Treatment::SendToHttps,
            InsecureAction::Reject => Treatment::Ignore,
        }
    }

    fn is_secure(&self, listener: &Listener, host: &VirtualHost, came: Approach) -> bool {
        let termination = host.termination.and_then(|at| self.termination(at));
        let insists = termination.is_some_and(|termination| termination.insists_on_clients());
        let is_verified = came.by_tls || !insists;
        is_verified
            && match listener.security {
                SecurityModel::ForwardedProto => came.is_https,
                SecurityModel::Secure => true,
                SecurityModel::Insecure => false,
            }
    }
}
