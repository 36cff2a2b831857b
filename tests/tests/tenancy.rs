//! Two teams and whoever runs the gateway, from manifests to routes.
#![allow(
    clippy::unwrap_used,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::collections::BTreeSet;

use nuncio_config::{Identity, Severity, Trust};
use nuncio_controller::load_offline;
use nuncio_routing::Snapshot;
use tempfile::TempDir;

const MANIFESTS: &str = "\
apiVersion: v1
kind: Service
metadata:
  name: shop
  namespace: shop
  annotations:
    getambassador.io/config: |
      {apiVersion: ambassador/v1, kind: Mapping, name: own, prefix: /own/, service: shop}
      ---
      {apiVersion: ambassador/v1, kind: Mapping, name: as-back, namespace: back, prefix: /back/, service: shop}
      ---
      {apiVersion: ambassador/v1, kind: Mapping, name: admin, prefix: /admin/, service: '127.0.0.1:8877'}
      ---
      {apiVersion: ambassador/v1, kind: Module, name: ambassador, config: {server_name: shop}}
---
apiVersion: getambassador.io/v2
kind: Mapping
metadata: {name: resource, namespace: shop}
spec: {prefix: /resource/, service: db.back}
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ingress
  namespace: shop
  annotations: {kubernetes.io/ingress.class: ambassador}
spec:
  rules:
  - http: {paths: [{path: /ingress, backend: {service: {name: shop, port: {number: 80}}}}]}
---
apiVersion: ambassador/v1
kind: Mapping
name: operator
prefix: /operator/
service: db.back
";

fn snapshot(annotations: Trust) -> Snapshot {
    let directory = TempDir::new().unwrap();
    std::fs::write(directory.path().join("all.yaml"), MANIFESTS).unwrap();
    let identity = Identity {
        namespace: "ambassador".into(),
        annotations,
        ..Identity::default()
    };
    load_offline(&[directory.path().to_owned()], &identity).unwrap()
}

/// The Mappings that have a route, by name.
fn live(snapshot: &Snapshot) -> BTreeSet<String> {
    let routes = snapshot.routes.iter().filter(|route| route.at.is_some());
    routes.map(|route| route.mapping.name.to_string()).collect()
}

fn found(snapshot: &Snapshot, severity: Severity) -> usize {
    let found = snapshot.diagnostics.iter();
    found.filter(|found| found.severity == severity).count()
}

#[test]
fn compatible_gateways_do_what_each_team_says() {
    let snapshot = snapshot(Trust::Compatible);
    let all = [
        "admin",
        "as-back",
        "ingress-0-0",
        "operator",
        "own",
        "resource",
    ];
    assert_eq!(live(&snapshot), all.map(str::to_owned).into());
    assert_eq!(found(&snapshot, Severity::Warning), 2);
    assert_eq!(found(&snapshot, Severity::Error), 0);
}

#[test]
fn hardened_gateways_hold_each_team_to_its_namespace() {
    let snapshot = snapshot(Trust::Hardened);
    let own = ["ingress-0-0", "operator", "own"];
    assert_eq!(live(&snapshot), own.map(str::to_owned).into());
    assert_eq!(found(&snapshot, Severity::Warning), 0);
    assert_eq!(found(&snapshot, Severity::Error), 4);
}
