//! To which VirtualHost a request belongs, and whether it is let in there.
//!
//! Invariant: a name whose clients are verified is served to no connection that was verified in another
//! way, whatever the request says. A request that came by no secure way is served only where its
//! VirtualHost wants that.
//!
//! Deliberately absent: Routes.

use nuncio_config::{InsecureAction, SecurityModel};
use nuncio_routing::{Listener, VirtualHost};

use super::course::Course;
use super::forwarding::Scheme;
use super::head::RequestTarget;

/// How a request stands to the host that it asks for.
pub(super) enum Standing<'a> {
    /// It belongs there.
    Of(&'a VirtualHost),
    /// Nobody is served by that name.
    Unknown,
    /// Its connection was not verified as the host wants it (RFC 9110 section 15.5.20).
    Misdirected,
}

/// What becomes of a request that came by no secure way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Serve,
    SendToHttps,
    Ignore,
}

/// Where authorities look whether a name is somebody's (RFC 8555 section 8.3), by plain HTTP.
const ACME_CHALLENGES: &str = "/.well-known/acme-challenge/";

/// Whose request it is that asks for `host`.
pub(super) fn standing<'a>(course: &Course<'a>, host: &str) -> Standing<'a> {
    let Some(asked) = course.listener.hosts.find_authority(host) else {
        return Standing::Unknown;
    };
    let Some(tls) = course.connection.tls() else {
        return Standing::Of(asked);
    };
    let wanted = asked.termination.and_then(|termination| {
        let termination = course.live.listening().termination(termination)?;
        termination.clients.as_ref()
    });
    // Equal ones mostly are the same value, which is what is compared first.
    match wanted == tls.termination.clients.as_ref() {
        true => Standing::Of(asked),
        false => Standing::Misdirected,
    }
}

/// What becomes of a request for what `host` has a Route for.
pub(super) fn treatment(
    course: &Course<'_>,
    host: &VirtualHost,
    target: &RequestTarget<'_>,
) -> Treatment {
    if is_secure(course.listener, course.forwarding.scheme) {
        return Treatment::Serve;
    }
    match host.insecure {
        InsecureAction::Route => Treatment::Serve,
        InsecureAction::Redirect | InsecureAction::Reject
            if target.path.starts_with(ACME_CHALLENGES) =>
        {
            Treatment::Serve
        }
        InsecureAction::Redirect => Treatment::SendToHttps,
        InsecureAction::Reject => Treatment::Ignore,
    }
}

fn is_secure(listener: &Listener, scheme: Scheme) -> bool {
    match listener.security {
        SecurityModel::ForwardedProto => scheme == Scheme::Https,
        SecurityModel::Secure => true,
        SecurityModel::Insecure => false,
    }
}
