//! Ingresses of ingress-nginx as Mappings and Hosts.
//!
//! Invariant: every path of every rule is a Mapping or is told of; every annotation of nginx's has its
//! key in what is written, or is told of by name.
//! Deliberately absent: the ConfigMap of the controller, and what its flags say.

mod annotations;
mod canary;
mod hosts;
mod paths;
mod redirect;
mod rules;
mod settings;
mod snippet;

use std::collections::{BTreeMap, BTreeSet};

use nuncio_config::{ObjectRef, Tree};

use crate::manifest::{Surroundings, Unit, What};
use crate::remark::{Remark, Weight};
use crate::written::{Head, Names, Object};
use crate::yaml::Yaml;
pub use annotations::{ANNOTATIONS, Annotation, Fate};
use rules::Rule;
use settings::Settings;

/// What became of one Ingress.
#[derive(Debug, Default)]
pub(crate) struct Translated {
    pub(crate) objects: Vec<Object>,
    pub(crate) remarks: Vec<Remark>,
}

/// Translates one Ingress after the other, and knows what those before have taken.
#[derive(Debug)]
pub(crate) struct Translator {
    surroundings: Surroundings,
    /// The hosts that some Ingress has a certificate for.
    secure: BTreeSet<String>,
    /// The hosts that have a Host.
    hosts: BTreeSet<String>,
    /// Which Ingress has a path of a host.
    taken: BTreeMap<(String, paths::Form), String>,
    names: Names,
}

/// An Ingress while it is translated.
struct Work<'w> {
    object: &'w ObjectRef,
    tree: &'w Tree,
    settings: Settings,
    objects: Vec<Object>,
    remarks: Vec<Remark>,
    /// Hosts that no rule names.
    others: BTreeSet<String>,
}

impl Translator {
    /// Of all that were read.
    pub(crate) fn of(units: &[Unit], surroundings: Surroundings) -> Self {
        let ingresses = units.iter().filter_map(|unit| match &unit.what {
            What::Nginx(tree) => Some(tree),
            What::Nothing | What::Said(_) => None,
        });
        Self {
            surroundings,
            secure: ingresses.flat_map(hosts::secure).collect(),
            hosts: BTreeSet::new(),
            taken: BTreeMap::new(),
            names: Names::default(),
        }
    }

    /// Translates an Ingress.
    pub(crate) fn translate(&mut self, object: &ObjectRef, tree: &Tree) -> Translated {
        let annotations = tree.get("metadata").and_then(|it| it.get("annotations"));
        let mut work = Work {
            object,
            tree,
            settings: Settings::read(annotations),
            objects: Vec::new(),
            remarks: Vec::new(),
            others: BTreeSet::new(),
        };
        let rules = rules::read(&mut work, &self.surroundings);
        match work.settings.flag("canary") == Some(true) {
            true => canary::write(&mut work, self, &rules),
            false => self.write(&mut work, &rules),
        }
        hosts::write(&mut work, self, &rules);
        let Work {
            objects,
            mut remarks,
            settings,
            ..
        } = work;
        remarks.extend(settings.remarks);
        Translated { objects, remarks }
    }

    fn write(&mut self, work: &mut Work<'_>, rules: &[Rule]) {
        let redirect = work.settings.redirect();
        let common = match &redirect {
            Some(redirect) => redirect.keys(),
            None => work.settings.common(),
        };
        let (exact, others): (Vec<_>, Vec<_>) = rules.iter().partition(|rule| rule.is_exact);
        for rule in exact.into_iter().chain(others) {
            for form in &rule.forms {
                if !self.take(work, rule, form) {
                    continue;
                }
                let mut spec = rule.matching(form);
                if redirect.is_none() {
                    spec.push(("service".to_owned(), Yaml::text(rule.service.as_str())));
                    spec.extend(rule.rewriting(form, &mut work.settings));
                }
                spec.extend(common.iter().cloned());
                self.mapping(work, &rule.name, spec);
            }
        }
        self.extras(work, rules);
    }

    /// Whether a path of a host is still free. With nginx, too, the first Ingress has it.
    fn take(&mut self, work: &mut Work<'_>, rule: &Rule, form: &paths::Form) -> bool {
        let place = (rule.host.clone(), form.clone());
        let own = work.object.to_string();
        match self.taken.get(&place) {
            None => {
                self.taken.insert(place, own);
                true
            }
            // `/a` by elements, beside `/a` exactly.
            Some(other)
                if *other == own && form.kind == paths::FormKind::Exact && !rule.is_exact =>
            {
                false
            }
            Some(other) => {
                let reason = format!("not written: {other} has this path of this host");
                work.remarks
                    .push(Remark::on(Weight::Lost, rule.line, "path", reason));
                false
            }
        }
    }

    /// Mappings that come of annotations alone.
    fn extras(&mut self, work: &mut Work<'_>, rules: &[Rule]) {
        let named = rules.iter().map(|rule| (rule.host.as_str(), rule.is_alias));
        let hosts: BTreeSet<(&str, bool)> = named.collect();
        let root = work.settings.get("app-root").map(str::to_owned);
        let www = work.settings.flag("from-to-www-redirect") == Some(true);
        for (host, is_alias) in hosts {
            let is_name = !host.contains('*');
            if !is_name && (root.is_some() || www) {
                let reason = "a redirect needs a host, and this rule names none";
                work.remarks
                    .push(Remark::on(Weight::Lost, 0, "host", reason));
                continue;
            }
            if let Some(root) = &root {
                let redirect = redirect::Redirect::to(host, Some(root), 302);
                self.redirection(work, (host, true), &redirect);
            }
            if www && !is_alias {
                let other = match host.strip_prefix("www.") {
                    Some(bare) => bare.to_owned(),
                    None => format!("www.{host}"),
                };
                let redirect = redirect::Redirect::to(host, None, 308);
                self.redirection(work, (&other, false), &redirect);
            }
        }
        self.mirror(work, rules);
    }

    fn redirection(
        &mut self,
        work: &mut Work<'_>,
        (host, is_root): (&str, bool),
        redirect: &redirect::Redirect,
    ) {
        work.others.insert(host.to_owned());
        let mut spec = vec![
            ("hostname".to_owned(), Yaml::text(host)),
            ("prefix".to_owned(), Yaml::text("/")),
        ];
        if is_root {
            // Before the Mapping of all paths, whatever that says.
            spec.push(("prefix_exact".to_owned(), Yaml::Bool(true)));
            spec.push(("precedence".to_owned(), Yaml::Int(1)));
        }
        spec.extend(redirect.keys());
        let name = format!("{}-redirect", work.object.name);
        self.mapping(work, &name, spec);
    }

    fn mirror(&mut self, work: &mut Work<'_>, rules: &[Rule]) {
        let Some(target) = work.settings.get("mirror-target").map(str::to_owned) else {
            return;
        };
        let target = target
            .trim_end_matches("$request_uri")
            .trim_end_matches('/');
        let is_service = target.contains("://") && !target.contains('$');
        if !is_service {
            work.settings
                .refuse("mirror-target", "not translated: it names no host");
            return;
        }
        for rule in rules {
            for form in &rule.forms {
                let mut spec = rule.matching(form);
                spec.push(("service".to_owned(), Yaml::text(target)));
                spec.push(("shadow".to_owned(), Yaml::Bool(true)));
                // Attributes that all members of a group share.
                let common = work.settings.common().into_iter();
                let shared = ["connect_timeout_ms", "resolver", "load_balancer"];
                spec.extend(common.filter(|(key, _)| shared.contains(&key.as_str())));
                self.mapping(work, &format!("{}-mirror", rule.name), spec);
            }
        }
    }

    fn mapping(&mut self, work: &mut Work<'_>, name: &str, spec: Vec<(String, Yaml)>) {
        self.object(work, ("Mapping", name), spec);
    }

    fn object(
        &mut self,
        work: &mut Work<'_>,
        (kind, name): (&str, &str),
        spec: Vec<(String, Yaml)>,
    ) {
        let namespace = &*work.object.namespace;
        let name = self.names.take(kind, namespace, name);
        let head = Head {
            version: "getambassador.io/v3alpha1",
            kind,
            namespace,
            name: &name,
            labels: Vec::new(),
        };
        let object = head.with(Yaml::Map(spec), &format!("{}", work.object));
        work.objects.push(object);
    }
}
