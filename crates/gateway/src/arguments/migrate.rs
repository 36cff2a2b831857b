//! The arguments of `nuncio migrate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::IdentityArguments;

/// `nuncio migrate`.
#[derive(Args, Clone, Debug)]
pub(crate) struct MigrateArguments {
    /// Manifests: files, directories (every *.yaml, *.yml and *.json directly in them), or `-` for
    /// standard input.
    #[arg(
        value_name = "PATH",
        required_unless_present = "cluster",
        conflicts_with = "cluster"
    )]
    pub(crate) paths: Vec<PathBuf>,
    /// Read the cluster this process runs in, else the one that KUBECONFIG names.
    #[arg(long, env = "NUNCIO_MIGRATE_CLUSTER")]
    pub(crate) cluster: bool,
    /// Write the same as other objects.
    #[arg(long, value_name = "FORM", env = "NUNCIO_MIGRATE_TO")]
    pub(crate) to: Option<MigrateTarget>,
    /// Whose the manifests are. Without it, Ingresses that say so are ingress-nginx's.
    #[arg(long, value_name = "WHOSE", env = "NUNCIO_MIGRATE_FROM")]
    pub(crate) from: Option<MigrateSource>,
    /// Write each object to a file of its own in this directory, instead of standard output.
    #[arg(long, value_name = "DIR", env = "NUNCIO_MIGRATE_OUTPUT")]
    pub(crate) output: Option<PathBuf>,
    /// The form of the report.
    #[arg(
        long,
        value_name = "FORM",
        env = "NUNCIO_MIGRATE_REPORT",
        default_value = "text"
    )]
    pub(crate) report: MigrateReport,
    /// Exit with 2 also when something differs or is ignored.
    #[arg(long, env = "NUNCIO_MIGRATE_STRICT")]
    pub(crate) strict: bool,
    /// gatewayClassName of the Gateway that is written.
    #[arg(
        long,
        value_name = "NAME",
        env = "NUNCIO_MIGRATE_GATEWAY_CLASS",
        default_value = "example"
    )]
    pub(crate) gateway_class: String,
    /// Name of the Gateway that is written.
    #[arg(
        long,
        value_name = "NAME",
        env = "NUNCIO_MIGRATE_GATEWAY_NAME",
        default_value = "ambassador"
    )]
    pub(crate) gateway_name: String,
    #[command(flatten)]
    pub(crate) identity: IdentityArguments,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateTarget {
    /// Custom resources of getambassador.io/v3alpha1.
    Crds,
    /// A Gateway and HTTPRoutes of gateway.networking.k8s.io/v1.
    GatewayApi,
}

/// Whose manifests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateSource {
    /// Ingresses are ingress-nginx's unless they are Ambassador's by class.
    IngressNginx,
}

/// The form of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum MigrateReport {
    /// Lines.
    Text,
    /// One JSON document.
    Json,
}
