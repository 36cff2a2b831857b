//! What the members of a group have in common.
//!
//! As in Emissary (`IRHTTPMappingGroup.finalize`): members are visited in insertion order, and what a
//! later one says replaces what an earlier one said; headers to be added are merged. What the Module
//! says counts where no member says anything. `bypass_auth` and `labels` are the first member's, since
//! later ones cannot differ.
//! Deliberately absent: what each member has for itself, which `forward` adds.

use std::sync::Arc;

use http::HeaderName;
use nuncio_config::{
    Cors, DomainLabels, ErrorResponseOverride, HeaderAddition, HeaderOptions, Mapping, Priority,
    RetryPolicy, Substitution,
};

use super::defaults::{Defaults, merged};
use super::groups::Member;
use crate::{HeaderRules, ResponseRules, Retry};

/// The attributes of a group.
#[derive(Clone, Debug)]
pub(super) struct Attributes<'r> {
    pub(super) regex_rewrite: Option<&'r Substitution>,
    pub(super) priority: Priority,
    pub(super) retry: Option<Retry>,
    pub(super) upgrades: &'r [Box<str>],
    pub(super) bypass_auth: bool,
    pub(super) labels: &'r [DomainLabels],
    pub(super) request_headers: HeaderRules,
    response_headers: HeaderRules,
    cors: Option<Arc<Cors>>,
    overrides: Arc<[ErrorResponseOverride]>,
}

impl<'r> Attributes<'r> {
    pub(super) fn of(members: &[Member<'r>], defaults: &'r Defaults) -> Self {
        let first = members.first().map(|member| member.mapping);
        let retry = last(members, |m| m.retry_policy.as_deref()).or(defaults.retry_policy());
        let module = defaults.headers();
        let request = Side {
            options: |mapping| &mapping.request_headers,
            remove: module.remove_request_headers.as_deref(),
            add: module.add_request_headers.as_deref(),
        };
        let response = Side {
            options: |mapping| &mapping.response_headers,
            remove: module.remove_response_headers.as_deref(),
            add: module.add_response_headers.as_deref(),
        };
        Self {
            regex_rewrite: last(members, |m| m.regex_rewrite.as_deref()),
            priority: last(members, |m| said(m.priority)).unwrap_or_default(),
            retry: retry.map(Retry::from),
            upgrades: last(members, |m| written(&m.allow_upgrade)).unwrap_or_default(),
            bypass_auth: first.is_some_and(|m| m.bypass_auth),
            labels: first.map(|m| &*m.labels).unwrap_or_default(),
            request_headers: request.rules(members),
            response_headers: response.rules(members),
            cors: defaults.cors(last(members, |m| m.cors.as_deref())),
            overrides: defaults.overrides(last(members, |m| m.error_response_overrides.as_deref())),
        }
    }

    /// What happens to the responses of one member.
    pub(super) fn take_response(&mut self, mapping: &Mapping) -> ResponseRules {
        let error_overrides = std::mem::take(&mut self.overrides);
        ResponseRules {
            headers: std::mem::take(&mut self.response_headers).into(),
            cors: self.cors.take(),
            error_overrides: match mapping.bypass_error_response_overrides {
                true => Arc::default(),
                false => error_overrides,
            },
        }
    }

    /// What happens to a redirect: in Envoy, CORS is an affair of routes that forward.
    pub(super) fn redirect_response(self) -> ResponseRules {
        ResponseRules {
            headers: self.response_headers.into(),
            ..ResponseRules::default()
        }
    }
}

impl From<&RetryPolicy> for Retry {
    fn from(policy: &RetryPolicy) -> Self {
        Self {
            on: policy.on,
            // Envoy's default.
            num_retries: policy.num_retries.unwrap_or(1),
            per_try_timeout: policy.per_try_timeout.filter(|time| !time.is_zero()),
        }
    }
}

/// The headers of one direction.
struct Side<'r> {
    options: fn(&'r Mapping) -> &'r HeaderOptions,
    /// The Module's.
    remove: Option<&'r [HeaderName]>,
    /// The Module's.
    add: Option<&'r [HeaderAddition]>,
}

impl<'r> Side<'r> {
    fn rules(&self, members: &[Member<'r>]) -> HeaderRules {
        let remove = last(members, |m| (self.options)(m).remove.as_deref()).or(self.remove);
        let said = |member: &Member<'r>| (self.options)(member.mapping).add.as_deref();
        let some_say_nothing = members.iter().any(|member| said(member).is_none());
        let default = self.add.filter(|_| some_say_nothing);
        HeaderRules {
            remove: remove.unwrap_or_default().into(),
            add: merged(default.into_iter().chain(members.iter().filter_map(said))),
        }
    }
}

fn last<'r, T>(members: &[Member<'r>], says: impl Fn(&'r Mapping) -> Option<T>) -> Option<T> {
    let mut latest_first = members.iter().rev();
    latest_first.find_map(|member| says(member.mapping))
}

/// The default priority is that of who says nothing.
fn said(priority: Priority) -> Option<Priority> {
    (priority != Priority::default()).then_some(priority)
}

fn written(list: &[Box<str>]) -> Option<&[Box<str>]> {
    (!list.is_empty()).then_some(list)
}
