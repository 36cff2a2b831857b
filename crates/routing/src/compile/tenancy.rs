//! To which namespace a group belongs when annotations are not trusted.
//!
//! Members of a group act on one another: they take shares of its requests, get copies of them, send
//! clients elsewhere, add headers, and keep out who differs from them. Ambassador lets Mappings of all
//! namespaces meet in a group. Here those of one namespace alone make up a group: of the gateway's, if
//! it has any, else of the first in alphabetical order. Nobody who annotates chooses the name of the
//! namespace, and the choice is the same after a restart and on every replica.
//!
//! Deliberately absent: who may use which hosts and paths. A Mapping that is more specific than
//! another's, or of higher precedence, is tried before it, whatever its namespace.

use nuncio_config::{Identity, Trust};

use super::groups::Member;
use super::report::{Place, Report};

/// Keeps the members of the namespace that a group belongs to; the others are errors.
pub(super) fn of_one_namespace<'r>(
    mut members: Vec<Member<'r>>,
    identity: &Identity,
    report: &mut Report,
) -> Vec<Member<'r>> {
    if identity.annotations == Trust::Compatible {
        return members;
    }
    let claim = |member: &Member<'r>| {
        let namespace = &*member.resource.namespace;
        (namespace != &*identity.namespace, namespace)
    };
    let Some(owner) = members.iter().copied().min_by_key(claim) else {
        return members;
    };
    members.retain(|member| {
        let is_owned = member.resource.namespace == owner.resource.namespace;
        if !is_owned {
            refuse(member, &owner, report);
        }
        is_owned
    });
    members
}

fn refuse(member: &Member<'_>, owner: &Member<'_>, report: &mut Report) {
    let Member { resource, .. } = owner;
    let reason = format_args!(
        "{resource} of namespace {} at {} matches the same requests, and annotations are not \
         trusted with those of another namespace",
        resource.namespace,
        Place(&resource.at)
    );
    report.error_against(member.resource, resource, reason);
}
