//! One Ambassador document: what it says about itself, before anybody looks at what it wants.
//!
//! Invariant: a resource has a kind we understand, a name and a namespace, and is meant for this
//! gateway.

use crate::fields::Fields;
use crate::mapping::keys;
use crate::mapping::read::breakers;
use crate::name::Name;
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::{self, Entry, Node, Value};
use crate::{Identity, Kind, Resolver, Resource, mapping, module};

/// Reads a document. Both the collapsed form of annotations and that of custom resources
/// (`metadata` and `spec`) are understood.
pub(crate) fn read(root: &Node<'_>, identity: &Identity, report: &mut Report) -> Option<Resource> {
    let Some(entries) = root.entries() else {
        report.error(
            root.line,
            format!("expected keys and values, found {}", root.found()),
        );
        return None;
    };
    let sections = Sections::of(root, entries);
    if !is_ours(&sections, root.line, identity, report) {
        return None;
    }
    let head = Head::read(&sections, root.line, report)?;
    sections.warn_of_strays(report);
    let mut fields = Fields::new(sections.body, root.line, report);
    let kind = match head.kind {
        Understood::Mapping => Kind::Mapping(Box::new(mapping::read::read(&mut fields)?)),
        Understood::Module => Kind::Module(Box::new(module::read(&mut fields)?)),
        Understood::CircuitBreaker => Kind::CircuitBreaker(breakers::circuit_breaker(&mut fields)?),
        Understood::OutlierDetection => {
            Kind::OutlierDetection(breakers::outlier_detection(&mut fields)?)
        }
        Understood::Resolver(resolver) => {
            keys::review_kind(&mut fields, &[]);
            Kind::Resolver(resolver)
        }
    };
    let at = report.at(root.line);
    let namespace = head
        .namespace
        .unwrap_or_else(|| at.object.namespace.clone());
    Some(Resource {
        name: head.name,
        namespace,
        at,
        kind,
    })
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

    /// What stands beside `metadata` and `spec` belongs into one of them and says nothing there.
    fn warn_of_strays(&self, report: &mut Report) {
        if std::ptr::eq(self.body, self.top) {
            return;
        }
        let has_metadata = !std::ptr::eq(self.metadata, self.top);
        for Entry { key, line, .. } in self.top {
            let stands = match &**key {
                "apiVersion" | "kind" | "metadata" | "spec" | "status" => true,
                "name" | "namespace" => !has_metadata,
                _ => false,
            };
            if !stands {
                let reason = format!("{} has no effect beside `spec`", quoted(key));
                report.warning(*line, reason);
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
    ids.iter()
        .any(|&id| id == &*identity.ambassador_id || id == "_automatic_")
}

/// What a document says about itself.
struct Head {
    kind: Understood,
    name: Box<str>,
    namespace: Option<Box<str>>,
}

/// The kinds that become resources.
#[derive(Clone, Copy)]
enum Understood {
    Mapping,
    Module,
    CircuitBreaker,
    OutlierDetection,
    Resolver(Resolver),
}

impl Head {
    fn read(sections: &Sections<'_, '_>, line: u32, report: &mut Report) -> Option<Self> {
        // Written by Ambassador 0.21 itself, in front of the documents of each Service.
        if sections.kind() == Some("Pragma") {
            return None;
        }
        let mut metadata = Fields::new(sections.metadata, line, report);
        metadata.missing(&sections.missing());
        let namespace = metadata.parsed::<Name>("namespace").map(Name::into_text);
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
        let kind = understood(kind?, &name, kind_line, report)?;
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

fn understood(kind: &str, name: &str, line: u32, report: &mut Report) -> Option<Understood> {
    match (kind, name) {
        ("Mapping", _) => return Some(Understood::Mapping),
        ("Module", "ambassador") => return Some(Understood::Module),
        ("CircuitBreaker", _) => return Some(Understood::CircuitBreaker),
        ("OutlierDetection", _) => return Some(Understood::OutlierDetection),
        ("KubernetesServiceResolver", _) => return Some(Understood::Resolver(Resolver::Service)),
        ("KubernetesEndpointResolver", _) => return Some(Understood::Resolver(Resolver::Endpoint)),
        ("Module", _) => {
            report.warning(
                line,
                format!("Module {} is not supported yet; ignored", quoted(name)),
            );
        }
        ("ConsulResolver", _) => {
            let reason = "kind ConsulResolver is not supported: Consul is not asked for endpoints; \
                          ignored";
            report.warning(line, reason);
        }
        _ if NOT_YET.contains(&kind) => {
            report.warning(line, format!("kind {kind} is not supported yet; ignored"));
        }
        _ => report.warning(line, format!("kind {} is unknown; ignored", quoted(kind))),
    }
    None
}

/// How a kind is named in front of a resource's name; text of users is not repeated there.
fn label(kind: &str) -> &str {
    let known = matches!(
        kind,
        "Mapping"
            | "Module"
            | "CircuitBreaker"
            | "OutlierDetection"
            | "KubernetesServiceResolver"
            | "KubernetesEndpointResolver"
    ) || NOT_YET.contains(&kind);
    if known { kind } else { "resource" }
}

/// Kinds of Ambassador and Emissary that are yet to be built.
const NOT_YET: [&str; 11] = [
    "AuthService",
    "ConsulResolver",
    "DevPortal",
    "Features",
    "Host",
    "Listener",
    "LogService",
    "RateLimitService",
    "TCPMapping",
    "TLSContext",
    "TracingService",
];
