//! How one handle is called.
//!
//! Invariant: the label text is escaped for the exposition format, the wire name has nothing a
//! statsd receiver would take for syntax of its own (`:` and control characters, as Envoy does).
//! Neither writer formats: both copy pieces, which are nearly all shared, since there are thousands
//! of clusters.

use std::sync::Arc;
use std::time::Duration;

use crate::cluster::Uses;
use crate::histogram::Histogram;
use crate::statsd::Timers;

/// The names of one handle, and its way to statsd.
#[derive(Debug)]
pub(crate) struct Series {
    names: Names,
    /// Identifies the handle in the statsd exporter.
    pub(crate) id: u32,
    /// Of clusters; beside the id, where it takes no room.
    pub(crate) uses: Uses,
    timers: Arc<Timers>,
}

/// What a handle is called.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    /// A cluster whose name stands as it is, on the page and on the wire.
    Plain(Arc<str>),
    Written(Arc<Written>),
}

/// Names that are written out.
#[derive(Debug)]
pub(crate) struct Written {
    /// The cluster's name; empty of other handles.
    cluster: Arc<str>,
    /// `envoy_http_conn_manager_prefix="ingress_http"`; empty for the server's own.
    labels: Box<str>,
    /// `envoy.http.ingress_http.`
    wire: Box<str>,
    /// `envoy.http.`
    bare: &'static str,
    /// `envoy.http_conn_manager_prefix:ingress_http`; empty for the server's own.
    tags: Box<str>,
}

/// What the statistics of a handle begin with, in Envoy's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scoped<'a> {
    /// `envoy.http.ingress_http.`
    pub(crate) full: &'a str,
    /// The same without what tags tell: `envoy.http.`
    pub(crate) bare: &'static str,
}

/// What a handle is called on the wire: by `full`, or by `bare` and `tags`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wire<'a> {
    pub(crate) full: Pieces<'a>,
    pub(crate) bare: &'a str,
    pub(crate) tags: Pieces<'a>,
}

/// A text in pieces, to be written one after the other.
pub(crate) type Pieces<'a> = [&'a str; 3];

impl Series {
    /// `labels` are pairs of a label name and a raw value; `scope` is raw as well.
    pub(crate) fn new(timers: &Arc<Timers>, labels: &[(&str, &str)], scope: Scoped<'_>) -> Self {
        let names = Names::written(&Arc::default(), labels, scope);
        Self::with(timers, names, timers.next_id())
    }

    /// Of a cluster; the id may be that of a handle before.
    pub(crate) fn of_cluster(timers: &Arc<Timers>, name: &Arc<str>, id: u32) -> Self {
        Self::with(timers, Names::of_cluster(name), id)
    }

    fn with(timers: &Arc<Timers>, names: Names, id: u32) -> Self {
        Self {
            names,
            id,
            uses: Uses::new(),
            timers: Arc::clone(timers),
        }
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    /// `envoy_cluster_name="httpbin"`
    pub(crate) fn labels(&self) -> Pieces<'_> {
        match &self.names {
            Names::Plain(name) => ["envoy_cluster_name=\"", name, "\""],
            Names::Written(written) => [&written.labels, "", ""],
        }
    }

    /// Adds a sample to `histogram`, and sends it to statsd as `name` when somebody listens.
    pub(crate) fn time(&self, histogram: &Histogram, name: &'static str, took: Duration) {
        histogram.observe(took);
        self.timers.sample(self.id, name, took);
    }
}

impl Names {
    fn of_cluster(name: &Arc<str>) -> Self {
        if is_plain(name) {
            return Self::Plain(Arc::clone(name));
        }
        let labels = [("envoy_cluster_name", &**name)];
        let scope = Scoped {
            full: &format!("{CLUSTER}{name}."),
            bare: CLUSTER,
        };
        Self::written(name, &labels, scope)
    }

    fn written(cluster: &Arc<str>, labels: &[(&str, &str)], scope: Scoped<'_>) -> Self {
        Self::Written(Arc::new(Written {
            cluster: Arc::clone(cluster),
            labels: label_text(labels).into(),
            wire: wire_name(scope.full).into(),
            bare: scope.bare,
            tags: tag_text(labels).into(),
        }))
    }

    /// The name of a cluster as it was given.
    pub(crate) fn cluster(&self) -> &Arc<str> {
        match self {
            Self::Plain(name) => name,
            Self::Written(written) => &written.cluster,
        }
    }

    /// What it is called on the wire.
    pub(crate) fn wire(&self) -> Wire<'_> {
        match self {
            Self::Plain(name) => Wire {
                full: [CLUSTER, name, "."],
                bare: CLUSTER,
                tags: ["envoy.cluster_name:", name, ""],
            },
            Self::Written(written) => Wire {
                full: [&written.wire, "", ""],
                bare: written.bare,
                tags: [&written.tags, "", ""],
            },
        }
    }
}

const CLUSTER: &str = "envoy.cluster.";

/// Whether neither writer would change anything about a name.
fn is_plain(name: &str) -> bool {
    let is_changed = |c: char| matches!(c, '\\' | '"' | ':') || c.is_control();
    !name.contains(is_changed)
}

/// `name="value",…` with the three escapes of the text format.
pub(crate) fn label_text(labels: &[(&str, &str)]) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        if !text.is_empty() {
            text.push(',');
        }
        text.push_str(name);
        text.push_str("=\"");
        for character in value.chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '"' => text.push_str("\\\""),
                '\n' => text.push_str("\\n"),
                other => text.push(other),
            }
        }
        text.push('"');
    }
    text
}

/// `name:value,…`, named as labels are but for the dot after Envoy's name: `envoy.cluster_name`.
fn tag_text(labels: &[(&str, &str)]) -> String {
    let tag = |(label, value): &(&str, &str)| {
        format!("{}:{}", label.replacen('_', ".", 1), wire_name(value))
    };
    labels.iter().map(tag).collect::<Vec<_>>().join(",")
}

/// Without what a statsd receiver would take for syntax: `:`, and control characters. As Envoy,
/// which leaves everything else as users write it.
pub(crate) fn wire_name(scope: &str) -> String {
    scope
        .chars()
        .map(|c| if c == ':' || c.is_control() { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_label_values_are_escaped() {
        assert_eq!(
            label_text(&[("a", "x\"} 1\n\\"), ("b", "ü")]),
            r#"a="x\"} 1\n\\",b="ü""#
        );
    }

    #[test]
    fn a_name_stands_as_it_is_only_where_writing_it_out_says_the_same() {
        let timers = Arc::new(Timers::default());
        for name in [
            "a",
            "service_1-x.y",
            "ü",
            "",
            "a\"b",
            "a:b",
            "a\\b",
            "a\nb",
            "a\u{7f}b",
        ] {
            let series = Series::of_cluster(&timers, &name.into(), 0);
            let (labels, wire) = (series.labels().concat(), series.names().wire());
            assert_eq!(labels, label_text(&[("envoy_cluster_name", name)]));
            let full = wire_name(&format!("envoy.cluster.{name}."));
            assert_eq!(wire.full.concat(), full);
            let tag = format!("envoy.cluster_name:{}", wire_name(name));
            assert_eq!((wire.bare, wire.tags.concat()), ("envoy.cluster.", tag));
            assert_eq!(&**series.names().cluster(), name);
        }
    }

    #[test]
    fn a_wire_name_cannot_carry_a_second_metric() {
        assert_eq!(
            wire_name("envoy.cluster.a:1|c\nb."),
            "envoy.cluster.a_1|c_b."
        );
    }
}
