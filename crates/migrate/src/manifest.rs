//! Takes manifests apart into the documents that have to be accounted for.
//!
//! Invariant: every piece of every text becomes at least one unit; those that are nobody's, too.
//! Deliberately absent: what the documents say.

mod carrier;
mod surroundings;

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{
    CONFIG_ANNOTATION, Form, ManifestPiece, ObjectRef, Origin, Tree, TreeEntry, TreeValue, pieces,
};

use crate::account::{Account, Verdict};
use crate::remark::{Remark, Weight, shown};
use crate::survey::Dialect;
use crate::written::Source;
pub(crate) use carrier::{Carrier, labels};
use surroundings::Owner;
pub(crate) use surroundings::Surroundings;

/// One document, and what was found out about it.
#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) account: Account,
    /// The object that carries it, or is it.
    pub(crate) object: Arc<ObjectRef>,
    pub(crate) what: What,
}

/// What a document is to be read as.
#[derive(Debug)]
pub(crate) enum What {
    /// Somebody else's, or unreadable.
    Nothing,
    /// A document of Ambassador's, or an Ingress of its class.
    Said(Box<Said>),
    /// An Ingress of nginx.
    Nginx(Tree),
}

/// A text that the gateway reads.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) form: Form,
    pub(crate) text: Box<str>,
    pub(crate) origin: Origin,
    pub(crate) tree: Tree,
}

/// Takes all sources apart.
pub(crate) fn units(sources: &[Source], dialect: Dialect) -> (Vec<Unit>, Surroundings) {
    let all: Vec<_> = sources.iter().map(|it| (it, pieces(&it.text))).collect();
    let mut walk = Walk {
        dialect,
        surroundings: Surroundings::default(),
        seen: BTreeMap::new(),
        units: Vec::new(),
    };
    for tree in all
        .iter()
        .flat_map(|(_, pieces)| pieces)
        .flat_map(|it| &it.tree)
    {
        walk.surroundings.learn(tree);
    }
    for (source, pieces) in all {
        for piece in pieces {
            walk.piece(&Carrier::of(source, &piece), piece);
        }
    }
    (walk.units, walk.surroundings)
}

struct Walk {
    dialect: Dialect,
    surroundings: Surroundings,
    /// Where an object stands first.
    seen: BTreeMap<ObjectRef, String>,
    units: Vec<Unit>,
}

impl Walk {
    fn piece(&mut self, carrier: &Carrier<'_>, piece: ManifestPiece) {
        let tree = match &piece.tree {
            Ok(tree) => tree.clone(),
            Err(why) => {
                let refusal = Remark::whole(Weight::Refused, why.line, why.reason.clone());
                self.nothing(carrier, Verdict::Refused, Some(refusal));
                return;
            }
        };
        if tree.entries().is_empty() {
            return self.refuse(carrier, "not a Kubernetes object");
        }
        if is_ambassador(text(&tree, "apiVersion")) && tree.get("metadata").is_none() {
            self.said(carrier, Form::Configuration, piece.text, tree);
            return;
        }
        if text(&tree, "apiVersion").is_empty() || text(&tree, "kind").is_empty() {
            return self.refuse(carrier, "need apiVersion, kind");
        }
        self.object(carrier, piece.text, tree);
    }

    fn object(&mut self, carrier: &Carrier<'_>, whole: Box<str>, tree: Tree) {
        let (version, kind) = (text(&tree, "apiVersion"), text(&tree, "kind"));
        match (version, kind) {
            ("v1", "Service") => match annotation(&tree, CONFIG_ANNOTATION) {
                Some(value) if self.is_new(carrier) => {
                    self.documents(carrier, Form::Documents, value);
                }
                Some(_) => {}
                None => self.nothing(carrier, Verdict::NotOurs, None),
            },
            ("v1", "ConfigMap") if is_configuration(&tree) => self.config_map(carrier, &tree),
            (_, "Ingress") => self.ingress(carrier, whole, tree),
            _ if is_ambassador(version) => {
                if self.is_new(carrier) {
                    self.said(carrier, Form::CustomResource, whole, tree);
                }
            }
            _ => self.nothing(carrier, Verdict::NotOurs, None),
        }
    }

    fn ingress(&mut self, carrier: &Carrier<'_>, whole: Box<str>, tree: Tree) {
        let owner = self.surroundings.owner(&tree, self.dialect);
        if owner == Owner::Nobody {
            return self.nothing(carrier, Verdict::NotOurs, None);
        }
        if !self.is_new(carrier) {
            return;
        }
        if owner == Owner::Nginx {
            return self.unit(carrier, Verdict::Works, What::Nginx(tree));
        }
        if text(&tree, "apiVersion") != "networking.k8s.io/v1" {
            let reason = "this apiVersion is not read; networking.k8s.io/v1 is";
            let remark = Remark::whole(Weight::Ignored, carrier.line, reason);
            return self.nothing(carrier, Verdict::Ignored, Some(remark));
        }
        let documents = annotation(&tree, CONFIG_ANNOTATION).cloned();
        self.said(carrier, Form::Ingress, whole, tree);
        if let Some(documents) = documents {
            self.documents(carrier, Form::Documents, &documents);
        }
    }

    /// Each key is a file.
    fn config_map(&mut self, carrier: &Carrier<'_>, tree: &Tree) {
        if !self.is_new(carrier) {
            return;
        }
        let files = tree.get("data").map(Tree::entries).unwrap_or_default();
        if files.is_empty() {
            self.nothing(carrier, Verdict::NotOurs, None);
        }
        for file in files {
            let carrier = carrier.key(&file.key, file.line);
            self.documents(&carrier, Form::Configuration, &file.value);
        }
    }

    /// The documents of a text that an object carries.
    fn documents(&mut self, carrier: &Carrier<'_>, form: Form, value: &Tree) {
        let is_text = matches!(value.value, TreeValue::Text(_) | TreeValue::Block(_));
        let Some(written) = value.text().filter(|_| is_text) else {
            return self.refuse(carrier, "the annotation is no text (is the `|` missing?)");
        };
        let mut any = false;
        for piece in pieces(written) {
            any = true;
            let within = carrier.document(value, &piece);
            match piece.tree {
                Ok(tree) => {
                    let tree = placed(tree, &|line| {
                        within.line_of(line.saturating_sub(piece.line))
                    });
                    self.said(&within, form, piece.text, tree);
                }
                Err(why) => {
                    let line = within.line_of(why.line.saturating_sub(piece.line));
                    let refusal = Remark::whole(Weight::Refused, line, why.reason);
                    self.nothing(&within, Verdict::Refused, Some(refusal));
                }
            }
        }
        if !any {
            let note = Remark::whole(Weight::Note, value.line, "the annotation is empty");
            self.nothing(carrier, Verdict::NotOurs, Some(note));
        }
    }

    fn said(&mut self, carrier: &Carrier<'_>, form: Form, text: Box<str>, tree: Tree) {
        let origin = carrier.origin();
        let said = Said {
            form,
            text,
            origin,
            tree,
        };
        self.unit(carrier, Verdict::Works, What::Said(Box::new(said)));
    }

    fn refuse(&mut self, carrier: &Carrier<'_>, reason: &str) {
        let refusal = Remark::whole(Weight::Refused, carrier.line, reason);
        self.nothing(carrier, Verdict::Refused, Some(refusal));
    }

    fn nothing(&mut self, carrier: &Carrier<'_>, verdict: Verdict, remark: Option<Remark>) {
        self.unit(carrier, verdict, What::Nothing);
        if let (Some(unit), Some(remark)) = (self.units.last_mut(), remark) {
            unit.account.remarks.push(remark);
        }
    }

    fn unit(&mut self, carrier: &Carrier<'_>, verdict: Verdict, what: What) {
        self.units.push(Unit {
            account: carrier.account(verdict),
            object: Arc::clone(&carrier.object),
            what,
        });
    }

    /// Whether an object has a name and stands nowhere else; if not, that is told.
    fn is_new(&mut self, carrier: &Carrier<'_>) -> bool {
        if carrier.object.name.is_empty() {
            self.refuse(carrier, "it has no name: need metadata.name");
            return false;
        }
        match self.seen.get(&*carrier.object) {
            Some(first) => {
                let reason = format!("already defined in {first}; this one is ignored");
                self.refuse(carrier, &reason);
                false
            }
            None => {
                let place = carrier.place();
                self.seen.insert((*carrier.object).clone(), place);
                true
            }
        }
    }
}

/// The tree with the lines that its text has in the file.
fn placed(tree: Tree, line: &impl Fn(u32) -> u32) -> Tree {
    let value = match tree.value {
        TreeValue::List(items) => {
            TreeValue::List(items.into_iter().map(|item| placed(item, line)).collect())
        }
        TreeValue::Map(entries) => {
            let entries = entries.into_iter().map(|entry| TreeEntry {
                line: line(entry.line),
                value: placed(entry.value, line),
                ..entry
            });
            TreeValue::Map(entries.collect())
        }
        value @ (TreeValue::Null
        | TreeValue::Literal(_)
        | TreeValue::Text(_)
        | TreeValue::Block(_)) => value,
    };
    Tree {
        line: line(tree.line),
        value,
    }
}

/// Whether an `apiVersion` is of Ambassador.
fn is_ambassador(version: &str) -> bool {
    let group = version.split('/').next().unwrap_or_default();
    matches!(
        group,
        "getambassador.io" | "x.getambassador.io" | "ambassador"
    )
}

fn is_configuration(tree: &Tree) -> bool {
    let metadata = tree.get("metadata");
    metadata.is_some_and(|it| text(it, "name") == "ambassador-config")
}

/// The text under a key; empty where there is none.
pub(crate) fn text<'t>(tree: &'t Tree, key: &str) -> &'t str {
    tree.get(key).and_then(Tree::text).unwrap_or_default()
}

pub(crate) fn annotation<'t>(tree: &'t Tree, name: &str) -> Option<&'t Tree> {
    tree.get("metadata")?.get("annotations")?.get(name)
}

pub(crate) fn non_empty<'t>(text: &'t str, otherwise: &'t str) -> &'t str {
    match text.is_empty() {
        true => otherwise,
        false => text,
    }
}

/// A name for people, whatever was written.
pub(crate) fn named(kind: &str, name: &str) -> Box<str> {
    format!("{} {}", shown(kind), shown(name)).into()
}
