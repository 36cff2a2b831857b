//! One path of an Ingress as the document of a Mapping.
//!
//! Invariant: the document is one that could be written by hand, and is read like it.

use super::Backend;
use super::document::At;
use crate::ObjectRef;
use crate::mapping::{HostMatch, Prefix};
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::Node;

/// What is said of a Mapping.
pub(super) struct Generated<'n> {
    name: String,
    service: String,
    path: &'n str,
    is_exact: bool,
    host: Option<Host<'n>>,
    line: u32,
}

enum Host<'n> {
    /// As `hostname` takes it.
    Written(&'n str),
    /// `*.example.com`: hosts with one label in the place of the star.
    Wildcard(String),
}

impl<'n> Generated<'n> {
    /// Every path, of any host.
    pub(super) fn default_backend(name: String, backend: Backend<'n>, of: &ObjectRef) -> Self {
        Self {
            name,
            service: service(backend, of),
            path: "/",
            is_exact: false,
            host: Some(Host::Written("*")),
            line: 0,
        }
    }

    /// Reads a path of a rule; `None` after an error.
    pub(super) fn read(
        name: String,
        rule: &'n Node<'n>,
        path: &'n Node<'n>,
        (of, report): (&ObjectRef, &mut Report),
    ) -> Option<Self> {
        let errors = report.errors();
        let host = host(rule, report);
        let matched = matched(path, report);
        let is_exact = is_exact(path, report);
        let backend = match path.get("backend") {
            Some(backend) => Backend::read(backend, "backend", report),
            None => {
                report.error(path.line, "need backend");
                None
            }
        };
        (report.errors() == errors).then_some(Self {
            name,
            service: service(backend?, of),
            path: matched,
            is_exact,
            host,
            line: path.line,
        })
    }

    /// Of every host, if none is said.
    pub(super) fn of_any_host(self) -> Self {
        Self {
            host: self.host.or(Some(Host::Written("*"))),
            ..self
        }
    }

    /// The document, every key in the line of the path.
    pub(super) fn document(&self) -> Node<'_> {
        let at = At(self.line);
        let mut entries = vec![
            at.text("apiVersion", "getambassador.io/v3alpha1"),
            at.text("kind", "Mapping"),
            at.text("name", &self.name),
            at.text("ambassador_id", "_automatic_"),
            at.text("prefix", self.path),
            at.text("service", &self.service),
        ];
        if self.is_exact {
            // An exact path is to go before every prefix.
            entries.extend([at.text("prefix_exact", "true"), at.text("precedence", "1")]);
        }
        match &self.host {
            None => {}
            Some(Host::Written(host)) => entries.push(at.text("hostname", host)),
            Some(Host::Wildcard(pattern)) => {
                entries.extend([at.text("host", pattern), at.text("host_regex", "true")]);
            }
        }
        at.document(entries)
    }
}

fn service(backend: Backend<'_>, of: &ObjectRef) -> String {
    format!("{}.{}:{}", backend.service, of.namespace, backend.port)
}

fn matched<'n>(path: &'n Node<'n>, report: &mut Report) -> &'n str {
    let Some(written) = path.get("path") else {
        return "/";
    };
    let why = match written.text().map(str::parse::<Prefix>) {
        Some(Ok(_)) => return written.text().unwrap_or("/"),
        Some(Err(why)) => format!("`path`: {} can never match: it {why}", written.found()),
        None => format!("`path`: expected text, found {}", written.found()),
    };
    report.error(written.line, why);
    "/"
}

fn is_exact(path: &Node<'_>, report: &mut Report) -> bool {
    let Some(written) = path.get("pathType") else {
        return false;
    };
    match written.text() {
        Some("Exact") => return true,
        Some("Prefix" | "ImplementationSpecific") => return false,
        Some(_) | None => {}
    }
    let expected = "`Exact`, `Prefix` or `ImplementationSpecific`";
    let reason = format!("`pathType`: expected {expected}, found {}", written.found());
    report.error(written.line, reason);
    false
}

/// Emissary's own expression for a wildcard: it takes one label, as Kubernetes says.
fn host<'n>(rule: &'n Node<'n>, report: &mut Report) -> Option<Host<'n>> {
    let written = rule.get("host")?;
    let Some(text) = written.text() else {
        let reason = format!("`host`: expected text, found {}", written.found());
        report.error(written.line, reason);
        return None;
    };
    if text.is_empty() {
        return None;
    }
    if let Err(why) = text.parse::<HostMatch>() {
        report.error(written.line, format!("`host`: {} {why}", quoted(text)));
        return None;
    }
    Some(match text.strip_prefix("*.") {
        None => Host::Written(text),
        Some(domain) => Host::Wildcard(format!(
            "^[a-z0-9]([-a-z0-9]*[a-z0-9])?\\.{}$",
            domain.replace('.', "\\.")
        )),
    })
}
