//! The forms in which objects carry configuration.
//!
//! Invariant: whatever the form, what is written in it is read by the same readers.
//! Deliberately absent: which objects are ours; whoever delivers them knows.

use crate::{Identity, Origin, Parsed, parse_annotation};

/// What the text of an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Form {
    /// Ambassador documents: an annotation, or a file of its configuration directory.
    Documents,
    /// A custom resource of `getambassador.io`, as YAML or JSON.
    CustomResource,
    /// A Kubernetes Ingress of `networking.k8s.io/v1`, as YAML or JSON. Ports are numbers.
    Ingress,
}

/// Reads what an object says, in the form it says it. Never fails.
pub fn parse(form: Form, text: &str, origin: &Origin, identity: &Identity) -> Parsed {
    match form {
        Form::Documents | Form::CustomResource | Form::Ingress => {
            parse_annotation(text, origin, identity)
        }
    }
}
