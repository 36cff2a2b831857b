//! The counters of a Prometheus page, and by how much they moved.

use std::collections::BTreeMap;
use std::fmt;

/// Counters by series, as on the page.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counters(BTreeMap<String, f64>);

impl Counters {
    /// Reads the counters of a page; other types are left out.
    pub fn parse(page: &str) -> Self {
        let mut is_counter = false;
        let mut counters = BTreeMap::new();
        for line in page.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                is_counter = kind.ends_with(" counter");
            } else if let (true, Some((series, value))) = (is_counter, line.rsplit_once(' '))
                && !line.starts_with('#')
            {
                counters.insert(series.to_owned(), value.parse().unwrap());
            }
        }
        Self(counters)
    }

    /// The sum over all series of a family, whatever their labels; 0 without any.
    pub fn sum(&self, family: &str) -> f64 {
        self.of(family, |_| true)
    }

    /// As [`Counters::sum`], of the series with this label.
    pub fn with(&self, family: &str, label: &str) -> f64 {
        self.of(family, |labels| labels.contains(label))
    }

    fn of(&self, family: &str, matches: impl Fn(&str) -> bool) -> f64 {
        let values = self.0.iter().filter_map(|(series, value)| {
            let (name, labels) = series.split_once('{').unwrap_or((series, ""));
            (name == family && matches(labels)).then_some(*value)
        });
        values.sum()
    }

    /// By how much the counters of Envoy moved since `before`: only those that did, wire bytes and
    /// configuration left out, sorted, with `names` replaced.
    pub fn moves_since(&self, before: &Self, names: &[(&str, &str)]) -> Moves {
        let moved = self.0.iter().filter_map(|(series, value)| {
            let by = value - before.0.get(series).copied().unwrap_or(0.0);
            let counts = series.starts_with("envoy_") && !series.contains("_bytes_total");
            (counts && by != 0.0).then_some((series, by))
        });
        let renamed = moved.map(|(series, by)| {
            let name = names
                .iter()
                .fold(series.clone(), |name, (from, to)| name.replace(from, to));
            (name, by)
        });
        Moves(renamed.collect())
    }
}

/// By how much each series moved.
#[derive(Clone, PartialEq)]
pub struct Moves(BTreeMap<String, f64>);

impl Moves {
    /// Reads lines of the form `+1 series`.
    pub fn parse(text: &str) -> Self {
        let pair = |line: &str| {
            let (by, series) = line.split_once(' ').unwrap();
            (series.to_owned(), by.parse().unwrap())
        };
        Self(text.lines().map(pair).collect())
    }

    /// With the series of `other` as well.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.0.extend(other.0.clone());
        self
    }

    /// Without the series that contain any of `parts`.
    #[must_use]
    pub fn without(mut self, parts: &[&str]) -> Self {
        self.0
            .retain(|series, _| parts.iter().all(|part| !series.contains(part)));
        self
    }
}

impl fmt::Debug for Moves {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (series, by) in &self.0 {
            write!(f, "\n{by:+} {series}")?;
        }
        Ok(())
    }
}
