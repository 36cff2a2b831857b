//! To which VirtualHost a request belongs, and whether it is let in there.
//!
//! Invariant: a name whose clients are verified is served to no connection that was verified in another
//! way, whatever the request says. A request that came by no secure way is served only where its
//! VirtualHost wants that; and where clients are verified, nothing is secure that came without TLS.
//!
//! Deliberately absent: Routes.

use nuncio_config::{InsecureAction, SecurityModel};
use nuncio_routing::{Listener, Route, Termination, VirtualHost};

use super::course::Course;
use super::forwarding::Scheme;

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

/// Whose request it is that asks for `host`.
pub(super) fn standing<'a>(course: &Course<'a>, host: &str) -> Standing<'a> {
    let Some(asked) = course.listener.hosts.find_authority(host) else {
        return Standing::Unknown;
    };
    let Some(tls) = course.connection.tls() else {
        return Standing::Of(asked);
    };
    let wanted = termination(course, asked).and_then(|termination| termination.clients.as_ref());
    // Equal ones mostly are the same value, which is what is compared first.
    match wanted == tls.termination.clients.as_ref() {
        true => Standing::Of(asked),
        false => Standing::Misdirected,
    }
}

/// What becomes of a request for what `host` has this Route for.
pub(super) fn treatment(course: &Course<'_>, host: &VirtualHost, route: &Route) -> Treatment {
    let is_verified = course.connection.tls().is_some()
        || !termination(course, host).is_some_and(Termination::insists_on_clients);
    if is_verified && is_secure(course.listener, course.forwarding.scheme) {
        return Treatment::Serve;
    }
    match host.insecure {
        InsecureAction::Route => Treatment::Serve,
        InsecureAction::Redirect | InsecureAction::Reject if route.is_of_challenges() => {
            Treatment::Serve
        }
        InsecureAction::Redirect => Treatment::SendToHttps,
        InsecureAction::Reject => Treatment::Ignore,
    }
}

/// How TLS of the host is terminated, if it is.
fn termination<'a>(course: &Course<'a>, host: &VirtualHost) -> Option<&'a Termination> {
    let listening = course.live.listening();
    listening.termination(host.termination?).map(|it| &**it)
}

fn is_secure(listener: &Listener, scheme: Scheme) -> bool {
    match listener.security {
        SecurityModel::ForwardedProto => scheme == Scheme::Https,
        SecurityModel::Secure => true,
        SecurityModel::Insecure => false,
    }
}
