//! How a metric is called on the wire: in plain statsd all is in the name, in DogStatsD's form what
//! differs between handles is in tags.
//!
//! Invariant: a name is Envoy's, whatever users call things: only `:` and control characters, which
//! would end it, are replaced.

use std::sync::Arc;

/// The wire format.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// `envoy.cluster.httpbin.upstream_rq_200:1|c`
    #[default]
    Plain,
    /// `envoy.cluster.upstream_rq:1|c|#envoy.response_code:200,envoy.cluster_name:httpbin`
    Dog {
        /// `DD_ENTITY_ID`, told with every metric as the tag `dd.internal.entity_id`.
        entity: Option<Box<str>>,
    },
}

/// What a handle is about, in Envoy's words.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scoped<'a> {
    /// The dotted prefix of its statistics: `envoy.cluster.httpbin.`
    pub(crate) full: &'a str,
    /// The same without what is told by tags: `envoy.cluster.`
    pub(crate) bare: &'a str,
}

/// The prepared name of a handle.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    /// The prefix of its statistics, and then its tags.
    text: Arc<str>,
    tags_at: usize,
}

impl Form {
    /// Reads `DOGSTATSD` and `DD_ENTITY_ID`. As with Ambassador, DogStatsD's form needs
    /// `STATSD_ENABLED`, and `true` in any case and nothing else is true.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_true = |name| variable(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if !is_true("STATSD_ENABLED") || !is_true("DOGSTATSD") {
            return Self::Plain;
        }
        let entity = variable("DD_ENTITY_ID").filter(|entity| !entity.is_empty());
        Self::Dog {
            entity: entity.map(Into::into),
        }
    }

    /// The name of a handle with these labels, pairs of a label name on the page and a raw value.
    pub(crate) fn wire(&self, scope: Scoped<'_>, labels: &[(&str, &str)]) -> Wire {
        match self {
            Self::Plain => Wire::new(wire_name(scope.full), ""),
            Self::Dog { .. } => Wire::new(scope.bare.to_owned(), &tags(labels)),
        }
    }

    /// Tags that every metric has.
    pub(super) fn common_tags(&self) -> String {
        match self {
            Self::Plain | Self::Dog { entity: None } => String::new(),
            Self::Dog { entity: Some(id) } => tag("dd.internal.entity_id", id),
        }
    }
}

impl Wire {
    fn new(mut text: String, tags: &str) -> Self {
        let tags_at = text.len();
        text.push_str(tags);
        Self {
            text: text.into(),
            tags_at,
        }
    }

    /// What the name of each of its metrics begins with, and their tags.
    pub(super) fn parts(&self) -> (&str, &str) {
        self.text.split_at(self.tags_at)
    }
}

/// Tags are named as labels are, but that Envoy's own words have dots: `envoy.cluster_name`.
fn tags(labels: &[(&str, &str)]) -> String {
    let tags = labels
        .iter()
        .map(|(label, value)| tag(&label.replacen('_', ".", 1), value));
    tags.collect::<Vec<_>>().join(",")
}

pub(super) fn tag(name: &str, value: &str) -> String {
    format!("{name}:{}", wire_name(value))
}

/// Without what a statsd receiver would take for the end of a name or of a line. As Envoy, which
/// leaves everything else as users write it.
pub(super) fn wire_name(text: &str) -> String {
    text.chars()
        .map(|c| if c == ':' || c.is_control() { '_' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: Scoped<'_> = Scoped {
        full: "envoy.cluster.a:1|c\nb.",
        bare: "envoy.cluster.",
    };
    const LABELS: &[(&str, &str)] = &[("envoy_cluster_name", "a:1|c\nb")];

    fn form(variables: &[(&str, &str)]) -> Form {
        let value = |name: &str| {
            let found = variables.iter().find(|(n, _)| *n == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Form::from_env(value)
    }

    #[test]
    fn dogstatsd_needs_statsd_and_is_true_in_any_case_and_nothing_else() {
        let dog = |entity: Option<&str>| Form::Dog {
            entity: entity.map(Into::into),
        };
        let on = ("STATSD_ENABLED", "true");
        assert_eq!(form(&[on, ("DOGSTATSD", "True")]), dog(None));
        assert_eq!(
            form(&[on, ("DOGSTATSD", "true"), ("DD_ENTITY_ID", "uid")]),
            dog(Some("uid"))
        );
        assert_eq!(
            form(&[on, ("DOGSTATSD", "true"), ("DD_ENTITY_ID", "")]),
            dog(None)
        );
        for plain in [
            &[("DOGSTATSD", "true")][..],
            &[("STATSD_ENABLED", "1"), ("DOGSTATSD", "true")],
            &[on, ("DOGSTATSD", "1")],
            &[on, ("DD_ENTITY_ID", "uid")],
        ] {
            assert_eq!(form(plain), Form::Plain, "{plain:?}");
        }
    }

    #[test]
    fn a_name_cannot_carry_a_second_metric() {
        let plain = Form::Plain.wire(SCOPE, LABELS);
        assert_eq!(plain.parts(), ("envoy.cluster.a_1|c_b.", ""));
        let dog = Form::Dog { entity: None }.wire(SCOPE, LABELS);
        let expected = ("envoy.cluster.", "envoy.cluster_name:a_1|c_b");
        assert_eq!(dog.parts(), expected);
    }
}
