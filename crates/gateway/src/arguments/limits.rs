//! What clients may have.
//!
//! Invariant: what has to have a bound has one, whatever is written.

use std::num::NonZero;
use std::time::Duration;

use clap::{Args, ValueEnum};
use nuncio_config::ModuleDefaults;
use nuncio_proxy::Limits;

use crate::duration;

/// What holds where nobody says otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Profile {
    /// What Emissary does, wherever that is safe.
    #[default]
    Compatible,
    /// What an edge should do where nobody relies on anything else.
    Hardened,
}

/// Timeouts that were chosen for what the Module and Mappings do not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChosenTimeouts {
    pub(crate) idle: Option<Duration>,
    pub(crate) stream_idle: Option<Duration>,
}

/// What clients may have; the profile decides what is not said.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LimitArguments {
    /// From accept to the end of a request's head, TLS and PROXY header included; for later requests of
    /// a connection, from their first byte. [default: 10s]
    #[arg(long, value_name = "TIME", env = "NUNCIO_HEADER_TIMEOUT", value_parser = positive)]
    pub(crate) header_timeout: Option<Duration>,
    /// Silence within a request's body that ends it. [default: 60s]
    #[arg(long, value_name = "TIME", env = "NUNCIO_BODY_TIMEOUT", value_parser = positive)]
    pub(crate) body_timeout: Option<Duration>,
    /// From the end of a request's head to the end of its body; 0 = as long as it takes. [default: 0,
    /// hardened: 5m]
    #[arg(long, value_name = "TIME", env = "NUNCIO_REQUEST_TIMEOUT", value_parser = duration::parse)]
    pub(crate) request_timeout: Option<Duration>,
    /// How long a client's connection may be without a request, unless the Module has
    /// listener_idle_timeout_ms; 0 = for ever. [default: 60m, hardened: 60s]
    #[arg(long, value_name = "TIME", env = "NUNCIO_IDLE_TIMEOUT", value_parser = duration::parse)]
    pub(crate) idle_timeout: Option<Duration>,
    /// Silence in both directions that ends a request, unless its Mapping has idle_timeout_ms.
    /// [default: 5m]
    #[arg(long, value_name = "TIME", env = "NUNCIO_STREAM_IDLE_TIMEOUT", value_parser = positive)]
    pub(crate) stream_idle_timeout: Option<Duration>,
    /// Requests after which a connection of HTTP/1 is closed, give or take a tenth; 0 = never.
    /// [default: 0, hardened: 10000]
    #[arg(long, value_name = "N", env = "NUNCIO_MAX_REQUESTS_PER_CONNECTION")]
    pub(crate) max_requests_per_connection: Option<u32>,
    /// Clients' connections at one listener; more are closed as they come. [default: 10000]
    #[arg(long, value_name = "N", env = "NUNCIO_MAX_CONNECTIONS")]
    pub(crate) max_connections: Option<NonZero<usize>>,
    /// Clients' connections at all listeners; never more than 40 of 100 file descriptors.
    /// [default: 50000]
    #[arg(long, value_name = "N", env = "NUNCIO_MAX_CONNECTIONS_TOTAL")]
    pub(crate) max_connections_total: Option<NonZero<usize>>,
    /// A request's target; more is answered with 414. 0 = what fits into the head. [default: 0,
    /// hardened: 8192]
    #[arg(long, value_name = "BYTES", env = "NUNCIO_MAX_URL_BYTES")]
    pub(crate) max_url_bytes: Option<usize>,
    /// Memory, as in 512Mi; near it idle connections are closed, and new requests answered with 503.
    /// [default: the control group's, if it has one]
    #[arg(long, value_name = "BYTES", env = "NUNCIO_MEMORY_LIMIT", value_parser = bytes)]
    pub(crate) memory_limit: Option<u64>,
}

impl LimitArguments {
    /// Those that the configuration goes before.
    pub(crate) fn timeouts(&self) -> ChosenTimeouts {
        ChosenTimeouts {
            idle: self.idle_timeout,
            stream_idle: self.stream_idle_timeout,
        }
    }

    /// What is said, else what `profile` says.
    pub(crate) fn limits(&self, profile: Profile) -> Limits {
        let others = profile.limits();
        let or = |said: Option<NonZero<usize>>, other| said.map_or(other, NonZero::get);
        Limits {
            header_timeout: self.header_timeout.unwrap_or(others.header_timeout),
            body_timeout: self.body_timeout.unwrap_or(others.body_timeout),
            request_timeout: match self.request_timeout {
                Some(said) => Some(said).filter(|said| !said.is_zero()),
                None => others.request_timeout,
            },
            stream_idle_timeout: self
                .stream_idle_timeout
                .unwrap_or(others.stream_idle_timeout),
            max_requests_per_connection: match self.max_requests_per_connection {
                Some(said) => NonZero::new(said),
                None => others.max_requests_per_connection,
            },
            max_connections: or(self.max_connections, others.max_connections),
            max_connections_total: or(self.max_connections_total, others.max_connections_total),
            max_url_bytes: match self.max_url_bytes {
                Some(said) => Some(said).filter(|said| *said > 0),
                None => others.max_url_bytes,
            },
            ..others
        }
    }
}

impl Profile {
    fn limits(self) -> Limits {
        match self {
            Self::Compatible => Limits::COMPATIBLE,
            Self::Hardened => Limits::HARDENED,
        }
    }

    /// What holds where the Module says nothing.
    pub(crate) fn defaults(self, chosen: ChosenTimeouts) -> ModuleDefaults {
        let defaults = match self {
            Self::Compatible => ModuleDefaults::COMPATIBLE,
            Self::Hardened => ModuleDefaults::HARDENED,
        };
        ModuleDefaults {
            idle_timeout: chosen.idle.unwrap_or(defaults.idle_timeout),
            stream_idle_timeout: chosen.stream_idle.unwrap_or(defaults.stream_idle_timeout),
            ..defaults
        }
    }
}

/// A duration of at least something.
fn positive(text: &str) -> Result<Duration, String> {
    let parsed = duration::parse(text)?;
    match parsed.is_zero() {
        true => Err("this has to have a limit".to_owned()),
        false => Ok(parsed),
    }
}

/// `512Mi`, `1Gi`, `100M`, or bytes: as Kubernetes has it.
fn bytes(text: &str) -> Result<u64, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => Some(1),
        "k" => Some(1_000),
        "M" => Some(1_000_000),
        "G" => Some(1_000_000_000),
        "Ki" => Some(1 << 10),
        "Mi" => Some(1 << 20),
        "Gi" => Some(1 << 30),
        _ => None,
    };
    let number = number.parse::<u64>().ok().filter(|number| *number > 0);
    number
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor))
        .ok_or_else(|| format!("{text:?} is no size; write 512Mi or 1Gi"))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::arguments::Arguments;

    fn limits(arguments: &[&str]) -> Option<Limits> {
        let all = ["nuncio"].iter().chain(arguments);
        let parsed = Arguments::try_parse_from(all).ok()?.run;
        Some(parsed.limits.limits(parsed.identity.profile))
    }

    #[test]
    fn what_is_not_said_is_the_profile_s() {
        assert_eq!(limits(&[]), Some(Limits::COMPATIBLE));
        assert_eq!(limits(&["--profile=hardened"]), Some(Limits::HARDENED));
        assert_eq!(limits(&["--profile=other"]), None);
    }

    #[test]
    fn what_is_said_goes_before_the_profile() {
        let said = limits(&[
            "--profile=hardened",
            "--header-timeout=3s",
            "--request-timeout=0",
            "--max-requests-per-connection=0",
            "--max-connections=7",
            "--max-url-bytes=0",
        ]);
        let expected = Limits {
            header_timeout: Duration::from_secs(3),
            max_connections: 7,
            ..Limits::COMPATIBLE
        };
        assert_eq!(said, Some(expected));
    }

    #[test]
    fn some_things_have_a_limit_whatever_is_said() {
        for flag in [
            "--header-timeout",
            "--body-timeout",
            "--stream-idle-timeout",
            "--max-connections",
            "--max-connections-total",
        ] {
            assert_eq!(limits(&[flag, "0"]), None, "{flag}");
        }
    }

    /// The page about limits.
    const PAGE: &str = include_str!("../../../../docs/limits.md");

    #[test]
    fn the_page_about_limits_names_every_flag_and_none_besides() {
        use std::collections::BTreeSet;

        use clap::{Args, CommandFactory};

        let flag = |argument: &clap::Arg| Some(format!("--{}", argument.get_long()?));
        let ours = LimitArguments::augment_args(clap::Command::new("limits"));
        let ours: BTreeSet<String> = ours.get_arguments().filter_map(flag).collect();
        let all: BTreeSet<String> = Arguments::command()
            .get_arguments()
            .filter_map(flag)
            .collect();
        let named: BTreeSet<String> = PAGE
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|quoted| quoted.starts_with("--"))
            .map(str::to_owned)
            .collect();
        assert!(
            ours.len() > 9 && ours.is_subset(&named),
            "{ours:?} {named:?}"
        );
        assert!(named.is_subset(&all), "{named:?}");
    }

    #[test]
    fn sizes_are_written_as_in_kubernetes() {
        for (text, expected) in [
            ("512Mi", 512 << 20),
            ("1Gi", 1 << 30),
            ("7", 7),
            ("5k", 5_000),
        ] {
            assert_eq!(bytes(text), Ok(expected));
        }
        for text in ["", "Mi", "0", "1.5Gi", "1TB", "-1", "99999999999Gi"] {
            assert!(bytes(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn idle_timeouts_are_for_what_the_configuration_does_not_say() {
        let chosen = ChosenTimeouts {
            idle: Some(Duration::from_secs(7)),
            stream_idle: Some(Duration::from_secs(8)),
        };
        let expected = ModuleDefaults {
            idle_timeout: Duration::from_secs(7),
            stream_idle_timeout: Duration::from_secs(8),
            ..ModuleDefaults::HARDENED
        };
        assert_eq!(Profile::Hardened.defaults(chosen), expected);
        let none = ChosenTimeouts::default();
        let compatible = Profile::Compatible.defaults(none);
        assert_eq!(compatible, ModuleDefaults::COMPATIBLE);
    }
}
