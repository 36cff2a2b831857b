//! The discovery documents: which groups, versions and resources are served.

use std::collections::BTreeMap;

use hyper::Response;
use serde_json::{Value, json};

use super::call::versioned;
use super::definition::definition;
use super::reply::{self, Chunks};
use super::resource::Resource;
use super::store::State;

/// Answers a path of discovery; `None` for any other.
pub(super) fn answer(path: &str, state: &mut State) -> Option<Response<Chunks>> {
    let groups = groups(state);
    let document = match path.trim_end_matches('/') {
        "/version" => json!({"major": "1", "minor": "33", "gitVersion": "v1.33.0"}),
        "/api" => json!({"kind": "APIVersions", "versions": ["v1"]}),
        "/apis" => {
            let groups: Vec<Value> = groups.iter().map(|(name, all)| group(name, all)).collect();
            json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
        }
        "/api/v1" => resources("", "v1", state),
        path => {
            let name = path.strip_prefix("/apis/")?;
            match name.split_once('/') {
                None => match groups.get(name) {
                    Some(versions) => group(name, versions),
                    None => return Some(reply::not_found("no such group")),
                },
                Some((group, version)) if !version.contains('/') => {
                    let served = groups.get(group);
                    if !served.is_some_and(|all| all.contains(&version)) {
                        return Some(reply::not_found("no such version"));
                    }
                    resources(group, version, state)
                }
                Some(_) => return definition_at(path, state),
            }
        }
    };
    Some(reply::json(&document))
}

/// The groups with a served kind, and their versions.
fn groups(state: &mut State) -> BTreeMap<&'static str, Vec<&'static str>> {
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for resource in Resource::ALL.into_iter().filter(|r| !r.group().is_empty()) {
        for version in &state.table(resource).versions {
            let versions = groups.entry(resource.group()).or_default();
            if !versions.contains(version) {
                versions.push(*version);
            }
        }
    }
    groups
}

fn group(name: &str, versions: &[&str]) -> Value {
    let version =
        |version: &&str| json!({"groupVersion": format!("{name}/{version}"), "version": version});
    let versions: Vec<Value> = versions.iter().map(version).collect();
    json!({
        "kind": "APIGroup", "apiVersion": "v1", "name": name,
        "versions": versions, "preferredVersion": versions.first(),
    })
}

fn resources(group: &str, version: &str, state: &mut State) -> Value {
    let served = Resource::ALL
        .into_iter()
        .filter(|resource| resource.group() == group)
        .filter(|resource| state.table(*resource).versions.contains(&version));
    let resources: Vec<Value> = served
        .map(|resource| {
            let shape = resource.shape();
            json!({
                "name": shape.plural, "singularName": shape.kind.to_lowercase(),
                "namespaced": shape.namespaced, "kind": shape.kind,
                "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"],
            })
        })
        .collect();
    let group_version = match group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    json!({
        "kind": "APIResourceList", "apiVersion": "v1",
        "groupVersion": group_version, "resources": resources,
    })
}

/// The definition of an installed kind.
fn definition_at(path: &str, state: &mut State) -> Option<Response<Chunks>> {
    let (group, "v1", rest) = versioned(path)? else {
        return None;
    };
    let definitions = Resource::CustomResourceDefinitions;
    let name = rest.strip_prefix(definitions.plural())?.strip_prefix('/')?;
    if group != definitions.group() {
        return None;
    }
    if state.table(definitions).faults.forbidden {
        let message = "customresourcedefinitions is forbidden";
        return Some(reply::refuse(
            hyper::StatusCode::FORBIDDEN,
            "Forbidden",
            message,
        ));
    }
    let of = |resource: &Resource| name == format!("{}.{}", resource.plural(), resource.group());
    let mut versions = |resource| state.table(resource).versions.clone();
    let found = Resource::CUSTOM.iter().copied().find(of);
    let found = found.map(|resource| (resource, versions(resource)));
    let installed = found.filter(|(_, versions)| !versions.is_empty());
    Some(match installed {
        Some((resource, versions)) => reply::json(&definition(resource, &versions)),
        None => reply::not_found("no such definition"),
    })
}
