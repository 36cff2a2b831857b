//! A Kubernetes Ingress: one Mapping for each of its paths, and one Host for each of those that it has a
//! certificate for, as Emissary makes them.
//!
//! Invariant: what is wrong with one path harms no other. A Mapping's name tells its rule and path,
//! and never changes while these stay in their places.
//! Deliberately absent: whose class it is; whoever delivers it knows. Named ports: whoever delivers
//! it has put their numbers. A rewrite of one's own: as in Emissary, what a path matched becomes `/`.

use crate::document::Reader;
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::{Node, Style};
use crate::{CONFIG_ANNOTATION, Form, Identity, Labels, Lines, Origin, Parsed, annotation, labels};

mod backend;
mod document;
mod host;
mod mapping;

use backend::Backend;
use mapping::Generated;

/// Reads an Ingress, and the documents that it carries in its annotation.
pub(crate) fn read(
    root: &Node<'_>,
    origin: &Origin,
    identity: &Identity,
    report: &mut Report,
) -> Parsed {
    if root.entries().is_none() {
        let reason = format!("expected keys and values, found {}", root.found());
        report.error(root.line, reason);
        return Parsed::default();
    }
    if !is_ours(root, identity) {
        return Parsed::default();
    }
    let mut resources = Vec::new();
    let reader = Reader {
        identity,
        form: Form::Ingress,
    };
    let labels = labels::read::of_object(root, report);
    let attached = attached(origin);
    report.label(labels.clone());
    for generated in hosts(root, origin, report) {
        report.start_resource();
        let document = generated.document((ATTACHED, &attached));
        resources.extend(reader.read(&document, report));
    }
    if !tls(root).is_empty() {
        report.label(labels.with(ATTACHED, &attached));
    }
    for mut generated in generated(root, origin, report) {
        // With certificates, what says no host is attached to the Ingress' own Hosts alone.
        if tls(root).is_empty() {
            generated = generated.of_any_host();
        }
        report.start_resource();
        resources.extend(reader.read(&generated.document(), report));
    }
    let documents = documents(root, origin, identity, labels);
    let documents = documents.unwrap_or_default();
    resources.extend(documents.resources);
    resources.shrink_to_fit();
    Parsed {
        resources,
        diagnostics: documents.diagnostics,
    }
}

/// The annotation holds one id; without it, the Ingress is the default gateway's.
fn is_ours(root: &Node<'_>, identity: &Identity) -> bool {
    let id = annotation(root, "getambassador.io/ambassador-id").and_then(Node::text);
    let id = id.unwrap_or("default");
    id == &*identity.ambassador_id || id == "_automatic_"
}

fn annotation<'n, 'a>(root: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    root.get("metadata")?.get("annotations")?.get(name)
}

fn documents(
    root: &Node<'_>,
    origin: &Origin,
    identity: &Identity,
    labels: Labels,
) -> Option<Parsed> {
    let value = annotation(root, CONFIG_ANNOTATION)?;
    let scalar = value.scalar()?;
    let line = origin.lines.absolute(value.line);
    let lines = match (&origin.file, scalar.style) {
        (None, _) => Lines::From(1),
        (Some(_), Style::Literal) => Lines::From(line),
        (Some(_), Style::Plain | Style::Quoted) => Lines::At(line),
    };
    let origin = Origin {
        lines,
        labels,
        ..origin.clone()
    };
    Some(annotation::read(
        Form::Documents,
        &scalar.text,
        &origin,
        identity,
    ))
}

/// The label by which an Ingress with certificates attaches its Mappings to its Hosts; its value.
const ATTACHED: &str = "a10r-k8s-ingress";

fn attached(origin: &Origin) -> String {
    let object = &origin.object;
    format!("a10r-ingress-{}-{}", object.name, object.namespace)
}

/// The Hosts, in the order of `tls`.
fn hosts<'n>(root: &'n Node<'n>, origin: &Origin, report: &mut Report) -> Vec<host::Generated<'n>> {
    let mut generated = Vec::new();
    report.start_resource();
    let spec = root.get("spec");
    let items = spec.map_or(&[][..], |spec| items(spec, "tls", report));
    for (number, item) in items.iter().enumerate() {
        report.start_resource();
        let of = format!("{}-{number}", origin.object.name);
        generated.extend(host::Generated::read(&of, item, report));
    }
    report.start_resource();
    generated
}

fn tls<'n>(root: &'n Node<'n>) -> &'n [Node<'n>] {
    let tls = root.get("spec").and_then(|spec| spec.get("tls"));
    tls.and_then(Node::items).unwrap_or_default()
}

/// The Mappings, in the order of rules and paths.
fn generated<'n>(root: &'n Node<'n>, origin: &Origin, report: &mut Report) -> Vec<Generated<'n>> {
    let Some(spec) = root.get("spec") else {
        return Vec::new();
    };
    let object = &origin.object;
    let mut generated = Vec::new();
    if let Some(backend) = spec.get("defaultBackend") {
        let name = format!("{}-default-backend", object.name);
        report.name_resource("Mapping", &name);
        generated.extend(
            Backend::read(backend, "defaultBackend", report)
                .map(|backend| Generated::default_backend(name, backend, object)),
        );
    }
    for (rule_number, rule) in items(spec, "rules", report).iter().enumerate() {
        report.start_resource();
        let paths = rule.get("http").map(|http| items(http, "paths", report));
        for (path_number, path) in paths.unwrap_or_default().iter().enumerate() {
            let name = format!("{}-{rule_number}-{path_number}", object.name);
            report.name_resource("Mapping", &name);
            generated.extend(Generated::read(name, rule, path, (object, report)));
        }
    }
    report.start_resource();
    generated
}

/// The items of the list under a key.
fn items<'n>(node: &'n Node<'n>, key: &str, report: &mut Report) -> &'n [Node<'n>] {
    let Some(list) = node.get(key) else {
        return &[];
    };
    list.items().unwrap_or_else(|| {
        let reason = format!("{}: expected a list, found {}", quoted(key), list.found());
        report.error(list.line, reason);
        &[]
    })
}
