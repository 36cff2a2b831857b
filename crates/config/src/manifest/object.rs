//! Finds Services in the tree of a document.

use std::sync::Arc;

use super::{Annotation, ManifestObject};
use crate::fields::Fields;
use crate::name::Name;
use crate::report::Report;
use crate::yaml::{Node, Style, Value};
use crate::{CONFIG_ANNOTATION, Lines, ObjectRef};

/// Reads a document: an object, or a list of them.
pub(super) fn read(root: &Node<'_>, objects: &mut Vec<ManifestObject>, report: &mut Report) {
    let Some(entries) = root.entries() else {
        report.error(
            root.line,
            format!("not a Kubernetes object: found {}", root.found()),
        );
        return;
    };
    let mut top = Fields::new(entries, root.line, report);
    top.require(&["apiVersion", "kind"]);
    let (version, kind) = (top.text("apiVersion"), top.text("kind"));
    let (Some(version), Some(kind)) = (version, kind) else {
        return;
    };
    match (version, kind) {
        ("v1", "Service") => objects.extend(service(root, report)),
        ("v1", "List") => {
            for item in items(root, report) {
                report.forget_object();
                read(item, objects, report);
            }
        }
        // As the Kubernetes API answers a list: the items do not repeat their kind.
        ("v1", "ServiceList") => {
            for item in items(root, report) {
                report.forget_object();
                objects.extend(service(item, report));
            }
        }
        _ if is_ambassador(version) => warn_of_resource(root, kind, report),
        _ => {}
    }
}

fn items<'n>(list: &'n Node<'n>, report: &mut Report) -> &'n [Node<'n>] {
    match list.get("items").map(|items| (&items.value, items.line)) {
        None => &[],
        Some((Value::Sequence(items), _)) => items,
        Some((Value::Scalar(_) | Value::Mapping(_), line)) => {
            report.error(line, "`items`: expected a list");
            &[]
        }
    }
}

fn service(root: &Node<'_>, report: &mut Report) -> Option<ManifestObject> {
    let object = Arc::new(name(root, "Service", report)?);
    report.name_object(&object);
    let annotation = annotation(root, report);
    Some(ManifestObject {
        object,
        line: root.line,
        annotation,
    })
}

/// Without a namespace, Kubernetes' tools take `default`.
fn name(root: &Node<'_>, kind: &str, report: &mut Report) -> Option<ObjectRef> {
    let metadata = root.get("metadata");
    let line = metadata.map_or(root.line, |metadata| metadata.line);
    let Some(metadata) = metadata.and_then(Node::entries) else {
        report.error(line, format!("{kind} without metadata: need metadata.name"));
        return None;
    };
    let mut metadata = Fields::new(metadata, line, report);
    if metadata.entry("name").is_none() {
        metadata.error(line, format!("{kind} without a name: need metadata.name"));
    }
    let named = metadata.entry("namespace").is_some();
    let namespace = metadata.parsed::<Name>("namespace");
    let name = metadata.parsed::<Name>("name")?;
    let namespace = match namespace {
        Some(namespace) => namespace.into_text(),
        None if named => return None,
        None => "default".into(),
    };
    Some(ObjectRef {
        kind: kind.into(),
        namespace,
        name: name.into_text(),
    })
}

fn annotation(root: &Node<'_>, report: &mut Report) -> Option<Annotation> {
    let annotations = root.get("metadata")?.get("annotations")?;
    let Some(entries) = annotations.entries() else {
        report.error(
            annotations.line,
            "`annotations`: expected a mapping of names to texts",
        );
        return None;
    };
    let mut fields = Fields::new(entries, annotations.line, report);
    let entry = fields.entry(CONFIG_ANNOTATION)?;
    if entry.value.scalar().is_none() {
        fields.wrong_type(entry, "text (is the `|` after the key missing?)");
        return None;
    }
    if entry.value.is_plain_non_text() {
        fields.wrong_type(entry, "text");
        return None;
    }
    let scalar = entry.value.scalar()?;
    let lines = match scalar.style {
        Style::Literal => Lines::From(entry.value.line),
        Style::Plain | Style::Quoted => Lines::At(entry.value.line),
    };
    Some(Annotation {
        text: scalar.text.as_ref().into(),
        lines,
    })
}

fn is_ambassador(version: &str) -> bool {
    let group = version.split('/').next().unwrap_or_default();
    matches!(
        group,
        "getambassador.io" | "x.getambassador.io" | "ambassador"
    )
}

/// Custom resources are yet to come: this is the place where they will be read.
fn warn_of_resource(root: &Node<'_>, kind: &str, report: &mut Report) {
    let text = |node: Option<&Node<'_>>, key| {
        node?
            .get(key)?
            .text()?
            .parse()
            .ok()
            .map(|name: Name| name.into_text())
    };
    let metadata = root.get("metadata").or(Some(root));
    let kind = kind.parse().ok().map(|kind: Name| kind.into_text());
    if let (Some(kind), Some(name)) = (kind, text(metadata, "name")) {
        let namespace = text(metadata, "namespace").unwrap_or_else(|| "default".into());
        report.name_object(&Arc::new(ObjectRef {
            kind,
            namespace,
            name,
        }));
    }
    report.warning(
        root.line,
        "getambassador.io objects in manifests are not read yet; put the document in a Service's \
         annotation",
    );
}
