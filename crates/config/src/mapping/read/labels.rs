//! `labels`, `rate_limits` before them, and `auth_context_extensions`: what other services are told
//! of a request.
//!
//! Deliberately absent: anybody to tell. What is written is checked, kept, and warned of.

mod legacy;
mod specifier;

use crate::fields::Fields;
use crate::mapping::{DomainLabels, LabelGroup};
use crate::yaml::Entry;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Box<[DomainLabels]> {
    let labels = fields.section("labels", |fields| {
        let entries = fields.entries();
        entries
            .iter()
            .filter_map(|entry| domain(fields, entry))
            .collect::<Vec<_>>()
    });
    let mut labels = labels.unwrap_or_default();
    labels.extend(legacy::read(fields));
    labels.into()
}

fn domain<'n>(fields: &mut Fields<'n, '_>, entry: &'n Entry<'n>) -> Option<DomainLabels> {
    let groups = fields.list_of(entry, |fields| {
        let [group] = fields.entries() else {
            fields.error_here("a label group has exactly one name");
            return None;
        };
        specifiers(fields, group)
    })?;
    Some(DomainLabels {
        domain: (*entry.key).into(),
        groups,
    })
}

fn specifiers<'n>(fields: &mut Fields<'n, '_>, group: &'n Entry<'n>) -> Option<LabelGroup> {
    let Some(items) = group.value.items() else {
        fields.wrong_type(group, "a list of labels");
        return None;
    };
    let specifiers = items
        .iter()
        .filter_map(|item| specifier::read(fields, item))
        .collect();
    Some(LabelGroup {
        name: (*group.key).into(),
        specifiers,
    })
}

pub(super) fn auth_context_extensions(fields: &mut Fields<'_, '_>) -> Box<[(Box<str>, Box<str>)]> {
    let extensions = fields.section("auth_context_extensions", |fields| {
        let entries = fields.entries();
        entries
            .iter()
            .filter_map(|entry| {
                let value = fields.text_of(entry)?;
                Some(((*entry.key).into(), value.into()))
            })
            .collect()
    });
    extensions.unwrap_or_default()
}
