//! Where statsd is and how often it is told, from Ambassador's environment variables.
//!
//! Invariant: a mistake in a variable is a warning and the default, never an end.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::form::Form;

/// Who receives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// Nobody.
    Off,
    /// Whoever listens at this address, now or later.
    Automatic(SocketAddr),
    /// A named receiver, looked up at the start and again when it cannot be reached.
    Named {
        /// `STATSD_HOST`.
        host: Box<str>,
        /// `STATSD_PORT`.
        port: u16,
    },
}

/// How to export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Who receives.
    pub target: Target,
    /// How often counters and gauges are sent.
    pub flush_interval: Duration,
    /// How often a receiver is looked for while there is none.
    pub probe_interval: Duration,
    /// How many bytes of metrics go together in one datagram; `None` = each goes alone.
    pub max_datagram: Option<usize>,
    /// How metrics are written.
    pub form: Form,
}

/// A variable that was not honoured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvWarning {
    /// Which.
    pub variable: &'static str,
    /// What it said.
    pub value: Box<str>,
    /// What is used instead.
    pub used: u64,
}

impl Options {
    /// Reads `STATSD_ENABLED`, `STATSD_HOST`, `STATSD_PORT`, `STATSD_FLUSH_INTERVAL`, `DOGSTATSD`
    /// and `DD_ENTITY_ID`.
    ///
    /// As with Ambassador, enabled means `true` in any case and nothing else. Unset is automatic:
    /// early Ambassadors sent always, to a sidecar on port 8125 of the pod, and such a pod still
    /// gets its lines.
    pub fn from_env(variable: impl Fn(&str) -> Option<String>) -> (Self, Vec<EnvWarning>) {
        let mut warnings = Vec::new();
        let mut number = |name: &'static str, default: u64, largest: u64| {
            let Some(text) = variable(name) else {
                return default;
            };
            match text.trim().parse() {
                Ok(number) if (1..=largest).contains(&number) => number,
                _ => {
                    warnings.push(EnvWarning {
                        variable: name,
                        value: text.into(),
                        used: default,
                    });
                    default
                }
            }
        };
        let interval = number("STATSD_FLUSH_INTERVAL", 1, LONGEST_INTERVAL);
        let port = number("STATSD_PORT", u64::from(PORT), u64::from(u16::MAX));
        let target = match variable("STATSD_ENABLED") {
            None => Target::Automatic((Ipv4Addr::LOCALHOST, PORT).into()),
            Some(enabled) if enabled.eq_ignore_ascii_case("true") => Target::Named {
                host: variable("STATSD_HOST")
                    .unwrap_or_else(|| HOST.to_owned())
                    .into(),
                port: u16::try_from(port).unwrap_or(PORT),
            },
            Some(_) => Target::Off,
        };
        (
            Self {
                target,
                flush_interval: Duration::from_secs(interval),
                form: Form::from_env(variable),
                ..Self::default()
            },
            warnings,
        )
    }
}

impl Default for Options {
    /// Off, with Ambassador's intervals, and one metric per datagram.
    fn default() -> Self {
        Self {
            target: Target::Off,
            flush_interval: Duration::from_secs(1),
            probe_interval: Duration::from_secs(5),
            max_datagram: None,
            form: Form::Plain,
        }
    }
}

impl fmt::Display for EnvWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} is {:?}, which is not usable; using {}",
            self.variable, self.value, self.used
        )
    }
}

const HOST: &str = "statsd-sink";
const PORT: u16 = 8125;
/// A day: longer is a mistake, and timers have their limits.
const LONGEST_INTERVAL: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    fn from(variables: &[(&str, &str)]) -> (Options, Vec<EnvWarning>) {
        Options::from_env(|name| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn unset_looks_for_a_sidecar() {
        let (options, warnings) = from(&[("STATSD_HOST", "elsewhere"), ("STATSD_PORT", "1")]);
        assert_eq!(
            options.target,
            Target::Automatic("127.0.0.1:8125".parse().unwrap())
        );
        assert_eq!(options.flush_interval, Duration::from_secs(1));
        assert_eq!(warnings, []);
    }

    #[test]
    fn enabled_is_true_in_any_case_and_nothing_else() {
        let named = Target::Named {
            host: "statsd-sink".into(),
            port: 8125,
        };
        assert_eq!(from(&[("STATSD_ENABLED", "TRUE")]).0.target, named);
        for no in ["false", "1", "yes", "", " true"] {
            assert_eq!(
                from(&[("STATSD_ENABLED", no)]).0.target,
                Target::Off,
                "{no:?}"
            );
        }
    }

    #[test]
    fn host_and_port_are_taken_when_enabled() {
        let variables = [
            ("STATSD_ENABLED", "true"),
            ("STATSD_HOST", "h"),
            ("STATSD_PORT", "9"),
        ];
        assert_eq!(
            from(&variables).0.target,
            Target::Named {
                host: "h".into(),
                port: 9
            }
        );
    }

    #[test]
    fn unusable_numbers_are_warned_about_and_replaced() {
        for wrong in ["0", "-1", "0.5", "soon", "99999999999999999999"] {
            let (options, warnings) = from(&[("STATSD_FLUSH_INTERVAL", wrong)]);
            assert_eq!(options.flush_interval, Duration::from_secs(1));
            assert_eq!(warnings.len(), 1, "{wrong}");
        }
        let (_, warnings) = from(&[("STATSD_PORT", "65536")]);
        let text = "STATSD_PORT is \"65536\", which is not usable; using 8125";
        assert_eq!(warnings[0].to_string(), text);
    }
}
