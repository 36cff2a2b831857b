//! The shape of the workspace, as ARCHITECTURE.md promises it.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Who may depend on whom, among our own crates.
const ALLOWED: [(&str, &[&str]); 11] = [
    ("nuncio-config", &[]),
    ("nuncio-guard", &[]),
    ("nuncio-telemetry", &[]),
    ("nuncio-routing", &["nuncio-config"]),
    ("nuncio-migrate", &["nuncio-config", "nuncio-routing"]),
    ("nuncio-tls", &["nuncio-config", "nuncio-routing"]),
    (
        "nuncio-tracing",
        &["nuncio-config", "nuncio-routing", "nuncio-telemetry"],
    ),
    (
        "nuncio-proxy",
        &[
            "nuncio-config",
            "nuncio-guard",
            "nuncio-routing",
            "nuncio-telemetry",
            "nuncio-tls",
            "nuncio-tracing",
        ],
    ),
    (
        "nuncio-controller",
        &[
            "nuncio-config",
            "nuncio-routing",
            "nuncio-telemetry",
            "nuncio-tls",
        ],
    ),
    (
        "nuncio-admin",
        &["nuncio-config", "nuncio-routing", "nuncio-telemetry"],
    ),
    (
        "nuncio",
        &[
            "nuncio-admin",
            "nuncio-config",
            "nuncio-controller",
            "nuncio-migrate",
            "nuncio-proxy",
            "nuncio-routing",
            "nuncio-telemetry",
            "nuncio-tls",
        ],
    ),
];

/// What cargo knows: packages by id, and what each is built from.
struct Workspace {
    names: BTreeMap<String, String>,
    edges: BTreeMap<String, Vec<String>>,
    members: Vec<(String, String)>,
}

impl Workspace {
    fn read() -> Self {
        let output = Command::new(env!("CARGO"))
            .args(["metadata", "--format-version", "1", "--offline", "--locked"])
            .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let packages = metadata["packages"].as_array().unwrap();
        let names: BTreeMap<_, _> = packages
            .iter()
            .map(|p| (text(&p["id"]), text(&p["name"])))
            .collect();
        let member_ids: BTreeSet<_> = metadata["workspace_members"]
            .as_array()
            .unwrap()
            .iter()
            .map(text)
            .collect();
        let members = packages
            .iter()
            .filter(|p| member_ids.contains(p["id"].as_str().unwrap()))
            .map(|p| (text(&p["name"]), text(&p["manifest_path"])))
            .collect();
        let edges = metadata["resolve"]["nodes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|node| (text(&node["id"]), built_from(node)))
            .collect();
        Self {
            names,
            edges,
            members,
        }
    }

    fn id(&self, name: &str) -> &str {
        let found = self.names.iter().find(|(_, n)| *n == name);
        found.unwrap_or_else(|| panic!("no package {name}")).0
    }

    fn direct(&self, name: &str) -> BTreeSet<&str> {
        self.edges[self.id(name)]
            .iter()
            .map(|id| &*self.names[id])
            .collect()
    }

    /// Everything that goes into a build of the package, tests aside.
    fn reachable(&self, name: &str) -> BTreeSet<&str> {
        let mut seen = BTreeSet::new();
        let mut left = vec![self.id(name)];
        while let Some(id) = left.pop() {
            for next in &self.edges[id] {
                if seen.insert(&*self.names[next]) {
                    left.push(next);
                }
            }
        }
        seen
    }
}

/// The normal dependencies of a node, by id.
fn built_from(node: &Value) -> Vec<String> {
    let dependencies = node["deps"].as_array().unwrap().iter();
    dependencies
        .filter(|dep| {
            dep["dep_kinds"]
                .as_array()
                .unwrap()
                .iter()
                .any(|k| k["kind"].is_null())
        })
        .map(|dep| dep["pkg"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn crates_depend_only_downwards() {
    let workspace = Workspace::read();
    for (name, allowed) in ALLOWED {
        let ours = workspace
            .direct(name)
            .into_iter()
            .filter(|n| n.starts_with("nuncio"));
        let forbidden: Vec<_> = ours.filter(|n| !allowed.contains(n)).collect();
        assert!(
            forbidden.is_empty(),
            "{name} must not depend on {forbidden:?}"
        );
    }
}

#[test]
fn the_pure_crates_can_neither_wait_nor_talk() {
    let workspace = Workspace::read();
    for name in [
        "nuncio-config",
        "nuncio-guard",
        "nuncio-migrate",
        "nuncio-routing",
        "nuncio-tls",
    ] {
        let all = workspace.reachable(name);
        for impure in [
            "tokio",
            "mio",
            "kube",
            "pingora-core",
            "socket2",
            "hyper",
            "notify",
        ] {
            assert!(!all.contains(impure), "{name} must not contain {impure}");
        }
    }
}

#[test]
fn each_engine_has_one_home() {
    let workspace = Workspace::read();
    let homes: [(&str, &[&str]); 4] = [
        ("kube", &["nuncio-controller"]),
        ("pingora-core", &["nuncio-proxy", "nuncio-admin"]),
        ("notify", &["nuncio-controller"]),
        ("hickory-resolver", &["nuncio-proxy"]),
    ];
    for (engine, homes) in homes {
        for (name, _) in ALLOWED {
            let uses = workspace.direct(name).contains(engine);
            assert!(
                !uses || homes.contains(&name),
                "{name} must not use {engine} itself"
            );
        }
    }
}

#[test]
fn every_member_is_held_to_the_workspace_lints() {
    let workspace = Workspace::read();
    for (name, manifest) in &workspace.members {
        let text = std::fs::read_to_string(manifest).unwrap();
        assert!(
            text.contains("[lints]\nworkspace = true"),
            "{name} has lints of its own"
        );
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let root = std::fs::read_to_string(root).unwrap();
    assert!(root.contains("unsafe_code = \"forbid\""));
}
