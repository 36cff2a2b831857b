//! Finds the objects that may be ours in the tree of a document.

use std::sync::Arc;

use super::configuration::is_ambassador;
use super::ingress::{Claim, claim, is_class_of_ours};
use super::{Manifest, ManifestObject, Said, secret};
use crate::fields::Fields;
use crate::name::Name;
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::{self, Document, Node, Style, Value};
use crate::{CONFIG_ANNOTATION, Form, Labels, Lines, ObjectRef, labels};

/// Reads the objects of one document.
pub(super) struct Reader<'d, 'r> {
    /// The document, while its root is the object.
    document: Option<Document<'d>>,
    manifest: &'r mut Manifest,
    report: &'r mut Report,
}

impl<'d, 'r> Reader<'d, 'r> {
    pub(super) fn of(
        document: &Document<'d>,
        manifest: &'r mut Manifest,
        report: &'r mut Report,
    ) -> Self {
        Self {
            document: Some(*document),
            manifest,
            report,
        }
    }

    /// Reads an object, or a list of them.
    pub(super) fn read(&mut self, root: &Node<'_>) {
        let Some(entries) = root.entries() else {
            let reason = format!("not a Kubernetes object: found {}", root.found());
            self.report.error(root.line, reason);
            return;
        };
        let mut top = Fields::new(entries, root.line, self.report);
        top.require(&["apiVersion", "kind"]);
        let (version, kind) = (top.text("apiVersion"), top.text("kind"));
        let (Some(version), Some(kind)) = (version, kind) else {
            return;
        };
        match (version, kind) {
            ("v1", "Service") => self.service(root),
            ("v1", "ConfigMap") => self.config_map(root),
            ("v1", "Secret") => self.secret(root),
            ("networking.k8s.io/v1", "Ingress") => self.ingress(root),
            ("networking.k8s.io/v1", "IngressClass") => self.ingress_class(root),
            (_, "Ingress") => self.old_ingress(root, version),
            ("v1", "List") => self.list(root, Self::read),
            // As the Kubernetes API answers a list: the items do not repeat their kind.
            ("v1", "ServiceList") => self.list(root, Self::service),
            ("v1", "SecretList") => self.list(root, Self::secret),
            _ if is_ambassador(version) => self.custom_resource(root, kind),
            _ => {}
        }
    }

    fn list(&mut self, root: &Node<'_>, read: fn(&mut Self, &Node<'_>)) {
        self.document = None;
        for item in items(root, self.report) {
            self.report.forget_object();
            read(self, item);
        }
    }

    fn service(&mut self, root: &Node<'_>) {
        let Some(object) = self.name(root, "Service") else {
            return;
        };
        let said = annotation(root, self.report);
        let labels = match said {
            Some(_) => labels::read::of_object(root, self.report),
            None => Labels::default(),
        };
        self.manifest.objects.push(ManifestObject {
            object,
            line: root.line,
            said,
            ingress_class: None,
            labels,
        });
    }

    fn secret(&mut self, root: &Node<'_>) {
        let secret = secret::read(root, self.report);
        self.manifest.secrets.extend(secret);
    }

    fn custom_resource(&mut self, root: &Node<'_>, kind: &str) {
        let kind = match kind.parse::<Name>() {
            Ok(kind) => kind.into_text(),
            Err(why) => {
                self.report.error(root.line, format!("`kind` {why}"));
                return;
            }
        };
        if let Some(object) = self.name(root, &kind) {
            let said = self.whole(Form::CustomResource, root);
            self.push(object, root.line, Some(said));
        }
    }

    fn ingress(&mut self, root: &Node<'_>) {
        let class = match claim(root) {
            Claim::Ours => None,
            Claim::OfClass(class) => Some(class),
            Claim::Others => return,
        };
        if let Some(object) = self.name(root, "Ingress") {
            let said = self.whole(Form::Ingress, root);
            self.manifest.objects.push(ManifestObject {
                object,
                line: root.line,
                said: Some(said),
                ingress_class: class,
                labels: Labels::default(),
            });
        }
    }

    /// Kubernetes 1.22 took the versions before away.
    fn old_ingress(&mut self, root: &Node<'_>, version: &str) {
        let old = ["extensions/v1beta1", "networking.k8s.io/v1beta1"];
        if !old.contains(&version) || claim(root) != Claim::Ours {
            return;
        }
        if self.name(root, "Ingress").is_some() {
            let reason = format!("apiVersion {version} is not read; networking.k8s.io/v1 is");
            self.report.warning(root.line, reason);
        }
    }

    fn ingress_class(&mut self, root: &Node<'_>) {
        if is_class_of_ours(root)
            && let Some(object) = self.name(root, "IngressClass")
        {
            self.manifest.ingress_classes.push(object.name.clone());
        }
    }

    /// Each key of Ambassador's own ConfigMap is a file of its configuration.
    fn config_map(&mut self, root: &Node<'_>) {
        let name = root.get("metadata").and_then(|it| it.get("name")?.text());
        if name != Some("ambassador-config") {
            return;
        }
        let (Some(map), Some(data)) = (self.name(root, "ConfigMap"), root.get("data")) else {
            return;
        };
        for entry in data.entries().unwrap_or_default() {
            if let Err(why) = entry.key.parse::<Name>() {
                self.report.name_object(&map);
                let reason = format!("the key {} {why}", quoted(&entry.key));
                self.report.error(entry.line, reason);
                continue;
            }
            let object = Arc::new(ObjectRef {
                name: format!("{}/{}", map.name, entry.key).into(),
                ..(*map).clone()
            });
            self.report.name_object(&object);
            match said(Form::Configuration, &entry.value) {
                Some(said) => self.push(object, entry.line, Some(said)),
                None => {
                    let reason = format!("expected text, found {}", entry.value.found());
                    self.report.error(entry.line, reason);
                }
            }
        }
    }

    fn push(&mut self, object: Arc<ObjectRef>, line: u32, said: Option<Said>) {
        self.manifest.objects.push(ManifestObject {
            object,
            line,
            said,
            ingress_class: None,
            labels: Labels::default(),
        });
    }

    fn name(&mut self, root: &Node<'_>, kind: &str) -> Option<Arc<ObjectRef>> {
        let object = Arc::new(name(root, kind, self.report)?);
        self.report.name_object(&object);
        Some(object)
    }

    /// The text of an object: its document, or its part of one.
    fn whole(&self, form: Form, root: &Node<'_>) -> Said {
        let (text, first_line) = match &self.document {
            Some(document) => (document.text.into(), document.first_line),
            None => (yaml::written(root, root.line).into(), root.line),
        };
        Said {
            form,
            text,
            lines: Lines::From(first_line),
        }
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

/// Without a namespace, Kubernetes' tools take `default`.
pub(super) fn name(root: &Node<'_>, kind: &str, report: &mut Report) -> Option<ObjectRef> {
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

fn annotation(root: &Node<'_>, report: &mut Report) -> Option<Said> {
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
    said(Form::Documents, &entry.value)
}

/// The text of a scalar that holds documents.
fn said(form: Form, value: &Node<'_>) -> Option<Said> {
    let scalar = value.scalar()?;
    let lines = match scalar.style {
        Style::Literal => Lines::From(value.line),
        Style::Plain | Style::Quoted => Lines::At(value.line),
    };
    Some(Said {
        form,
        text: scalar.text.as_ref().into(),
        lines,
    })
}
