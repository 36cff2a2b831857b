//! The command line. Every flag has an environment variable; a flag goes before it, and both go
//! before what the Module `ambassador` says.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZero;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use nuncio_config::{Identity, Trust};
use nuncio_controller::OnInvalid;

use crate::ambassador_files::AmbassadorFiles;
use crate::{build, duration};

mod following;
mod limits;
mod migrate;
#[cfg(test)]
mod reference;
mod series;
mod shell;
mod source;
mod statistics;
mod write_back;

pub(crate) use following::FollowingArguments;
pub(crate) use limits::{ChosenTimeouts, LimitArguments, Profile};
pub(crate) use migrate::{MigrateArguments, MigrateReport, MigrateSource, MigrateTarget};
pub(crate) use series::SeriesArguments;
pub(crate) use shell::{CompletionsArguments, ManArguments};
pub(crate) use statistics::StatisticsArguments;
pub(crate) use write_back::WriteBackArguments;

/// Edge gateway for Kubernetes.
///
/// Watches Services for `getambassador.io/config` annotations and routes requests as they say.
/// Without a command it runs the gateway.
#[derive(Debug, Parser)]
#[command(name = "nuncio", version = build::LONG_VERSION, args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) run: RunArguments,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the gateway (the default).
    ///
    /// Configuration comes from Kubernetes: the cluster this process runs in, else the one that
    /// KUBECONFIG names. With --config-dir it comes from manifest files instead.
    Run(Box<RunArguments>),
    /// Run the gateway on loopback with an upstream of its own, without a cluster.
    ///
    /// Writes the httpbin Service of the Ambassador tutorial to a file, serves it, and tells what
    /// to request and which file to edit to see a change go live.
    Demo(DemoArguments),
    /// Check manifests without running anything.
    ///
    /// Prints what is wrong as `file:line: object: reason`. Exits with 0 when there is nothing to
    /// say, 1 when there is, and 2 when the input cannot be used at all.
    Check(CheckArguments),
    /// Tell which Mapping answers a request, and why the others do not.
    ///
    /// Sends nothing: asks the manifests of --config-dir, or the gateway that runs behind --admin.
    /// Exits with 0 when all such requests are answered, 1 when some or all get 404 (or 400), and 2
    /// when the question cannot be answered.
    Explain(ExplainArguments),
    /// Print what a shell needs to complete this command line.
    ///
    /// For example: `nuncio completions bash > /etc/bash_completion.d/nuncio`.
    Completions(CompletionsArguments),
    /// Print the manual page, in the form that `man` reads.
    ///
    /// For example: `nuncio man > nuncio.1`, `nuncio man run > nuncio-run.1`.
    Man(ManArguments),
    /// Tell what becomes of manifests for Ambassador, Emissary or ingress-nginx, and write the same as
    /// custom resources or as Gateway API.
    ///
    /// Every document that is read is accounted for: it works, differs, is ignored, refused, or not ours.
    /// The report is on standard output, or on standard error while objects are written there. Exits
    /// with 0, with 2 when something is refused, and with 1 when the input cannot be used at all.
    Migrate(MigrateArguments),
}

/// `nuncio run`.
#[derive(Args, Clone, Debug)]
pub(crate) struct RunArguments {
    /// Read manifests from this directory instead of Kubernetes; may be given several times.
    ///
    /// Every *.yaml and *.yml directly in it: Kubernetes objects, or documents of Ambassador's own, in
    /// multi-document files. Changes take effect as they are written.
    #[arg(
        long,
        value_name = "DIR",
        env = "NUNCIO_CONFIG_DIR",
        value_delimiter = ','
    )]
    pub(crate) config_dir: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) files: AmbassadorFiles,
    #[command(flatten)]
    pub(crate) ports: PortArguments,
    #[command(flatten)]
    pub(crate) limits: LimitArguments,
    #[command(flatten)]
    pub(crate) identity: IdentityArguments,
    #[command(flatten)]
    pub(crate) following: FollowingArguments,
    #[command(flatten)]
    pub(crate) write_back: WriteBackArguments,
    #[command(flatten)]
    pub(crate) last_good: LastGoodArguments,
    #[command(flatten)]
    pub(crate) series: SeriesArguments,
    #[command(flatten)]
    pub(crate) life: LifeArguments,
    #[command(flatten)]
    pub(crate) statistics: StatisticsArguments,
}

/// Where to listen.
#[derive(Args, Clone, Debug)]
pub(crate) struct PortArguments {
    /// Address for plain HTTP/1.1 and HTTP/2; several times or separated by commas.
    ///
    /// Port 0 takes a free one; the log says which. Once there are Listeners, they decide instead. Of
    /// several in NUNCIO_HTTP those are done without that the process may not have, as port 80 where
    /// it takes a privilege.
    /// [default: 0.0.0.0:8080]
    #[arg(long, value_name = "ADDR", env = "NUNCIO_HTTP", value_delimiter = ',', value_parser = address)]
    pub(crate) http: Vec<SocketAddr>,
    /// Address for HTTPS; opened while there is a certificate to serve, and no Listener.
    /// [default: 0.0.0.0:8443]
    #[arg(long, value_name = "ADDR", env = "NUNCIO_HTTPS", value_delimiter = ',', value_parser = address)]
    pub(crate) https: Vec<SocketAddr>,
    /// Where Listeners and TCPMappings listen that name no address.
    #[arg(
        long,
        value_name = "IP",
        env = "AMBASSADOR_ENVOY_BIND_ADDRESS",
        default_value = "0.0.0.0"
    )]
    pub(crate) bind_address: IpAddr,
    /// Address of probes, metrics and diagnostics. [default: 0.0.0.0:8877]
    #[arg(long, value_name = "ADDR", env = "NUNCIO_ADMIN", value_parser = address)]
    pub(crate) admin: Option<SocketAddr>,
    /// Address of the Prometheus page alone, where a statsd exporter had it.
    ///
    /// If it is taken, as by such an exporter in the same pod, the page is on the admin address
    /// only. [default: 0.0.0.0:9102]
    #[arg(long, value_name = "ADDR", env = "NUNCIO_METRICS", value_parser = address)]
    pub(crate) metrics: Option<SocketAddr>,
    /// Threads that serve requests. [default: the cores this process may use]
    #[arg(long, value_name = "N", env = "NUNCIO_THREADS")]
    pub(crate) threads: Option<NonZero<usize>>,
    /// Whether the addresses in `http` are flags.
    #[arg(skip)]
    pub(crate) http_said_by: SaidBy,
}

/// Who said something: a flag is meant for this process, a variable may be the image's, for any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SaidBy {
    /// A flag.
    Flag,
    /// A variable, or nobody.
    #[default]
    Other,
}

/// Which configuration is ours.
#[derive(Args, Clone, Debug)]
pub(crate) struct IdentityArguments {
    /// Documents whose ambassador_id contains this one are ours.
    #[arg(
        long,
        value_name = "ID",
        env = "AMBASSADOR_ID",
        default_value = "default"
    )]
    pub(crate) ambassador_id: String,
    /// The namespace the gateway runs in.
    #[arg(
        long,
        value_name = "NAMESPACE",
        env = "AMBASSADOR_NAMESPACE",
        default_value = "default"
    )]
    pub(crate) ambassador_namespace: String,
    /// Watch the gateway's own namespace only. In the environment, anything but an empty value.
    #[arg(
        long,
        env = "AMBASSADOR_SINGLE_NAMESPACE",
        value_parser = |text: &str| Ok::<_, String>(!text.is_empty()),
        num_args = 0..=1, require_equals = true, default_value = "", default_missing_value = "true",
        hide_default_value = true, value_name = "ANY"
    )]
    pub(crate) single_namespace: bool,
    /// Read Secrets of the gateway's own namespace only, as --single-namespace does where this is not
    /// said. In the environment, anything but an empty value.
    #[arg(
        long,
        env = "AMBASSADOR_CERTS_SINGLE_NAMESPACE",
        value_parser = |text: &str| Ok::<_, String>(!text.is_empty()),
        num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "ANY"
    )]
    pub(crate) certs_single_namespace: Option<bool>,
    /// How far those who may annotate a Service are trusted.
    #[arg(
        long,
        value_name = "TRUST",
        env = "NUNCIO_ANNOTATIONS",
        default_value = "compatible"
    )]
    pub(crate) annotations: AnnotationTrust,
    /// Let one label of those that a selector wants do, as Emissary did before 2.5 and 3.2. In the
    /// environment, `true`.
    #[arg(
        long,
        env = "DISABLE_STRICT_LABEL_SELECTORS",
        value_parser = |text: &str| Ok::<_, String>(text.eq_ignore_ascii_case("true")),
        num_args = 0..=1, require_equals = true, default_value = "", default_missing_value = "true",
        hide_default_value = true, value_name = "BOOL"
    )]
    pub(crate) any_label: bool,
    /// What holds where nobody says otherwise: limits, and what the Module does not say.
    #[arg(
        long,
        value_name = "PROFILE",
        env = "NUNCIO_PROFILE",
        default_value = "compatible"
    )]
    pub(crate) profile: Profile,
    /// Of flags that only a gateway that runs has.
    #[arg(skip)]
    pub(crate) timeouts: ChosenTimeouts,
}

/// What annotations may do beyond their own namespace.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum AnnotationTrust {
    /// As by Ambassador: a document may name another namespace, and be of any kind.
    Compatible,
    /// A document acts in its own namespace only, and what holds for the whole gateway counts only
    /// from the gateway's namespace.
    Hardened,
}

impl From<AnnotationTrust> for Trust {
    fn from(trust: AnnotationTrust) -> Self {
        match trust {
            AnnotationTrust::Compatible => Self::Compatible,
            AnnotationTrust::Hardened => Self::Hardened,
        }
    }
}

impl IdentityArguments {
    /// Whether Secrets are read of the gateway's own namespace only.
    pub(crate) fn own_secrets(&self) -> bool {
        self.certs_single_namespace.unwrap_or(self.single_namespace)
    }

    pub(crate) fn identity(&self) -> Identity {
        Identity {
            ambassador_id: self.ambassador_id.as_str().into(),
            namespace: self.ambassador_namespace.as_str().into(),
            annotations: self.annotations.into(),
            any_label: self.any_label,
            defaults: self.profile.defaults(self.timeouts),
        }
    }
}

/// What is served when what is new cannot be.
#[derive(Args, Clone, Debug)]
pub(crate) struct LastGoodArguments {
    /// What becomes of a resource whose new version has an error.
    #[arg(
        long,
        value_name = "WHAT",
        env = "NUNCIO_ON_INVALID",
        default_value = "keep"
    )]
    pub(crate) on_invalid: InvalidFate,
    /// Save the configuration in this directory, and serve it from there when the gateway starts
    /// while the Kubernetes API does not answer.
    ///
    /// The directory is for one gateway and holds what users wrote, as its file `nuncio.state`.
    #[arg(long, value_name = "DIR", env = "NUNCIO_STATE_DIR")]
    pub(crate) state_dir: Option<PathBuf>,
}

/// What becomes of a resource whose new version has an error.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum InvalidFate {
    /// Its last good version stays live, if it had one.
    Keep,
    /// It is not live until the error is mended.
    Drop,
}

impl From<InvalidFate> for OnInvalid {
    fn from(fate: InvalidFate) -> Self {
        match fate {
            InvalidFate::Keep => Self::Keep,
            InvalidFate::Drop => Self::Drop,
        }
    }
}

/// How to talk and how to end.
#[derive(Args, Clone, Debug)]
pub(crate) struct LifeArguments {
    /// How long to go on accepting connections after SIGTERM, while load balancers take notice.
    #[arg(long, value_name = "TIME", env = "NUNCIO_DRAIN_DELAY", default_value = "5s", value_parser = duration::parse)]
    pub(crate) drain_delay: Duration,
    /// How long requests in flight may take to end after that.
    #[arg(long, value_name = "TIME", env = "NUNCIO_DRAIN_LIMIT", default_value = "30s", value_parser = duration::parse)]
    pub(crate) drain_limit: Duration,
    /// What to log: error, warn, info, debug, trace, or per module as in `info,nuncio_proxy=debug`.
    #[arg(
        long,
        value_name = "FILTER",
        env = "NUNCIO_LOG",
        default_value = "info"
    )]
    pub(crate) log: String,
    /// Whether each request is logged on standard output, as Ambassador does.
    ///
    /// The Module says how and where: envoy_log_type, envoy_log_format, envoy_log_path.
    #[arg(
        long,
        value_name = "WHETHER",
        env = "NUNCIO_ACCESS_LOG",
        default_value = "on"
    )]
    pub(crate) access_log: AccessLogSwitch,
    /// How to log.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "NUNCIO_LOG_FORMAT",
        default_value = "text"
    )]
    pub(crate) log_format: LogFormat,
}

/// Whether requests are logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum AccessLogSwitch {
    /// One line each.
    On,
    /// Not at all.
    Off,
}

/// The form of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// `nuncio demo`.
#[derive(Args, Clone, Debug)]
pub(crate) struct DemoArguments {
    #[command(flatten)]
    pub(crate) ports: PortArguments,
    /// What to log.
    #[arg(
        long,
        value_name = "FILTER",
        env = "NUNCIO_LOG",
        default_value = "info"
    )]
    pub(crate) log: String,
}

/// `nuncio check`.
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArguments {
    /// Manifest files, or directories of them.
    #[arg(required = true, value_name = "PATH")]
    pub(crate) paths: Vec<PathBuf>,
    /// How to print what was found.
    #[arg(
        long,
        value_name = "FORMAT",
        env = "NUNCIO_CHECK_OUTPUT",
        default_value = "text"
    )]
    pub(crate) output: CheckOutput,
    #[command(flatten)]
    pub(crate) identity: IdentityArguments,
}

/// `nuncio explain`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArguments {
    /// The request: GET unless another method goes before the URL.
    ///
    /// A URL is http://host/path, host/path, or /path alone for the host localhost.
    #[arg(required = true, num_args = 1..=2, value_names = ["METHOD", "URL"])]
    pub(crate) request: Vec<String>,
    /// A header of the request; may be given several times.
    #[arg(
        short = 'H',
        long,
        value_name = "NAME: VALUE",
        env = "NUNCIO_EXPLAIN_HEADER"
    )]
    pub(crate) header: Vec<String>,
    /// Ask the manifests in this directory, or in this file; may be given several times.
    #[arg(
        long,
        value_name = "DIR",
        env = "NUNCIO_CONFIG_DIR",
        value_delimiter = ',',
        required_unless_present = "admin"
    )]
    pub(crate) config_dir: Vec<PathBuf>,
    /// Ask a running gateway at its admin address; goes before --config-dir.
    #[arg(long, value_name = "URL", env = "NUNCIO_EXPLAIN_ADMIN")]
    pub(crate) admin: Option<http::Uri>,
    /// Print one JSON document.
    #[arg(long, env = "NUNCIO_EXPLAIN_JSON")]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) identity: IdentityArguments,
}

/// The form of what `nuncio check` prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CheckOutput {
    /// One line each.
    Text,
    /// One JSON document.
    Json,
}

/// `IP:PORT`, `:PORT` or `PORT`; without an IP, every IPv4 address of the machine.
fn address(text: &str) -> Result<SocketAddr, String> {
    let any = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
    text.parse()
        .or_else(|_| text.strip_prefix(':').unwrap_or(text).parse().map(any))
        .map_err(|_| format!("{text:?} is no address; write IP:PORT, e.g. 0.0.0.0:8080"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn run(arguments: &[&str]) -> RunArguments {
        let mut all = vec!["nuncio"];
        all.extend(arguments);
        Arguments::try_parse_from(all).unwrap().run
    }

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn addresses_may_be_repeated_or_separated_by_commas() {
        let both = run(&["--http", "127.0.0.1:0,:81", "--http", "82"])
            .ports
            .http;
        let expected = ["127.0.0.1:0", "0.0.0.0:81", "0.0.0.0:82"];
        assert_eq!(
            both.iter().map(SocketAddr::to_string).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn an_address_that_is_none_is_told_what_to_write() {
        let error = Arguments::try_parse_from(["nuncio", "--http", "nowhere"]).unwrap_err();
        assert!(error.to_string().contains("write IP:PORT"), "{error}");
    }

    #[test]
    fn explain_takes_a_method_or_none_and_one_source() {
        let parse = |arguments: &[&str]| {
            let all = ["nuncio", "explain"].iter().chain(arguments);
            Arguments::try_parse_from(all).map(|parsed| parsed.command)
        };
        for request in [&["/a"][..], &["POST", "/a"]] {
            let all = [request, &["--config-dir", "d", "-H", "a: b", "-H", "c: d"]].concat();
            let Ok(Some(Command::Explain(explain))) = parse(&all) else {
                panic!("{all:?}")
            };
            assert_eq!(explain.request, request);
            assert_eq!(explain.header, ["a: b", "c: d"]);
        }
        assert!(parse(&["/a", "--admin", "http://127.0.0.1:8877"]).is_ok());
        assert!(parse(&["/a"]).is_err(), "no source");
        assert!(parse(&["--config-dir", "d"]).is_err(), "no request");
        assert!(parse(&["A", "B", "C", "--config-dir", "d"]).is_err());
    }

    #[test]
    fn the_single_namespace_is_a_flag_for_people() {
        assert!(!run(&[]).identity.single_namespace);
        assert!(run(&["--single-namespace"]).identity.single_namespace);
    }

    #[test]
    fn secrets_are_of_the_single_namespace_unless_somebody_says_otherwise() {
        let own = |arguments: &[&str]| run(arguments).identity.own_secrets();
        assert!(!own(&[]));
        assert!(own(&["--single-namespace"]));
        assert!(own(&["--certs-single-namespace"]));
        assert!(!own(&["--single-namespace", "--certs-single-namespace="]));
    }

    #[test]
    fn labels_are_strict_unless_somebody_says_otherwise() {
        assert!(!run(&[]).identity.any_label);
        assert!(run(&["--any-label"]).identity.any_label);
        assert!(!run(&["--any-label=no"]).identity.any_label);
    }

    #[test]
    fn every_flag_has_a_variable() {
        let command = Arguments::command();
        let all = std::iter::once(&command).chain(command.get_subcommands());
        for argument in all.flat_map(clap::Command::get_arguments) {
            let is_flag = argument
                .get_long()
                .is_some_and(|long| !matches!(long, "help" | "version"));
            assert!(
                !is_flag || argument.get_env().is_some(),
                "{}",
                argument.get_id()
            );
        }
    }
}
