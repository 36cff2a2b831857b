//! Reads everything as the gateway does, and gives each document its verdict.
//!
//! Invariant: what is said to work is what compiling the same manifests makes live.

use std::sync::Arc;

use nuncio_config::{
    Diagnostic, Form, Identity, Kind, Location, Origin, Resource, Severity, parse,
};
use nuncio_routing::{Snapshot, compile};

use crate::account::{Account, Verdict};
use crate::crds;
use crate::differences;
use crate::gateway_api::{self, GatewayOptions};
use crate::manifest::{Said, Unit, What, text, units};
use crate::nginx::{Translated, Translator};
use crate::remark::{Remark, Weight};
use crate::report::Report;
use crate::written::{Object, Source, Target};

/// Whose Ingresses those are that nobody claims.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// Those that say so are nginx's.
    #[default]
    Detect,
    /// All are nginx's.
    IngressNginx,
}

/// All documents, read.
#[derive(Debug)]
pub struct Survey {
    pub(crate) entries: Vec<Entry>,
    pub(crate) identity: Identity,
    snapshot: Snapshot,
}

/// A document, and what it became.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) unit: Unit,
    pub(crate) resources: Vec<Resource>,
    /// What an Ingress of nginx became.
    pub(crate) objects: Vec<Object>,
}

impl Survey {
    /// Reads the sources. Never fails.
    pub fn of(sources: &[Source], identity: &Identity, dialect: Dialect) -> Self {
        let (units, surroundings) = units(sources, dialect);
        let mut translator = Translator::of(&units, surroundings);
        let mut entries: Vec<Entry> = units
            .into_iter()
            .map(|unit| Entry::read(unit, &mut translator, identity))
            .collect();
        let resources = entries.iter().flat_map(|entry| &entry.resources);
        let snapshot = compile(resources, [], identity, 0);
        for diagnostic in snapshot.diagnostics.iter() {
            attribute(&mut entries, diagnostic, &snapshot);
        }
        for entry in entries.iter_mut().filter(|it| !it.unit.account.is_dead()) {
            if let What::Said(said) = &entry.unit.what {
                let found = differences::of(said, &entry.resources, identity);
                found.into_iter().for_each(|it| entry.unit.account.add(it));
            }
        }
        Self {
            entries,
            identity: identity.clone(),
            snapshot,
        }
    }

    /// What the gateway makes of all of it.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Says it in another form. What has none is added to the report.
    pub fn write(&mut self, target: Target, options: &GatewayOptions) -> Vec<Object> {
        match target {
            Target::Crds => crds::write(self),
            Target::GatewayApi => gateway_api::write(self, options),
        }
    }

    /// What became of every document.
    pub fn report(&self) -> Report {
        let accounts = self.entries.iter().map(|it| it.unit.account.clone());
        let mut accounts: Vec<Account> = accounts.collect();
        for account in &mut accounts {
            account.remarks.sort_by_key(|remark| remark.line);
            if account.file.is_none() {
                account.remarks.iter_mut().for_each(|it| it.line = 0);
            }
        }
        Report::of(accounts)
    }
}

impl Entry {
    fn read(unit: Unit, translator: &mut Translator, identity: &Identity) -> Self {
        let mut entry = Self {
            unit,
            resources: Vec::new(),
            objects: Vec::new(),
        };
        match std::mem::replace(&mut entry.unit.what, What::Nothing) {
            What::Nothing => {}
            What::Said(said) => {
                entry.read_said(&said, identity);
                entry.unit.what = What::Said(said);
            }
            What::Nginx(tree) => {
                let translated = translator.translate(&entry.unit.object, &tree);
                entry.unit.what = What::Nginx(tree);
                entry.read_translated(translated, identity);
            }
        }
        entry
    }

    fn read_said(&mut self, said: &Said, identity: &Identity) {
        let parsed = parse(said.form, &said.text, &said.origin, identity);
        let mut diagnostics = parsed.diagnostics;
        self.resources = parsed.resources;
        if said.form == Form::Ingress {
            // Its documents have units of their own.
            self.resources.retain(|it| it.at.document == 0);
            diagnostics.retain(|it| it.at.document == 0);
        }
        let document = self.unit.account.document;
        for resource in &mut self.resources {
            resource.at.document = document;
        }
        let account = &mut self.unit.account;
        if self.resources.is_empty() && diagnostics.is_empty() {
            account.verdict = Verdict::NotOurs;
            let (verdict, reason) = silence(&said.tree);
            account.verdict = verdict;
            let line = account.line;
            account
                .remarks
                .push(Remark::whole(Weight::Note, line, reason));
        }
        let is_live = !self.resources.is_empty();
        for diagnostic in &diagnostics {
            account.add(Remark::of(diagnostic, weight(diagnostic, is_live)));
        }
    }

    /// What an Ingress of nginx became is read like anything else.
    fn read_translated(&mut self, translated: Translated, identity: &Identity) {
        let account = &mut self.unit.account;
        for remark in translated.remarks {
            account.add(remark);
        }
        for object in translated.objects {
            let origin = Origin {
                file: account.file.clone(),
                lines: nuncio_config::Lines::At(account.line),
                ..Origin::api(Arc::clone(&self.unit.object))
            };
            let text = object.yaml.document();
            let parsed = parse(Form::CustomResource, &text, &origin, identity);
            for diagnostic in &parsed.diagnostics {
                let weight = weight(diagnostic, !parsed.resources.is_empty());
                let mut remark = Remark::of(diagnostic, weight.min(Weight::Lost));
                remark.reason =
                    format!("{} {}: {}", object.kind, object.name, remark.reason).into();
                account.add(remark);
            }
            if !parsed.resources.is_empty() {
                self.objects.push(object);
            }
            self.resources.extend(parsed.resources);
        }
        if self.objects.is_empty() {
            let line = account.line;
            account.add(Remark::whole(
                Weight::Refused,
                line,
                "nothing of it can be said",
            ));
        }
    }
}

/// Why a document that says nothing wrong says nothing at all.
fn silence(tree: &nuncio_config::Tree) -> (Verdict, &'static str) {
    match text(tree, "kind") {
        "Pragma" => (
            Verdict::Ignored,
            "Ambassador 0.21 wrote it itself; it says nothing",
        ),
        "Ingress" => (Verdict::Ignored, "it has no rules, or is another gateway's"),
        _ => (Verdict::NotOurs, "its `ambassador_id` is another gateway's"),
    }
}

fn weight(diagnostic: &Diagnostic, is_live: bool) -> Weight {
    match (diagnostic.severity, is_live) {
        (Severity::Error, false) => Weight::Refused,
        (Severity::Warning, false) => Weight::Ignored,
        (Severity::Error | Severity::Warning, true) => Weight::Lost,
    }
}

/// Gives what compiling has to say to the document it is about.
fn attribute(entries: &mut [Entry], diagnostic: &Diagnostic, snapshot: &Snapshot) {
    let is_there = |at: &Location| {
        at.object == diagnostic.at.object
            && at.document == diagnostic.at.document
            && at.line <= diagnostic.at.line
    };
    let found = entries
        .iter_mut()
        .filter(|entry| entry.resources.iter().any(|it| is_there(&it.at)))
        .max_by_key(|entry| entry.resources.first().map(|it| it.at.line));
    let Some(entry) = found else { return };
    let about = diagnostic.resource.as_deref();
    let told =
        |it: &&Resource| is_there(&it.at) && about.is_none_or(|about| about == it.to_string());
    let resource = entry.resources.iter().find(told);
    let is_live = resource.is_some_and(|it| is_live(it, snapshot)) || entry.resources.len() > 1;
    let weight = match diagnostic.severity {
        Severity::Error if !is_live => Weight::Refused,
        Severity::Error | Severity::Warning => Weight::Lost,
    };
    let remark = Remark::of(diagnostic, weight);
    entry.unit.account.add(remark);
}

/// Whether a resource that compiling had something to say of is served.
fn is_live(resource: &Resource, snapshot: &Snapshot) -> bool {
    match &resource.kind {
        Kind::Mapping(mapping) if !mapping.shadow => {
            let mut routes = snapshot.routes.iter();
            routes.any(|route| route.at.as_ref() == Some(&resource.at))
        }
        Kind::Mapping(_)
        | Kind::Module(_)
        | Kind::CircuitBreaker(_)
        | Kind::OutlierDetection(_)
        | Kind::Resolver(_)
        | Kind::TracingService(_)
        | Kind::TlsContext(_)
        | Kind::TlsModule(_)
        | Kind::Host(_)
        | Kind::Listener(_)
        | Kind::TcpMapping(_) => false,
    }
}
