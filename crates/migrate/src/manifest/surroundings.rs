//! What objects tell about others: classes of Ingresses, and ports of Services.
//!
//! Invariant: it is the same whatever order the objects stand in.

use std::collections::{BTreeMap, BTreeSet};

use nuncio_config::Tree;

use super::{annotation, non_empty, text};
use crate::survey::Dialect;

/// A namespace, a Service, and what a port of it is called.
type PortName = (Box<str>, Box<str>, Box<str>);

/// What objects tell about others.
#[derive(Debug, Default)]
pub(crate) struct Surroundings {
    /// IngressClasses of Ambassador's.
    ours: BTreeSet<Box<str>>,
    /// IngressClasses of nginx.
    nginx: BTreeSet<Box<str>>,
    /// The numbers of named ports of Services, by namespace, Service and port.
    pub(crate) ports: BTreeMap<PortName, i64>,
}

/// Whose an Ingress is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Ours,
    Nginx,
    Nobody,
}

impl Surroundings {
    pub(super) fn learn(&mut self, tree: &Tree) {
        let metadata = |key| tree.get("metadata").map_or("", |it| text(it, key));
        let spec = tree.get("spec");
        match text(tree, "kind") {
            "IngressClass" => match spec.map_or("", |spec| text(spec, "controller")) {
                "k8s.io/ingress-nginx" => drop(self.nginx.insert(metadata("name").into())),
                it if it.eq_ignore_ascii_case("getambassador.io/ingress-controller") => {
                    self.ours.insert(metadata("name").into());
                }
                _ => {}
            },
            "Service" => {
                let ports = spec.and_then(|it| it.get("ports")).map(Tree::items);
                for port in ports.unwrap_or_default() {
                    let number = port.get("port").and_then(Tree::integer);
                    let namespace = non_empty(metadata("namespace"), "default");
                    let names = [namespace, metadata("name"), text(port, "name")];
                    let [namespace, service, port] = names.map(Box::from);
                    self.ports
                        .extend(number.map(|number| ((namespace, service, port), number)));
                }
            }
            _ => {}
        }
    }

    pub(super) fn owner(&self, ingress: &Tree, dialect: Dialect) -> Owner {
        let annotation = annotation(ingress, "kubernetes.io/ingress.class").and_then(Tree::text);
        let class = ingress
            .get("spec")
            .and_then(|it| it.get("ingressClassName"));
        let class = class.and_then(Tree::text).unwrap_or_default();
        if annotation.is_some_and(|it| it.eq_ignore_ascii_case("ambassador"))
            || self.ours.contains(class)
        {
            return Owner::Ours;
        }
        let annotations = ingress.get("metadata").and_then(|it| it.get("annotations"));
        let mut keys = annotations.map(Tree::entries).unwrap_or_default().iter();
        let is_nginx = annotation == Some("nginx")
            || class == "nginx"
            || self.nginx.contains(class)
            || keys.any(|it| it.key.starts_with("nginx.ingress.kubernetes.io/"));
        match is_nginx || dialect == Dialect::IngressNginx {
            true => Owner::Nginx,
            false => Owner::Nobody,
        }
    }
}
