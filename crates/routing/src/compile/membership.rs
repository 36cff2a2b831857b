//! Who may be a member of a group.
//!
//! As in Emissary 4.1 (`IRHTTPMappingGroup.add_mapping`), Mappings are taken in insertion order, and
//! the first says what holds for all:
//!
//! - A Mapping that says something else about the attributes that belong to the group is refused. Who
//!   says nothing about them is welcome.
//! - A redirect is alone; there is at most one shadow, and it is nothing without others.

use std::fmt;
use std::sync::Arc;

use nuncio_config::{Mapping, Module};

use super::groups::{Group, Member, Members};
use super::matching::Matching;
use super::report::{Place, Report};
use crate::MappingId;
use crate::order::Insertion;

/// A group whose members are not all known yet.
pub(super) struct Gathering<'m, 'r> {
    matching: &'m Matching<'r>,
    module: &'m Module,
    first: Member<'r>,
    members: Vec<Member<'r>>,
    redirect: Option<Member<'r>>,
    shadow: Option<Member<'r>>,
}

impl<'m, 'r> Gathering<'m, 'r> {
    pub(super) fn begin(
        matching: &'m Matching<'r>,
        first: Member<'r>,
        module: &'m Module,
        report: &mut Report,
    ) -> Self {
        let mut group = Self {
            matching,
            module,
            first,
            members: Vec::with_capacity(1),
            redirect: None,
            shadow: None,
        };
        group.admit(first, matching, report);
        group
    }

    /// Takes the next Mapping, or says why not.
    pub(super) fn admit(
        &mut self,
        member: Member<'r>,
        matching: &Matching<'_>,
        report: &mut Report,
    ) {
        let mut differing = Differing::between(self.first.mapping, member.mapping, self.module);
        differing.0.extend(self.matching.disagreement(matching));
        if !differing.0.is_empty() {
            let first = Place(&self.first.resource.at);
            let reason = format_args!(
                "differs in {differing} from {} at {first}, which matches the same requests: these \
                 must be the same for all Mappings of a group",
                self.first.resource
            );
            report.error_against(member.resource, self.first.resource, reason);
            return;
        }
        match (member.mapping.shadow, &member.mapping.redirect) {
            (true, _) => self.admit_shadow(member, report),
            (false, Some(_)) => self.admit_redirect(member, report),
            (false, None) => match self.redirect {
                Some(redirect) => {
                    let reason = "a redirect answers all requests of its group";
                    refuse(member, reason, redirect, report);
                }
                None => self.members.push(member),
            },
        }
    }

    fn admit_shadow(&mut self, member: Member<'r>, report: &mut Report) {
        if member.mapping.redirect.is_some() {
            let reason = "host_redirect has no effect on a shadow";
            report.warning(member.resource, reason);
        }
        match self.shadow {
            Some(shadow) => {
                let reason = "a group has one shadow at most";
                refuse(member, reason, shadow, report);
            }
            None => self.shadow = Some(member),
        }
    }

    fn admit_redirect(&mut self, member: Member<'r>, report: &mut Report) {
        match self.redirect.or(self.members.first().copied()) {
            Some(earlier) => {
                let reason = "a redirect answers all requests of its group";
                refuse(member, reason, earlier, report);
            }
            None => self.redirect = Some(member),
        }
    }

    /// The group, if anybody takes its requests.
    pub(super) fn complete(self, report: &mut Report) -> Option<Group<'r>> {
        let members = match (self.redirect, self.shadow) {
            (Some(redirect), shadow) => {
                if let Some(shadow) = shadow {
                    let reason = "a redirect leaves nothing to copy";
                    refuse(shadow, reason, redirect, report);
                }
                Members::Redirect(redirect)
            }
            (None, Some(shadow)) if self.members.is_empty() => {
                report.error(
                    shadow.resource,
                    "a shadow copies the requests of another Mapping, and none matches the same",
                );
                return None;
            }
            (None, shadow) if !self.members.is_empty() => Members::Forwarding {
                members: self.members,
                shadow,
            },
            (None, _) => return None,
        };
        let Member { resource, .. } = self.first;
        let id = Arc::new(MappingId::of(resource));
        let inserted = Insertion::Mapping(resource.at.clone(), id);
        Some(Group::new(self.matching.clone(), inserted, members))
    }
}

/// There is no place in the group, since another member has it.
fn refuse(member: Member<'_>, reason: &str, other: Member<'_>, report: &mut Report) {
    let Member { resource, .. } = other;
    let reason = format_args!(
        "{reason}: {resource} at {} matches the same requests",
        Place(&resource.at)
    );
    report.error_against(member.resource, resource, reason);
}

/// The names of attributes (`IRHTTPMappingGroup.CoreMappingKeys`).
struct Differing(Vec<&'static str>);

impl Differing {
    /// What `later` says otherwise than `first`, what they match aside.
    fn between(first: &Mapping, later: &Mapping, module: &Module) -> Self {
        let (a, b) = (&first.cluster, &later.cluster);
        let differs = [
            ("bypass_auth", later.bypass_auth && !first.bypass_auth),
            (
                "circuit_breakers",
                // Emissary fills these in, and these alone, before it compares.
                otherwise(
                    a.circuit_breakers
                        .as_ref()
                        .or(module.circuit_breakers.as_ref()),
                    b.circuit_breakers.as_ref(),
                ),
            ),
            (
                "cluster_idle_timeout_ms",
                otherwise(
                    a.cluster_idle_timeout.as_ref(),
                    b.cluster_idle_timeout.as_ref(),
                ),
            ),
            (
                "cluster_max_connection_lifetime_ms",
                otherwise(
                    a.cluster_max_connection_lifetime.as_ref(),
                    b.cluster_max_connection_lifetime.as_ref(),
                ),
            ),
            (
                "connect_timeout_ms",
                otherwise(a.connect_timeout.as_ref(), b.connect_timeout.as_ref()),
            ),
            (
                "keepalive",
                otherwise(a.keepalive.as_ref(), b.keepalive.as_ref()),
            ),
            (
                "labels",
                !later.labels.is_empty() && later.labels != first.labels,
            ),
            (
                "load_balancer",
                otherwise(a.load_balancer.as_ref(), b.load_balancer.as_ref()),
            ),
        ];
        let names = differs.into_iter().filter(|(_, differs)| *differs);
        Self(names.map(|(name, _)| name).collect())
    }
}

impl fmt::Display for Differing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}

fn otherwise<T: PartialEq>(first: Option<&T>, later: Option<&T>) -> bool {
    later.is_some() && later != first
}
