//! The wire format, as Ambassador's environment variables choose it.

use crate::series::wire_name;

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

impl Form {
    /// Reads `DOGSTATSD` and `DD_ENTITY_ID`. As with Ambassador, DogStatsD's form needs
    /// `STATSD_ENABLED`, and `true` in any case and nothing else is true.
    pub(super) fn from_env(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_true = |name| variable(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
        if !is_true("STATSD_ENABLED") || !is_true("DOGSTATSD") {
            return Self::Plain;
        }
        let entity = variable("DD_ENTITY_ID").filter(|entity| !entity.is_empty());
        Self::Dog {
            entity: entity.map(Into::into),
        }
    }

    /// Tags that every metric has.
    pub(super) fn common_tags(&self) -> String {
        match self {
            Self::Plain | Self::Dog { entity: None } => String::new(),
            Self::Dog { entity: Some(id) } => format!("dd.internal.entity_id:{}", wire_name(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
