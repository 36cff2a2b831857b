//! How numbers are told.

use clap::{Args, ValueEnum};
use nuncio_telemetry::{ClusterLabel, statsd};
use tracing::warn;

/// How numbers are told.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StatisticsArguments {
    /// What clusters are called in `envoy_cluster_name` and in statsd's names.
    #[arg(
        long,
        value_name = "WHICH",
        env = "NUNCIO_STATS_CLUSTER_LABEL",
        default_value = "stats_name"
    )]
    pub(crate) stats_cluster_label: LabelName,
    /// Send as many metrics to statsd in one datagram as so many bytes hold, each on a line.
    ///
    /// Otherwise each goes alone, which every receiver understands. 1432 bytes fit into one packet
    /// of an Ethernet.
    #[arg(
        long,
        value_name = "BYTES",
        env = "NUNCIO_STATSD_MAX_DATAGRAM",
        value_parser = clap::value_parser!(u16).range(512..=LARGEST_DATAGRAM)
    )]
    pub(crate) statsd_max_datagram: Option<u16>,
}

/// A name of a cluster.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum LabelName {
    /// Its stats_name, as from Emissary 2.0.5 on: httpbin.
    #[default]
    StatsName,
    /// Its name, as until then: cluster_httpbin_default.
    Name,
}

/// What UDP over IPv4 can carry.
const LARGEST_DATAGRAM: i64 = 65_507;

impl StatisticsArguments {
    /// What clusters are called.
    pub(crate) fn cluster_label(&self) -> ClusterLabel {
        match self.stats_cluster_label {
            LabelName::StatsName => ClusterLabel::StatsName,
            LabelName::Name => ClusterLabel::Name,
        }
    }

    /// Where statsd is and how it is told; what is wrong in the environment is logged.
    pub(crate) fn statsd(&self) -> statsd::Options {
        let (options, warnings) = statsd::Options::from_env(|name| std::env::var(name).ok());
        for warning in warnings {
            warn!("{warning}");
        }
        statsd::Options {
            max_datagram: self.statsd_max_datagram.map(usize::from),
            ..options
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    fn statistics(arguments: &[&str]) -> Option<StatisticsArguments> {
        let all = ["nuncio"].iter().chain(arguments);
        let parsed = Arguments::try_parse_from(all).ok()?;
        Some(parsed.run.statistics)
    }

    #[test]
    fn clusters_are_called_by_either_name() {
        let label =
            |arguments: &[&str]| statistics(arguments).map(|statistics| statistics.cluster_label());
        assert_eq!(label(&[]), Some(ClusterLabel::StatsName));
        assert_eq!(
            label(&["--stats-cluster-label", "name"]),
            Some(ClusterLabel::Name)
        );
        assert_eq!(
            label(&["--stats-cluster-label=stats_name"]),
            Some(ClusterLabel::StatsName)
        );
        assert_eq!(label(&["--stats-cluster-label", "other"]), None);
    }

    #[test]
    fn datagrams_are_as_large_as_udp_allows_and_not_tiny() {
        let most = |bytes: &str| {
            statistics(&["--statsd-max-datagram", bytes]).map(|s| s.statsd().max_datagram)
        };
        assert_eq!(most("1432"), Some(Some(1_432)));
        for wrong in ["0", "511", "65508", "-1", "much"] {
            assert_eq!(most(wrong), None, "{wrong}");
        }
    }
}
