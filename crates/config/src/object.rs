//! The forms in which objects carry configuration.
//!
//! Invariant: whatever the form, what is written in it is read by the same readers.
//! Deliberately absent: which objects are ours; whoever delivers them knows.

use crate::document::Reader;
use crate::report::Report;
use crate::yaml::{self, Limits, Node};
use crate::{Identity, Lines, Origin, Parsed, annotation, ingress};

/// What the text of an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// Ambassador documents in an annotation.
    Documents,
    /// Ambassador documents in a file of its configuration directory, or under a key of its
    /// ConfigMap: by whoever runs the gateway. Another namespace's count for nothing.
    Configuration,
    /// A custom resource of `getambassador.io`, as YAML or JSON.
    CustomResource,
    /// A Kubernetes Ingress of `networking.k8s.io/v1`, as YAML or JSON, with its annotations. Ports
    /// are numbers.
    Ingress,
}

/// Reads what an object says, in the form it says it. Never fails.
///
/// An object that is a custom resource or an Ingress is one document, of number 0. Without a file its
/// lines mean nothing and are 0; what an annotation of an Ingress says has lines of its own.
pub fn parse(form: Form, text: &str, origin: &Origin, identity: &Identity) -> Parsed {
    match form {
        Form::Documents | Form::Configuration => annotation::read(form, text, origin, identity),
        Form::CustomResource => whole(text, origin, |root, report| {
            let reader = Reader { identity, form };
            Parsed::of(reader.read(root, report))
        }),
        Form::Ingress => whole(text, origin, |root, report| {
            ingress::read(root, origin, identity, report)
        }),
    }
}

/// Reads a text that is one object.
fn whole(
    text: &str,
    origin: &Origin,
    read: impl FnOnce(&Node<'_>, &mut Report) -> Parsed,
) -> Parsed {
    let lines = match origin.file {
        Some(_) => origin.lines,
        None => Lines::At(0),
    };
    let mut report = Report::new(Origin {
        lines,
        ..origin.clone()
    });
    let mut parsed = Parsed::default();
    if text.len() > LIMITS.bytes {
        report.error(1, format!("longer than {} bytes, not read", LIMITS.bytes));
    } else {
        let text = yaml::normalised(text);
        let mut documents = yaml::documents(&text);
        match documents.next().map(|only| yaml::load(&only, LIMITS)) {
            Some(Ok(Some(root))) => parsed = read(&root, &mut report),
            Some(Err(broken)) => {
                let reason = broken.reason(|line| report.at(line).line);
                report.error(broken.line, reason);
            }
            Some(Ok(None)) | None => report.error(1, "there is no object"),
        }
        if let Some(second) = documents.next() {
            report.error(
                second.first_line,
                "there is a second object, which is not read",
            );
        }
    }
    parsed.diagnostics.splice(..0, report.finish());
    parsed
}

/// etcd accepts requests of up to 1.5 MiB, so no object of a cluster is larger.
pub(crate) const LIMITS: Limits = Limits {
    nodes: 100_000,
    bytes: 3 * 512 * 1024,
};
