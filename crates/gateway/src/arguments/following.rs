//! Which objects of a cluster are followed, and at what pace.

use std::time::Duration;

use clap::Args;
use nuncio_controller::{KubernetesOptions, Pace};

use crate::duration;

/// What is followed of a cluster.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FollowingArguments {
    /// Follow only Services, Ingresses and custom resources with these labels.
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "AMBASSADOR_LABEL_SELECTOR",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) label_selector: String,
    /// Follow only Services, Ingresses and custom resources with these fields, as in
    /// `metadata.namespace!=kube-system`.
    #[arg(
        long,
        value_name = "SELECTOR",
        env = "AMBASSADOR_FIELD_SELECTOR",
        default_value = "",
        hide_default_value = true
    )]
    pub(crate) field_selector: String,
    /// Delay each list of objects by a random part of this time, the first one too.
    ///
    /// For many gateways that start together on one API server. Fresh lists of a gateway that runs
    /// spread over a second anyway.
    #[arg(long, value_name = "TIME", env = "NUNCIO_LIST_SPREAD", default_value = "0s", value_parser = duration::parse)]
    pub(crate) list_spread: Duration,
}

impl FollowingArguments {
    /// `own_secrets`: of Secrets, only those of the gateway's own namespace.
    pub(crate) fn options(&self, own_secrets: bool) -> KubernetesOptions {
        let selector = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        KubernetesOptions {
            labels: selector(&self.label_selector),
            fields: selector(&self.field_selector),
            own_secrets,
            pace: Pace {
                spread: self.list_spread,
                ..Pace::default()
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_selector_selects_everything() {
        let arguments = FollowingArguments {
            label_selector: " ".to_owned(),
            field_selector: "metadata.name=a".to_owned(),
            list_spread: Duration::from_secs(3),
        };
        let options = arguments.options(true);
        assert!(options.own_secrets);
        assert_eq!(options.labels, None);
        assert_eq!(options.fields.as_deref(), Some("metadata.name=a"));
        assert_eq!(options.pace.spread, Duration::from_secs(3));
    }
}
