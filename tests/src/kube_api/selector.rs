//! Label and field selectors.
//!
//! Deliberately absent: which fields a real server lets select; here any scalar does.

use serde_json::Value;

use super::object::Object;

/// What both selectors of a request ask for, all of it.
#[derive(Debug, Default)]
pub(super) struct Selectors {
    labels: Vec<(String, Asked)>,
    fields: Vec<(String, Asked)>,
}

/// What is asked of one label or field.
#[derive(Debug)]
enum Asked {
    In(Vec<String>),
    NotIn(Vec<String>),
    Present,
    Absent,
}

impl Selectors {
    pub(super) fn new(labels: Option<&str>, fields: Option<&str>) -> Self {
        let parse = |text: Option<&str>| {
            let terms = terms(text.unwrap_or_default());
            terms.into_iter().map(requirement).collect()
        };
        Self {
            labels: parse(labels),
            fields: parse(fields),
        }
    }

    pub(super) fn select(&self, object: &Object) -> bool {
        let labels = |(name, asked): &(String, Asked)| {
            asked.holds(object.labels.get(name).map(String::as_str))
        };
        self.labels.iter().all(labels) && self.fields_select(object)
    }

    fn fields_select(&self, object: &Object) -> bool {
        self.fields.iter().all(|(path, asked)| match &**path {
            "metadata.name" => asked.holds(Some(&object.key.name)),
            "metadata.namespace" => asked.holds(Some(&object.key.namespace)),
            path => {
                let value = object.value();
                let field = path.split('.').fold(&value, |value, key| &value[key]);
                asked.holds(Some(text(field).as_str()))
            }
        })
    }
}

impl Asked {
    fn holds(&self, value: Option<&str>) -> bool {
        let among = |values: &[String]| value.is_some_and(|v| values.iter().any(|one| one == v));
        match self {
            Self::In(values) => among(values),
            Self::NotIn(values) => !among(values),
            Self::Present => value.is_some(),
            Self::Absent => value.is_none(),
        }
    }
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

/// Splits at the commas outside of parentheses.
fn terms(selector: &str) -> Vec<&str> {
    let mut depth = 0;
    let split = selector.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        c == ',' && depth == 0
    });
    split
        .map(str::trim)
        .filter(|term| !term.is_empty())
        .collect()
}

fn requirement(term: &str) -> (String, Asked) {
    let one = |value: &str| vec![value.trim().to_owned()];
    let set = |values: &str| {
        let values = values.trim().trim_matches(['(', ')']);
        values
            .split(',')
            .map(|value| value.trim().to_owned())
            .collect()
    };
    if let Some((name, values)) = term.split_once(" notin ") {
        return (name.trim().to_owned(), Asked::NotIn(set(values)));
    }
    if let Some((name, values)) = term.split_once(" in ") {
        return (name.trim().to_owned(), Asked::In(set(values)));
    }
    if let Some((name, value)) = term.split_once("!=") {
        return (name.trim().to_owned(), Asked::NotIn(one(value)));
    }
    if let Some((name, value)) = term.split_once("==").or_else(|| term.split_once('=')) {
        return (name.trim().to_owned(), Asked::In(one(value)));
    }
    match term.strip_prefix('!') {
        Some(name) => (name.trim().to_owned(), Asked::Absent),
        None => (term.to_owned(), Asked::Present),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::kube_api::object::Key;

    fn selects(labels: &str, fields: &str) -> bool {
        let key = Key {
            namespace: "shop".to_owned(),
            name: "cart".to_owned(),
        };
        let object = json!({
            "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
            "metadata": {"labels": {"app": "cart", "tier": "back"}},
        });
        Selectors::new(Some(labels), Some(fields)).select(&Object::new(key, &object))
    }

    #[test]
    fn all_that_is_asked_must_hold() {
        assert!(selects("", ""));
        assert!(selects("app in (cart, basket),tier!=front,!old,app", ""));
        assert!(!selects("app notin (cart)", ""));
        assert!(!selects("app=cart,tier=front", ""));
        assert!(selects(
            "",
            "metadata.name=cart,metadata.namespace!=kube-system"
        ));
        assert!(selects("", "type==kubernetes.io/tls"));
        assert!(!selects("", "type=Opaque"));
    }
}
