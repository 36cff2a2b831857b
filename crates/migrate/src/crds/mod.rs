//! Documents of any version as custom resources of `getambassador.io/v3alpha1`.
//!
//! Invariant: compiling what is written gives the routes that compiling what was read gives. A key that
//! is not carried over stands in the report.
//! Deliberately absent: documents that are not live, but those of kinds that Emissary has and this
//! gateway has not. They are left out, and the report has them.

mod changed;
mod document;
mod labels;
mod mapping;
mod matching;
mod others;
mod shape;

use std::collections::{BTreeMap, BTreeSet};

use nuncio_config::{Form, Kind};

use crate::account::Verdict;
use crate::manifest::What;
use crate::remark::{Remark, Weight};
use crate::survey::{Entry, Survey};
use crate::written::{Head, Names, Object};
pub use changed::CHANGED_KEYS;
use document::Document;

/// Version of everything that is written.
const VERSION: &str = "getambassador.io/v3alpha1";

/// What a document needs to know of others.
#[derive(Debug, Default)]
struct Context {
    /// Documents that other documents name, by kind and name: what they are called now.
    renamed: BTreeMap<(String, String), String>,
    /// `circuit_breakers` in the place of what v0 has by name.
    breakers: BTreeMap<String, crate::yaml::Yaml>,
    /// Whether short names of services mean the namespace of whoever says them.
    qualifies: bool,
    /// The gateway's.
    namespace: String,
}

/// Writes all that can be written.
pub(crate) fn write(survey: &mut Survey) -> Vec<Object> {
    let mut names = Names::default();
    let mut context = context(survey);
    let mut named = Vec::new();
    for (index, entry) in survey.entries.iter_mut().enumerate() {
        let Some(name) = name(entry, &mut names) else {
            continue;
        };
        if let Some(document) = Document::of(entry) {
            let place = (document.kind.clone(), document.name.clone());
            context.renamed.entry(place).or_insert_with(|| name.clone());
        }
        named.push((index, name));
    }
    let mut written = Vec::new();
    for (index, name) in named {
        if let Some(entry) = survey.entries.get_mut(index) {
            written.extend(convert(entry, &name, &context));
        }
    }
    for entry in &survey.entries {
        written.extend(entry.objects.iter().cloned());
    }
    written
}

/// The name of what is written for an entry, if anything is; another one than before is told.
fn name(entry: &mut Entry, names: &mut Names) -> Option<String> {
    for object in &entry.objects {
        names.take(&object.kind, &object.namespace, &object.name);
    }
    let document = Document::of(entry)?;
    let is_kept = is_kept(entry, &document.kind);
    let account = &mut entry.unit.account;
    let line = account.line;
    if let Err(reason) = is_kept {
        if account.verdict != Verdict::NotOurs {
            account
                .remarks
                .push(Remark::whole(Weight::Note, line, reason));
        }
        return None;
    }
    let name = names.take(&document.kind, &document.namespace, &document.name);
    if name != document.name {
        let reason = format!("written as {name}: the name is taken, or none of Kubernetes'");
        account.add(Remark::on(Weight::Note, line, "name", reason));
    }
    Some(name)
}

/// Whether a document is written, and if not, why.
fn is_kept(entry: &Entry, kind: &str) -> Result<(), &'static str> {
    let of_v0 = ["CircuitBreaker", "OutlierDetection"];
    if of_v0.contains(&kind) {
        return Err(
            "not written: v3alpha1 has no such kind; Mappings that name it say it themselves",
        );
    }
    let ours = others::NOT_OURS.contains(&kind) && entry.unit.account.verdict == Verdict::Ignored;
    match entry.unit.account.is_dead() && !ours {
        true => Err("not written, as it is not live"),
        false => Ok(()),
    }
}

fn convert(entry: &mut Entry, name: &str, context: &Context) -> Option<Object> {
    let document = Document::of(entry)?;
    let (spec, remarks) = match document.kind.as_str() {
        "Mapping" => mapping::spec(&document, context),
        _ => others::spec(&document, context),
    };
    let head = Head {
        version: VERSION,
        kind: &document.kind,
        namespace: &document.namespace,
        name,
        labels: document.labels.clone(),
    };
    let object = head.with(spec, &entry.unit.account.to_string());
    for remark in remarks {
        entry.unit.account.add(remark);
    }
    Some(object)
}

fn context(survey: &Survey) -> Context {
    let mut context = Context {
        qualifies: true,
        namespace: survey.identity.namespace.as_ref().into(),
        ..Context::default()
    };
    let mut seen = BTreeSet::new();
    for resource in survey.entries.iter().flat_map(|entry| &entry.resources) {
        match &resource.kind {
            Kind::Module(module) => {
                let flag = module.use_ambassador_namespace_for_service_resolution;
                context.qualifies &= flag != Some(true);
            }
            Kind::CircuitBreaker(breaker) => {
                if seen.insert(resource.name.clone()) {
                    let name = resource.name.as_ref().into();
                    context.breakers.insert(name, mapping::limits(breaker));
                }
            }
            Kind::Mapping(_)
            | Kind::OutlierDetection(_)
            | Kind::Resolver(_)
            | Kind::TracingService(_)
            | Kind::TlsContext(_)
            | Kind::TlsModule(_)
            | Kind::Host(_)
            | Kind::Listener(_)
            | Kind::TcpMapping(_) => {}
        }
    }
    context
}

/// Whether an entry is a document that has a form as a custom resource.
fn is_document(entry: &Entry) -> bool {
    match &entry.unit.what {
        What::Said(said) => said.form != Form::Ingress,
        What::Nothing | What::Nginx(_) => false,
    }
}
