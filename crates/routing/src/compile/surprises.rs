//! What one Mapping says in vain, or cannot have.

use nuncio_config::{Mapping, Module, PathMatch, Rewrite};

use super::groups::Member;
use super::report::Report;
use super::upstream::wants_no_family;

/// Whether the Mapping can be live; what it says in vain is reported.
pub(super) fn judge(member: &Member<'_>, module: &Module, report: &mut Report) -> bool {
    let Member { resource, mapping } = member;
    let in_vain = [
        (
            wants_no_family(&mapping.cluster, module),
            "neither enable_ipv4 nor enable_ipv6 is true: IPv4 is used, as Emissary does",
        ),
        (
            mapping.host_rewrite.is_some() && mapping.auto_host_rewrite,
            "auto_host_rewrite has no effect beside host_rewrite",
        ),
        (
            is_rewritten(mapping) && mapping.regex_rewrite.is_some(),
            "rewrite has no effect beside regex_rewrite",
        ),
        (
            is_rewritten(mapping) && matches!(mapping.path, PathMatch::Regex(_)),
            "rewrite has no effect on a prefix_regex; regex_rewrite has",
        ),
    ];
    for (_, reason) in in_vain.into_iter().filter(|(is_so, _)| *is_so) {
        report.warning(resource, reason);
    }
    true
}

/// Whether the rewrite is another one than that of who says nothing.
fn is_rewritten(mapping: &Mapping) -> bool {
    matches!(&mapping.rewrite, Rewrite::Prefix(text) if **text != *"/")
}
