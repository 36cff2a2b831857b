//! What one Mapping says in vain, or cannot have.

use nuncio_config::Module;

use super::groups::Member;
use super::report::Report;
use super::upstream::wants_no_family;

/// Whether the Mapping can be live; what it says in vain is reported.
pub(super) fn judge(member: &Member<'_>, module: &Module, report: &mut Report) -> bool {
    let Member { resource, mapping } = member;
    if wants_no_family(&mapping.cluster, module) {
        report.warning(
            resource,
            "neither enable_ipv4 nor enable_ipv6 is true: IPv4 is used, as Emissary does",
        );
    }
    true
}
