//! Labels of objects, and what selects by them.
//!
//! Invariant: both are sorted by key, and no key is there twice.

pub(crate) mod read;

use std::sync::Arc;

/// Labels, or what a selector wants of them.
type Pairs = [(Box<str>, Box<str>)];

/// The labels of an object. One word where there are none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Labels(Option<Arc<Pairs>>);

impl Labels {
    /// By key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.as_deref().unwrap_or_default();
        pairs.iter().map(|(key, value)| (&**key, &**value))
    }

    /// These and one more.
    pub(crate) fn with(&self, key: &str, value: &str) -> Self {
        let own = self.iter().chain([(key, value)]);
        own.map(|(key, value)| (key.into(), value.into())).collect()
    }

    /// The value of a label.
    pub fn get(&self, key: &str) -> Option<&str> {
        let pairs = self.0.as_deref()?;
        let at = pairs.binary_search_by(|(known, _)| (**known).cmp(key));
        pairs.get(at.ok()?).map(|(_, value)| &**value)
    }
}

impl FromIterator<(Box<str>, Box<str>)> for Labels {
    /// Of one key written twice, the last counts.
    fn from_iter<I: IntoIterator<Item = (Box<str>, Box<str>)>>(pairs: I) -> Self {
        let pairs = sorted(pairs);
        Self((!pairs.is_empty()).then(|| pairs.into()))
    }
}

/// `matchLabels`: the labels that an object must have, every one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Selector(Arc<Pairs>);

impl Selector {
    /// What is wanted, by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether `labels` have all that is wanted. A selector that wants nothing selects everything.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.iter()
            .all(|(key, value)| labels.get(key) == Some(value))
    }

    /// Whether `labels` have any of what is wanted, as Emissary before 2.5 and 3.2 selected
    /// (`DISABLE_STRICT_LABEL_SELECTORS`).
    pub fn selects_by_any(&self, labels: &Labels) -> bool {
        let mut wanted = self.iter();
        wanted.any(|(key, value)| labels.get(key) == Some(value))
    }
}

impl FromIterator<(Box<str>, Box<str>)> for Selector {
    /// Of one key written twice, the last counts.
    fn from_iter<I: IntoIterator<Item = (Box<str>, Box<str>)>>(pairs: I) -> Self {
        Self(sorted(pairs).into())
    }
}

fn sorted(pairs: impl IntoIterator<Item = (Box<str>, Box<str>)>) -> Vec<(Box<str>, Box<str>)> {
    let by_key: std::collections::BTreeMap<_, _> = pairs.into_iter().collect();
    by_key.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(Box<str>, Box<str>)> {
        let pairs = pairs.iter();
        pairs
            .map(|(key, value)| ((*key).into(), (*value).into()))
            .collect()
    }

    #[test]
    fn every_label_that_is_wanted_has_to_be_there() {
        let labels: Labels = pairs(&[("tier", "edge"), ("app", "shop")])
            .into_iter()
            .collect();
        let selects = |wanted: &[(&str, &str)]| {
            let selector: Selector = pairs(wanted).into_iter().collect();
            (selector.selects(&labels), selector.selects_by_any(&labels))
        };
        assert_eq!(selects(&[("app", "shop"), ("tier", "edge")]), (true, true));
        assert_eq!(selects(&[("app", "shop"), ("tier", "core")]), (false, true));
        assert_eq!(selects(&[("app", "other")]), (false, false));
        assert_eq!(selects(&[]), (true, false));
    }

    #[test]
    fn labels_are_found_by_key_whatever_their_order() {
        let labels: Labels = pairs(&[("b", "2"), ("a", "1"), ("a", "3")])
            .into_iter()
            .collect();
        assert_eq!(labels.get("a"), Some("3"));
        assert_eq!(labels.get("c"), None);
        assert_eq!(labels.iter().count(), 2);
    }
}
