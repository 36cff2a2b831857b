//! The text of an object without what others write into it.
//!
//! Invariant: a change of `status`, of versions or of field ownership leaves the text as it was, and
//! so costs no compile. The text is the same whether it came in a list or as an event.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// What is kept of an object, in the order in which it is written.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Kept<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_version: Option<String>,
    #[serde(default)]
    kind: String,
    metadata: KeptMeta,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    spec: Option<&'a RawValue>,
}

#[derive(Deserialize, Serialize)]
struct KeptMeta {
    name: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    namespace: Value,
    #[serde(default, skip_serializing_if = "Value::is_null")]
    labels: Value,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    annotations: Option<BTreeMap<String, Value>>,
}

/// The object's JSON with name, namespace, labels, the annotations that concern gateways, and the
/// spec. `None` for what is no object at all.
pub(super) fn trimmed(kind: &str, text: &str) -> Option<String> {
    let mut kept: Kept<'_> = serde_json::from_str(text).ok()?;
    // Items of lists of built-in kinds do not repeat what they are.
    kind.clone_into(&mut kept.kind);
    let ours =
        |name: &str| name.starts_with("getambassador.io/") || name == "kubernetes.io/ingress.class";
    if let Some(annotations) = &mut kept.metadata.annotations {
        annotations.retain(|name, _| ours(name));
    }
    serde_json::to_string(&kept).ok()
}

#[cfg(test)]
mod tests {
    use super::trimmed;

    #[test]
    fn what_others_write_leaves_no_trace() {
        let text = |version: &str, status: &str| {
            format!(
                r#"{{"apiVersion":"getambassador.io/v2","kind":"Mapping","metadata":{{"name":"a",
                "resourceVersion":"{version}","managedFields":[{{}}],"labels":{{"l":"1"}},
                "annotations":{{"kubectl.kubernetes.io/last-applied-configuration":"{version}",
                "getambassador.io/x":"y"}}}},"spec":{{"prefix":"/a/"}},"status":"{status}"}}"#
            )
        };
        let first = trimmed("Mapping", &text("1", "Running")).unwrap();
        assert_eq!(
            first,
            r#"{"apiVersion":"getambassador.io/v2","kind":"Mapping","metadata":{"name":"a","labels":{"l":"1"},"annotations":{"getambassador.io/x":"y"}},"spec":{"prefix":"/a/"}}"#
        );
        assert_eq!(trimmed("Mapping", &text("2", "Error")), Some(first));
    }
}
