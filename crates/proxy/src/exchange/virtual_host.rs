//! To which VirtualHost a request belongs, and whether it is let in there.
//!
//! Invariant: a name whose clients are verified is served to no connection that was verified in another
//! way, whatever the request says, nor to one whose client would not be let in any more.
//!
//! Deliberately absent: Routes, and what is secure.

use nuncio_routing::{Approach, Route, Termination, Treatment, VirtualHost};

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
    if wanted != tls.termination.clients.as_ref() {
        return Standing::Misdirected;
    }
    let verifying = asked.termination.filter(|_| wanted.is_some());
    if verifying.is_none_or(|index| tls.is_enough(course.live, index)) {
        return Standing::Of(asked);
    }
    // By this one, nothing more can be had.
    course.connection.dismiss();
    Standing::Misdirected
}

/// What becomes of a request for what `host` has this Route for.
pub(super) fn treatment(course: &Course<'_>, host: &VirtualHost, route: &Route) -> Treatment {
    let came = Approach {
        by_tls: course.connection.tls().is_some(),
        is_https: course.forwarding.scheme == Scheme::Https,
    };
    let listening = course.live.listening();
    listening.treatment((course.listener, host), came, Some(route))
}

/// How TLS of the host is terminated, if it is.
fn termination<'a>(course: &Course<'a>, host: &VirtualHost) -> Option<&'a Termination> {
    let listening = course.live.listening();
    listening.termination(host.termination?).map(|it| &**it)
}
