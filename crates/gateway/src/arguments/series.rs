//! How large the metrics page may become.

use clap::Args;
use nuncio_telemetry::SeriesLimit;

/// How large the metrics page may become.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct SeriesArguments {
    /// Series that the metrics page may have, besides those for each Mapping.
    ///
    /// Clusters and Mappings beyond are shown together as `_overflow`.
    #[arg(
        long,
        value_name = "N",
        env = "NUNCIO_MAX_SERIES",
        default_value_t = SeriesLimit::default().base
    )]
    pub(crate) max_series: u64,
    /// Series that the metrics page may have in addition for each Mapping.
    #[arg(
        long,
        value_name = "N",
        env = "NUNCIO_MAX_SERIES_PER_MAPPING",
        default_value_t = SeriesLimit::default().per_mapping
    )]
    pub(crate) max_series_per_mapping: u64,
}

impl SeriesArguments {
    pub(crate) fn limit(self) -> SeriesLimit {
        SeriesLimit {
            base: self.max_series,
            per_mapping: self.max_series_per_mapping,
        }
    }
}

impl Default for SeriesArguments {
    fn default() -> Self {
        let SeriesLimit { base, per_mapping } = SeriesLimit::default();
        Self {
            max_series: base,
            max_series_per_mapping: per_mapping,
        }
    }
}
