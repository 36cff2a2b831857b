//! The rules of an Ingress, path by path.

use nuncio_config::Tree;

use super::Work;
use super::paths::{self, Form, FormKind, PathType, forms};
use super::settings::{PREFIX, Settings};
use crate::manifest::{Surroundings, non_empty, text};
use crate::remark::{Remark, Weight, shown};
use crate::yaml::Yaml;

/// One path of one host.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: String,
    /// As `hostname` takes it.
    pub(super) host: String,
    pub(super) forms: Vec<Form>,
    pub(super) service: String,
    pub(super) line: u32,
    /// Before prefixes that are as long.
    pub(super) is_exact: bool,
    /// Of another name of the server.
    pub(super) is_alias: bool,
}

impl Rule {
    /// The keys that say which requests it takes.
    pub(super) fn matching(&self, form: &Form) -> Vec<(String, Yaml)> {
        let mut keys = vec![
            ("hostname".to_owned(), Yaml::text(self.host.as_str())),
            ("prefix".to_owned(), Yaml::text(form.text.as_str())),
        ];
        match form.kind {
            FormKind::Exact => keys.push(("prefix_exact".to_owned(), Yaml::Bool(true))),
            FormKind::Regex => keys.push(("prefix_regex".to_owned(), Yaml::Bool(true))),
            FormKind::Prefix => {}
        }
        if self.is_exact {
            keys.push(("precedence".to_owned(), Yaml::Int(1)));
        }
        keys
    }

    /// What becomes of the path: nginx leaves it alone unless it is told otherwise.
    pub(super) fn rewriting(&self, form: &Form, settings: &mut Settings) -> Vec<(String, Yaml)> {
        let untouched = || vec![("rewrite".to_owned(), Yaml::text(""))];
        let Some(target) = settings.get("rewrite-target").map(str::to_owned) else {
            return match form.kind {
                FormKind::Regex => Vec::new(),
                FormKind::Exact | FormKind::Prefix => untouched(),
            };
        };
        match paths::rewrite(form, &target) {
            Some(rewrite) => vec![rewrite],
            None => {
                let reason = format!("not translated: {}", shown(&target));
                settings.refuse("rewrite-target", &reason);
                untouched()
            }
        }
    }
}

/// Reads all rules; what is wrong with one is told, and harms no other.
pub(super) fn read(work: &mut Work<'_>, surroundings: &Surroundings) -> Vec<Rule> {
    let Some(spec) = work.tree.get("spec") else {
        return Vec::new();
    };
    let mut rules = Vec::new();
    let name = &*work.object.name;
    let backend = spec.get("defaultBackend").or_else(|| spec.get("backend"));
    if let Some(backend) = backend
        && let Some(service) = service(work, backend, surroundings)
    {
        rules.push(Rule {
            name: format!("{name}-default-backend"),
            host: "*".to_owned(),
            forms: forms("/", PathType::Prefix, false),
            service,
            line: backend.line,
            is_exact: false,
            is_alias: false,
        });
    }
    let listed = spec.get("rules").map(Tree::items).unwrap_or_default();
    for (number, rule) in listed.iter().enumerate() {
        let host = non_empty(text(rule, "host"), "*").to_ascii_lowercase();
        let paths = rule.get("http").and_then(|it| it.get("paths"));
        for (index, path) in paths
            .map(Tree::items)
            .unwrap_or_default()
            .iter()
            .enumerate()
        {
            let name = format!("{name}-{number}-{index}");
            rules.extend(of_path(work, surroundings, (&name, &host), path));
        }
    }
    with_aliases(work, rules)
}

fn of_path(
    work: &mut Work<'_>,
    surroundings: &Surroundings,
    (name, host): (&str, &str),
    path: &Tree,
) -> Option<Rule> {
    let line = path.line;
    let mut refuse = |key: &str, reason: String| {
        work.remarks
            .push(Remark::on(Weight::Lost, line, key, reason));
    };
    let Some(of) = PathType::of(text(path, "pathType")) else {
        let written = shown(text(path, "pathType"));
        refuse(
            "pathType",
            format!("the path is not written: {written} is no type"),
        );
        return None;
    };
    let written = non_empty(text(path, "path"), "/");
    let Some(backend) = path.get("backend") else {
        refuse(
            "backend",
            "the path is not written: it has no backend".to_owned(),
        );
        return None;
    };
    let service = service(work, backend, surroundings)?;
    let by_regex = work.settings.flag("use-regex") == Some(true)
        || work.settings.get("rewrite-target").is_some();
    Some(Rule {
        name: name.to_owned(),
        host: host.to_owned(),
        forms: forms(written, of, by_regex),
        service,
        line,
        is_exact: of == PathType::Exact,
        is_alias: false,
    })
}

/// `service: {name, port: {number | name}}`, or `serviceName` and `servicePort` up to v1beta1.
fn service(work: &mut Work<'_>, backend: &Tree, surroundings: &Surroundings) -> Option<String> {
    let of = backend.get("service");
    let name = of.map_or_else(|| text(backend, "serviceName"), |it| text(it, "name"));
    let port = match of {
        Some(service) => service.get("port"),
        None => backend.get("servicePort"),
    };
    let number = port.and_then(|it| it.get("number").unwrap_or(it).integer());
    let named = port.map(|it| it.get("name").unwrap_or(it));
    let named = named.and_then(Tree::text).unwrap_or_default();
    let namespace = &*work.object.namespace;
    let place = (namespace.into(), name.into(), named.into());
    let known = number.or_else(|| surroundings.ports.get(&place).copied());
    let mut refuse = |key: &str, reason: String| {
        work.remarks
            .push(Remark::on(Weight::Lost, backend.line, key, reason));
    };
    if name.is_empty() {
        refuse(
            "backend",
            "the path is not written: its backend is no Service".to_owned(),
        );
        return None;
    }
    let Some(number) = known.filter(|it| (1..=65535).contains(it)) else {
        let named = shown(named);
        refuse(
            "port",
            format!(
                "the path is not written: the number of the port {named} is not known (read the Service, too)"
            ),
        );
        return None;
    };
    let (scheme, _) = work.settings.protocol();
    Some(format!("{scheme}{name}.{namespace}:{number}"))
}

/// The same rules for the other names of a server.
fn with_aliases(work: &mut Work<'_>, mut rules: Vec<Rule>) -> Vec<Rule> {
    let aliases = work.settings.get("server-alias").unwrap_or_default();
    let aliases: Vec<String> = aliases
        .split([',', ' '])
        .map(|it| it.trim().to_ascii_lowercase())
        .filter(|it| !it.is_empty())
        .collect();
    let named: Vec<Rule> = rules
        .iter()
        .filter(|rule| rule.host != "*")
        .cloned()
        .collect();
    for alias in aliases {
        if alias.starts_with('~') {
            let key = format!("{PREFIX}server-alias");
            let reason = format!("not translated: {}", shown(&alias));
            let line = work.settings.line_of("server-alias");
            work.remarks
                .push(Remark::on(Weight::Lost, line, &key, reason));
            continue;
        }
        rules.extend(named.iter().cloned().map(|rule| Rule {
            name: format!("{}-alias", rule.name),
            host: alias.clone(),
            is_alias: true,
            ..rule
        }));
    }
    rules
}
