//! How one handle is called: prepared once, so that neither writer formats names.
//!
//! Invariant: the label text is escaped for the exposition format; the wire name is what the form of
//! statsd in use makes of it.

use std::sync::Arc;
use std::time::Duration;

use crate::histogram::Histogram;
use crate::statsd::{Scoped, Timers, Wire};

/// The names of one handle, and its way to statsd.
#[derive(Debug)]
pub(crate) struct Series {
    /// `envoy_cluster_name="httpbin"`; empty for the server's own.
    pub(crate) labels: Box<str>,
    pub(crate) wire: Wire,
    /// Identifies the handle in the statsd exporter.
    pub(crate) id: u32,
    timers: Arc<Timers>,
}

impl Series {
    /// `labels` are pairs of a label name and a raw value.
    pub(crate) fn new(timers: &Arc<Timers>, labels: &[(&str, &str)], scope: Scoped<'_>) -> Self {
        Self::with(timers, labels, scope, timers.next_id())
    }

    /// As [`Self::new`], with the id of a handle before.
    pub(crate) fn with(
        timers: &Arc<Timers>,
        labels: &[(&str, &str)],
        scope: Scoped<'_>,
        id: u32,
    ) -> Self {
        let wire = timers.form.wire(scope, labels);
        timers.name(id, wire.clone());
        Self {
            labels: label_text(labels).into(),
            wire,
            id,
            timers: Arc::clone(timers),
        }
    }

    /// Nobody has the handle any more.
    pub(crate) fn leave(&self) {
        self.timers.unname(self.id);
    }

    /// Adds a sample to `histogram`, and sends it to statsd as `name` when somebody listens.
    pub(crate) fn time(&self, histogram: &Histogram, name: &'static str, took: Duration) {
        histogram.observe(took);
        self.timers.sample(self.id, name, took);
    }
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
}
