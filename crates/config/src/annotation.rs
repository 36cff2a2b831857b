//! The text of one annotation: Ambassador documents, one after the other.
//!
//! Invariant: a document yields a resource, or a diagnostic, or it is not meant for this gateway.
//! Nothing else disappears, and no document can harm another.

use crate::document::Reader;
use crate::object::LIMITS;
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml;
use crate::{Form, Identity, ObjectRef, Origin, Parsed};

/// The annotation of a Service that holds Ambassador documents.
pub const CONFIG_ANNOTATION: &str = "getambassador.io/config";

/// Reads one annotation. Never fails: what cannot be used is in [`Parsed::diagnostics`].
///
/// Documents are divided by lines that begin with `---`. Those whose `ambassador_id` is another
/// gateway's are left out without a word.
pub fn parse_annotation(text: &str, origin: &Origin, identity: &Identity) -> Parsed {
    read(Form::Documents, text, origin, identity)
}

/// Reads documents of either form.
pub(crate) fn read(form: Form, text: &str, origin: &Origin, identity: &Identity) -> Parsed {
    let reader = Reader { identity, form };
    let mut report = Report::new(origin.clone());
    let mut resources = Vec::new();
    if form == Form::Configuration && !is_the_gateways(&origin.object, identity) {
        let gateway = quoted(&identity.namespace);
        report.warning(
            1,
            format!("counts only in the gateway's namespace {gateway}; ignored"),
        );
        return Parsed {
            resources,
            diagnostics: report.finish(),
        };
    }
    if text.len() > LIMITS.bytes {
        report.error(1, format!("longer than {} bytes, not read", LIMITS.bytes));
        return Parsed {
            resources,
            diagnostics: report.finish(),
        };
    }
    let text = yaml::normalised(text);
    for written in yaml::documents(&text) {
        report.enter(written.number);
        match yaml::load(&written, LIMITS) {
            Ok(Some(root)) => resources.extend(reader.read(&root, &mut report)),
            Ok(None) => {}
            Err(broken) => {
                let reason = broken.reason(|line| report.at(line).line);
                report.error(broken.line, reason);
            }
        }
    }
    // Kept for as long as the object is there; most have one document.
    resources.shrink_to_fit();
    Parsed {
        resources,
        diagnostics: report.finish(),
    }
}

fn is_the_gateways(object: &ObjectRef, identity: &Identity) -> bool {
    object.namespace.is_empty() || object.namespace == identity.namespace
}

/// One document of an annotation's text, by its number; with how many lines stand before it.
pub fn nth_document(text: &str, number: u32) -> Option<(u32, Box<str>)> {
    let text = yaml::normalised(text);
    let found = yaml::documents(&text).find(|written| written.number == number)?;
    Some((found.first_line.saturating_sub(1), found.text.into()))
}
