//! Which of a cluster's two names it is counted by.

/// How a cluster is called: `envoy_cluster_name` on the page, and the part of a statsd name that
/// says the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClusterLabel {
    /// By its `stats_name`, as from Emissary 2.0.5 on: `httpbin`. Clusters that have one in common
    /// are counted together.
    #[default]
    StatsName,
    /// By its name, as until then: `cluster_httpbin_default`.
    Name,
}

impl ClusterLabel {
    /// What a cluster with these two names is called.
    pub fn of<'n>(self, name: &'n str, stats_name: &'n str) -> &'n str {
        match self {
            Self::StatsName => stats_name,
            Self::Name => name,
        }
    }
}
