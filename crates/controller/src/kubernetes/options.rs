//! What is followed of a cluster, and how often its API server is asked.

use std::time::Duration;

/// Which objects are followed, and at what pace.
#[derive(Clone, Debug, Default)]
pub struct KubernetesOptions {
    /// A label selector for Services, Ingresses and custom resources.
    pub labels: Option<String>,
    /// A field selector for the same.
    pub fields: Option<String>,
    /// Only Secrets of the gateway's own namespace.
    pub own_secrets: bool,
    /// How often the API server is asked.
    pub pace: Pace,
}

/// How often the API server is asked. All but the first list is jittered anyway.
#[derive(Clone, Debug)]
pub struct Pace {
    /// Every list is delayed by a random part of this, so that gateways that start together do not
    /// ask together; the first lists of one gateway by the same. Fresh lists of a gateway that runs spread over a second at least.
    pub spread: Duration,
    /// What is forbidden and can be done without is asked for again after this.
    pub refused: Duration,
    /// What the API server does not know is looked for again after this.
    pub absent: Duration,
}

impl KubernetesOptions {
    /// Whether some objects are left out.
    pub(crate) fn selects(&self) -> bool {
        self.labels.is_some() || self.fields.is_some()
    }
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            spread: Duration::ZERO,
            refused: Duration::from_mins(5),
            absent: Duration::from_secs(55),
        }
    }
}
