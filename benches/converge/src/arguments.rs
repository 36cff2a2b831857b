//! What is to be measured.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Measures how soon a change of configuration is live, and what thousands of Services cost.
#[derive(Debug, Parser)]
pub(crate) struct Arguments {
    /// The gateway.
    #[arg(long, value_name = "FILE")]
    pub(crate) nuncio: PathBuf,
    /// How many annotated Services, for each run.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1000,10000,50000"
    )]
    pub(crate) services: Vec<usize>,
    /// What is measured beside the start.
    #[arg(
        long,
        value_name = "PART",
        value_delimiter = ',',
        default_value = "changes,bystanders,memory,strangers,replicas"
    )]
    parts: Vec<Part>,
    /// Single changes, quiet and under churn each.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub(crate) changes: usize,
    /// Changes of other Services per second while they are measured under churn.
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) churn: u32,
    /// Changes beside which bystanders are served.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) bystander_changes: usize,
    /// Requests of bystanders per second.
    #[arg(long, value_name = "N", default_value_t = 5_000)]
    pub(crate) requests: u32,
    /// Secrets that are not the gateway's business, and twice as many Services.
    #[arg(long, value_name = "N", default_value_t = 10_000)]
    pub(crate) strangers: usize,
    /// Gateways in this process, for each run.
    #[arg(
        long,
        value_name = "N",
        value_delimiter = ',',
        default_value = "1,10,50"
    )]
    pub(crate) replicas: Vec<usize>,
    /// Seconds of which the CPU time is taken while nothing happens.
    #[arg(long, value_name = "N", default_value_t = 10)]
    pub(crate) idle: u64,
    /// Seconds until memory is taken for what it is in the end.
    #[arg(long, value_name = "N", default_value_t = 15)]
    pub(crate) settle: u64,
    /// Seconds of long churn, where that part is asked for.
    #[arg(long, value_name = "N", default_value_t = 600)]
    pub(crate) soak: u64,
    /// Threads that serve requests.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) threads: usize,
    /// Everything once and small, to see that it works.
    #[arg(long)]
    smoke: bool,
}

/// One part of the measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Part {
    /// Single changes, quiet and under churn, and what they cost.
    Changes,
    /// Requests and streams that changes are not about.
    Bystanders,
    /// What is left after most Services are deleted.
    Memory,
    /// Objects that are not the gateway's business.
    Strangers,
    /// Many gateways on one API server.
    Replicas,
    /// Ten minutes at ten times the churn; only when asked for.
    Soak,
}

impl Arguments {
    pub(crate) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// With numbers small enough for a smoke test, if it is one.
    pub(crate) fn for_its_size(self) -> Self {
        if !self.smoke {
            return self;
        }
        Self {
            services: vec![200],
            changes: 20,
            bystander_changes: 100,
            requests: 200,
            strangers: 200,
            replicas: vec![3],
            idle: 1,
            settle: 3,
            ..self
        }
    }
}
