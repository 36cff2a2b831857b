//! A reader of the Prometheus text format, strict where a scrape would only fail in production.

#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(unreachable_pub, reason = "a module of several test binaries")]

use std::collections::{BTreeMap, BTreeSet};

/// A page that was found well-formed.
#[derive(Debug, Default)]
pub struct Page {
    /// Type by family.
    pub types: BTreeMap<String, String>,
    pub help: BTreeSet<String>,
    /// Families in the order of the page.
    pub order: Vec<String>,
    pub samples: Vec<Sample>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub family: String,
    /// Name and labels, as on the page.
    pub series: String,
    pub labels: Vec<(String, String)>,
    pub value: f64,
}

impl Page {
    /// Panics on a family in two places, a sample before its TYPE, a series twice, or a line that
    /// is none of these.
    pub fn parse(text: &str) -> Self {
        let mut page = Self::default();
        let mut seen = BTreeSet::new();
        assert!(text.ends_with('\n'), "the last line ends");
        for line in text.lines() {
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').expect("help has a text");
                assert!(!help.is_empty());
                assert!(page.help.insert(name.to_owned()), "{name} has one HELP");
            } else if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').expect("type has a kind");
                assert!(matches!(kind, "counter" | "gauge" | "histogram"), "{line}");
                let before = page.types.insert(name.to_owned(), kind.to_owned());
                assert_eq!(before, None, "{name} has one TYPE");
                page.order.push(name.to_owned());
            } else {
                let sample = page.sample(line);
                assert_eq!(
                    Some(&sample.family),
                    page.order.last(),
                    "contiguous: {line}"
                );
                assert!(seen.insert(sample.series.clone()), "once: {line}");
                page.samples.push(sample);
            }
        }
        for family in &page.order {
            assert!(
                page.samples.iter().any(|s| s.family == *family),
                "{family} has series"
            );
        }
        page
    }

    pub fn value(&self, series: &str) -> Option<f64> {
        self.samples
            .iter()
            .find(|sample| sample.series == series)
            .map(|sample| sample.value)
    }

    /// Label names by family, without `le`.
    pub fn label_names(&self) -> BTreeMap<&str, String> {
        let mut names = BTreeMap::new();
        for sample in &self.samples {
            let labels: Vec<&str> = sample
                .labels
                .iter()
                .map(|(name, _)| &**name)
                .filter(|&name| name != "le")
                .collect();
            let labels = labels.join(",");
            let before = names.insert(&*sample.family, labels.clone());
            assert!(
                before.is_none_or(|before| before == labels),
                "{} is uniform",
                sample.family
            );
        }
        names
    }

    /// Every counter of Envoy's, by series.
    pub fn envoy_counters(&self) -> BTreeMap<String, f64> {
        let is_counter = |sample: &&Sample| {
            sample.family.starts_with("envoy_") && self.types[&sample.family] == "counter"
        };
        let pair = |sample: &Sample| (sample.series.clone(), sample.value);
        self.samples.iter().filter(is_counter).map(pair).collect()
    }

    fn sample(&self, line: &str) -> Sample {
        let (series, value) = line.rsplit_once(' ').expect("a sample has a value");
        let (name, labels) = match series.split_once('{') {
            Some((name, rest)) => (name, rest.strip_suffix('}').expect("braces are closed")),
            None => (series, ""),
        };
        Sample {
            family: self.family(name),
            series: series.to_owned(),
            labels: parse_labels(labels),
            value: value.parse().unwrap_or_else(|_| panic!("{line}")),
        }
    }

    fn family(&self, name: &str) -> String {
        for suffix in ["_bucket", "_sum", "_count"] {
            if let Some(family) = name.strip_suffix(suffix)
                && self
                    .types
                    .get(family)
                    .is_some_and(|kind| kind == "histogram")
            {
                return family.to_owned();
            }
        }
        assert!(self.types.contains_key(name), "TYPE comes before {name}");
        name.to_owned()
    }
}

fn parse_labels(mut text: &str) -> Vec<(String, String)> {
    let mut labels = Vec::new();
    while !text.is_empty() {
        let (name, rest) = text.split_once("=\"").expect("a label has a value");
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(is_name) && !name.is_empty(), "{name:?}");
        let (value, end) = parse_value(rest);
        labels.push((name.to_owned(), value));
        text = &rest[end..];
        text = text.strip_prefix(',').unwrap_or(text);
    }
    labels
}

/// The value, and where the text after its closing quote starts.
fn parse_value(text: &str) -> (String, usize) {
    let mut value = String::new();
    let mut characters = text.char_indices();
    loop {
        match characters.next().expect("a value is closed") {
            (at, '"') => return (value, at + 1),
            (_, '\\') => match characters.next().expect("an escape has a character").1 {
                'n' => value.push('\n'),
                escaped @ ('\\' | '"') => value.push(escaped),
                other => panic!("no such escape: {other}"),
            },
            (_, other) => value.push(other),
        }
    }
}
