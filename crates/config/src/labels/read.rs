//! Reads labels, and selectors of labels.

use super::{Labels, Selector};
use crate::fields::Fields;
use crate::mapping::keys;
use crate::report::Report;
use crate::yaml::Node;

/// Keys and their texts in the mapping under a key; `None` after an error.
pub(crate) fn pairs(fields: &mut Fields<'_, '_>, key: &str) -> Option<Vec<(Box<str>, Box<str>)>> {
    fields.section(key, |fields| {
        let mut pairs = Vec::new();
        for entry in fields.entries() {
            if entry.value.is_null() {
                continue;
            }
            let value = fields.text_of(entry);
            pairs.extend(value.map(|value| (entry.key.as_ref().into(), value.into())));
        }
        pairs
    })
}

/// `metadata.labels` of an object of Kubernetes. Labels that are none harm nothing but themselves.
pub(crate) fn of_object(root: &Node<'_>, report: &mut Report) -> Labels {
    let metadata = root.get("metadata");
    let entries = metadata.and_then(Node::entries).unwrap_or_default();
    let mut fields = Fields::new(entries, root.line, report);
    let written = pairs(&mut fields, "labels");
    written.unwrap_or_default().into_iter().collect()
}

/// What becomes of `matchExpressions`, which Emissary does not evaluate.
#[derive(Clone, Copy)]
pub(crate) enum Expressions {
    /// They select nothing less, and are told of.
    Ignored,
    /// They are an error.
    Refused,
}

/// A selector under a key.
pub(crate) fn selector(
    fields: &mut Fields<'_, '_>,
    key: &str,
    expressions: Expressions,
) -> Option<Selector> {
    fields.section(key, |fields| {
        fields.review(&["matchLabels", "matchExpressions"]);
        let written = fields.entry("matchExpressions");
        if let Some(entry) = written.filter(|entry| !keys::is_inert(&entry.value)) {
            let name = fields.name("matchExpressions");
            match expressions {
                Expressions::Ignored => {
                    let reason = format!("{name} has no effect: only `matchLabels` selects");
                    fields.warning(entry.line, reason);
                }
                Expressions::Refused => {
                    let reason = format!("{name} is not supported: only `matchLabels` selects");
                    fields.error(entry.line, reason);
                }
            }
        }
        let labels = pairs(fields, "matchLabels").unwrap_or_default();
        labels.into_iter().collect()
    })
}
