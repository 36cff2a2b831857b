//! Definitions of the kinds of `getambassador.io`, of our own making: they accept anything.

use serde_json::{Value, json};

use super::resource::Resource;

/// The CustomResourceDefinition of a kind, whose first version is the stored one.
pub(super) fn definition(resource: Resource, versions: &[&str]) -> Value {
    let shape = resource.shape();
    let open = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |(place, name): (usize, &&str)| {
        json!({
            "name": name, "served": true, "storage": place == 0,
            "subresources": {"status": {}},
            "schema": {"openAPIV3Schema": {
                "type": "object", "properties": {"spec": open, "status": open},
            }},
        })
    };
    let versions: Vec<Value> = versions.iter().enumerate().map(version).collect();
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": format!("{}.{}", shape.plural, shape.group)},
        "spec": {
            "group": shape.group, "scope": "Namespaced", "versions": versions,
            "names": {
                "plural": shape.plural, "singular": shape.kind.to_lowercase(),
                "kind": shape.kind, "listKind": format!("{}List", shape.kind),
            },
        },
    })
}
