//! v0 `rate_limits`, as Ambassador 0.50 to 1.14 translates them.

use super::specifier::header_name;
use crate::fields::Fields;
use crate::mapping::{DomainLabels, LabelGroup, LabelSpecifier};
use crate::quote::quoted;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<DomainLabels> {
    let mut number = 0;
    let groups = fields.list("rate_limits", |fields| {
        let name = format!("v0_ratelimit_{number:02}").into();
        number += 1;
        Some(LabelGroup {
            name,
            specifiers: specifiers(fields)?,
        })
    })?;
    (!groups.is_empty()).then(|| DomainLabels {
        domain: "ambassador".into(),
        groups,
    })
}

fn specifiers(fields: &mut Fields<'_, '_>) -> Option<Box<[LabelSpecifier]>> {
    fields.review(&["descriptor", "headers"]);
    let mut specifiers = vec![
        LabelSpecifier::SourceCluster {
            key: "source_cluster".into(),
        },
        LabelSpecifier::DestinationCluster {
            key: "destination_cluster".into(),
        },
        LabelSpecifier::RemoteAddress {
            key: "remote_address".into(),
        },
    ];
    if let Some(descriptor) = fields.text("descriptor") {
        specifiers.push(LabelSpecifier::GenericKey {
            key: None,
            value: descriptor.into(),
        });
    }
    for header in fields.texts("headers").unwrap_or_default() {
        match header_name(header.text) {
            Ok(header_name) => specifiers.push(LabelSpecifier::RequestHeader {
                key: header.text.into(),
                header_name,
                omit_if_not_present: true,
            }),
            Err(why) => {
                let reason = format!("{}: {} {why}", fields.name("headers"), quoted(header.text));
                fields.error(header.line, reason);
            }
        }
    }
    Some(specifiers.into())
}
