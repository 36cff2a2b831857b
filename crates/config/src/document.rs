//! One Ambassador document: what it says about itself, before anybody looks at what it wants.
//!
//! Invariant: a resource has a kind we understand, a name and a namespace, and is meant for this
//! gateway.

mod kind;

use crate::fields::Fields;
use crate::mapping::keys;
use crate::mapping::read::breakers;
use crate::name::Name;
use crate::quote::quoted;
use crate::report::Report;
use crate::tenancy::Tenancy;
use crate::yaml::{self, Entry, Node, Value};
use crate::{
    Form, Identity, Kind, Labels, Resource, host, labels, listener, mapping, module, tcp_mapping,
    tls_context, tracing,
};

pub(crate) use kind::DocumentKind;
use kind::{Understood, label};

/// How documents are read: for whom, and in which form they come.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'i> {
    pub(crate) identity: &'i Identity,
    pub(crate) form: Form,
}

impl Reader<'_> {
    /// Reads a document. Both the collapsed form of annotations and that of custom resources
    /// (`metadata` and `spec`) are understood.
    pub(crate) fn read(&self, root: &Node<'_>, report: &mut Report) -> Option<Resource> {
        let Some(entries) = root.entries() else {
            report.error(
                root.line,
                format!("expected keys and values, found {}", root.found()),
            );
            return None;
        };
        let sections = match self.form {
            Form::CustomResource => Sections::of_custom_resource(root, entries, report)?,
            Form::Documents | Form::Configuration | Form::Ingress => Sections::of(root, entries),
        };
        if !is_ours(&sections, root.line, self.identity, report) {
            return None;
        }
        let head = Head::read(&sections, root.line, report)?;
        let tenancy = Tenancy::of(&report.at(root.line).object, self.form, self.identity);
        tenancy.review_head(&head, report);
        if report.errors() > 0 {
            return None;
        }
        let understood = head.kind.understood(report)?;
        sections.warn_of_strays(report);
        let labels = match understood.is_selected() {
            true => self.labels(&sections, report)?,
            false => Labels::default(),
        };
        let kind = {
            let mut fields = Fields::new(sections.body, root.line, report);
            read_kind(understood, &tenancy, &mut fields)?
        };
        let namespace = match (head.namespace, self.form) {
            (Some((namespace, _)), Form::Documents | Form::Configuration | Form::Ingress) => {
                namespace
            }
            (None, _) | (Some(_), Form::CustomResource) => tenancy.home().into(),
        };
        Some(Resource {
            name: head.name,
            namespace,
            labels,
            at: report.at(root.line),
            kind,
        })
    }

    /// Those that the document says itself, else those of the object that carries it; `None` after an
    /// error.
    fn labels(&self, sections: &Sections<'_, '_>, report: &mut Report) -> Option<Labels> {
        let (own, key) = match sections.has_metadata() {
            true => (sections.metadata, "labels"),
            // `labels` of a Mapping are for rate limits.
            false => (sections.top, "metadata_labels"),
        };
        if yaml::find(own, key).is_none() {
            return Some(match self.form {
                Form::CustomResource => Labels::default(),
                Form::Documents | Form::Configuration | Form::Ingress => report.labels().clone(),
            });
        }
        let written = labels::read::pairs(&mut Fields::new(own, 0, report), key)?;
        Some(written.into_iter().collect())
    }
}

fn read_kind(
    understood: Understood,
    tenancy: &Tenancy<'_>,
    fields: &mut Fields<'_, '_>,
) -> Option<Kind> {
    let kind = match understood {
        Understood::Mapping => {
            let mapping = mapping::read::read(fields)?;
            tenancy.review_mapping(&mapping, fields);
            Kind::Mapping(Box::new(mapping))
        }
        Understood::Module => Kind::Module(Box::new(module::read(fields)?)),
        Understood::CircuitBreaker => Kind::CircuitBreaker(breakers::circuit_breaker(fields)?),
        Understood::OutlierDetection => {
            Kind::OutlierDetection(breakers::outlier_detection(fields)?)
        }
        Understood::Resolver(resolver) => {
            keys::review_kind(fields, &[]);
            Kind::Resolver(resolver)
        }
        Understood::TracingService => Kind::TracingService(Box::new(tracing::read(fields)?)),
        Understood::TlsContext => {
            let context = tls_context::read::context(fields)?;
            tenancy.review_tls(&context, fields);
            Kind::TlsContext(Box::new(context))
        }
        Understood::TlsModule => Kind::TlsModule(Box::new(tls_context::read::module(fields)?)),
        Understood::Host => {
            let host = host::read(fields)?;
            tenancy.review_host(&host, fields);
            Kind::Host(Box::new(host))
        }
        Understood::Listener => Kind::Listener(Box::new(listener::read(fields)?)),
        Understood::TcpMapping => Kind::TcpMapping(Box::new(tcp_mapping::read(fields)?)),
    };
    // A Module is live without the keys that had an error.
    (matches!(kind, Kind::Module(_)) || !fields.failed()).then_some(kind)
}

/// Whether a key says what a document is rather than what it wants.
pub(crate) fn is_envelope(key: &str) -> bool {
    matches!(
        key,
        "apiVersion"
            | "kind"
            | "name"
            | "namespace"
            | "ambassador_id"
            | "ambassadorId"
            | "generation"
            | "metadata_labels"
    )
}

/// The parts of a document: all one mapping, unless it is written as a custom resource.
struct Sections<'n, 'a> {
    top: &'n [Entry<'a>],
    metadata: &'n [Entry<'a>],
    body: &'n [Entry<'a>],
}

impl<'n, 'a> Sections<'n, 'a> {
    fn of(root: &'n Node<'a>, top: &'n [Entry<'a>]) -> Self {
        let section = |key| root.get(key).and_then(Node::entries).unwrap_or(top);
        Self {
            top,
            metadata: section("metadata"),
            body: section("spec"),
        }
    }

    /// A custom resource has no other form; without a `spec` it says nothing.
    fn of_custom_resource(
        root: &'n Node<'a>,
        top: &'n [Entry<'a>],
        report: &mut Report,
    ) -> Option<Self> {
        let mut section = |key| match root.get(key) {
            None => Some(&[][..]),
            Some(node) => node.entries().or_else(|| {
                let reason = format!("`{key}`: expected a mapping, found {}", node.found());
                report.error(node.line, reason);
                None
            }),
        };
        Some(Self {
            top,
            metadata: section("metadata")?,
            body: section("spec")?,
        })
    }

    fn has_metadata(&self) -> bool {
        !std::ptr::eq(self.metadata, self.top)
    }

    /// What stands beside `metadata` and `spec` belongs into one of them and says nothing there.
    fn warn_of_strays(&self, report: &mut Report) {
        if std::ptr::eq(self.body, self.top) {
            return;
        }
        for Entry { key, line, .. } in self.top {
            let stands = match &**key {
                "apiVersion" | "kind" | "metadata" | "spec" | "status" => true,
                "name" | "namespace" => !self.has_metadata(),
                _ => false,
            };
            if !stands {
                let reason = format!("{} has no effect beside `spec`", quoted(key));
                report.warning(*line, reason);
            }
        }
        for Entry { key, line, .. } in self.body {
            if is_envelope(key) && !matches!(&**key, "ambassador_id" | "ambassadorId") {
                report.warning(*line, format!("{} has no effect in `spec`", quoted(key)));
            }
        }
    }

    fn kind(&self) -> Option<&'n str> {
        yaml::find(self.top, "kind").and_then(|entry| entry.value.text())
    }

    /// What every document must have, in the words of Ambassador.
    fn missing(&self) -> Vec<&'static str> {
        [
            ("apiVersion", self.top),
            ("kind", self.top),
            ("name", self.metadata),
        ]
        .into_iter()
        .filter(|(key, section)| yaml::find(section, key).is_none())
        .map(|(key, _)| key)
        .collect()
    }
}

/// Emissary takes a document when any of its ids is ours or `_automatic_`.
fn is_ours(
    sections: &Sections<'_, '_>,
    line: u32,
    identity: &Identity,
    report: &mut Report,
) -> bool {
    let mut fields = Fields::new(sections.body, line, report);
    let written = fields
        .entry("ambassador_id")
        .or_else(|| fields.entry("ambassadorId"));
    let Some(entry) = written else {
        return &*identity.ambassador_id == "default";
    };
    let ids: Option<Vec<&str>> = match &entry.value.value {
        Value::Sequence(items) => items.iter().map(Node::text).collect(),
        Value::Scalar(_) | Value::Mapping(_) => entry.value.text().map(|id| vec![id]),
    };
    let Some(ids) = ids else {
        fields.wrong_type(entry, "text or a list of texts");
        return false;
    };
    // An empty list is none, as in Emissary.
    if ids.is_empty() {
        return &*identity.ambassador_id == "default";
    }
    ids.iter()
        .any(|&id| id == &*identity.ambassador_id || id == "_automatic_")
}

/// What a document says about itself.
pub(crate) struct Head<'n> {
    pub(crate) kind: DocumentKind<'n>,
    name: Box<str>,
    /// With the line it stands in.
    pub(crate) namespace: Option<(Box<str>, u32)>,
}

impl<'n> Head<'n> {
    fn read(sections: &Sections<'n, '_>, line: u32, report: &mut Report) -> Option<Self> {
        // Written by Ambassador 0.21 itself, in front of the documents of each Service.
        if sections.kind() == Some("Pragma") {
            return None;
        }
        let mut metadata = Fields::new(sections.metadata, line, report);
        metadata.missing(&sections.missing());
        let namespace = metadata.parsed::<Name>("namespace").map(Name::into_text);
        let namespace = namespace.map(|namespace| (namespace, metadata.line_of("namespace")));
        let name = metadata.parsed::<Name>("name");
        if let (Some(kind), Some(name)) = (sections.kind(), &name) {
            report.name_resource(label(kind), name.as_str());
        }
        let mut top = Fields::new(sections.top, line, report);
        check_api_version(&mut top);
        let (kind, kind_line) = (top.text("kind"), top.line_of("kind"));
        if top.failed() {
            return None;
        }
        let name = name?.into_text();
        let kind = DocumentKind::of(kind?, &name, kind_line);
        Some(Self {
            kind,
            name,
            namespace,
        })
    }
}

/// Ambassador 0.21 took any `ambassador/…`, so manifests with odd versions work and go on working.
fn check_api_version(top: &mut Fields<'_, '_>) {
    let Some(version) = top.text("apiVersion") else {
        return;
    };
    let line = top.line_of("apiVersion");
    match version {
        "ambassador/v0"
        | "ambassador/v1"
        | "ambassador/v2"
        | "ambassador/v3alpha1"
        | "getambassador.io/v1"
        | "getambassador.io/v2"
        | "getambassador.io/v3alpha1"
        | "x.getambassador.io/v3alpha1" => {}
        _ if version.starts_with("ambassador/") => top.warning(
            line,
            format!(
                "apiVersion {} is unknown; read like ambassador/v1",
                quoted(version)
            ),
        ),
        _ => top.error(
            line,
            format!("apiVersion {} is not supported", quoted(version)),
        ),
    }
}
