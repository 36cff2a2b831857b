//! What is written to the API server.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use nuncio_controller::{AcmeOptions, AcmeTimes, LeaseTimes, PublishedService, States, WriteBack};

use super::limits::Profile;
use crate::build;

/// What is written to the API server.
#[derive(Args, Clone, Debug)]
pub(crate) struct WriteBackArguments {
    /// Whether Events and status are written to the API server, by one of the replicas.
    ///
    /// Needs permissions that Ambassador's manifests of 2017 do not give; without them nothing is
    /// written, and everything else works.
    #[arg(
        long,
        value_name = "WHETHER",
        env = "NUNCIO_WRITE_BACK",
        default_value = "on"
    )]
    pub(crate) write_back: WriteBackSwitch,
    /// Write the state of every Mapping resource, not only of those with errors. In the
    /// environment, `true`.
    #[arg(
        long,
        env = "AMBASSADOR_UPDATE_MAPPING_STATUS",
        value_parser = |text: &str| Ok::<_, String>(text.eq_ignore_ascii_case("true")),
        num_args = 0..=1, require_equals = true, default_value = "", default_missing_value = "true",
        hide_default_value = true, value_name = "true"
    )]
    pub(crate) update_mapping_status: bool,
    /// The Service whose addresses Ingresses get as theirs. [default: the one in the gateway's
    /// namespace with the label app.kubernetes.io/component=ambassador-service]
    ///
    /// Without a namespace, in the gateway's.
    #[arg(long, value_name = "[NAMESPACE/]NAME", env = "NUNCIO_PUBLISH_SERVICE")]
    pub(crate) publish_service: Option<String>,
    /// Certificates (PEM) by which the authorities of `acmeProvider` may prove who they are, beside
    /// those that the system trusts.
    ///
    /// For an authority of your own. What it issues is served whatever this says.
    #[arg(long, value_name = "FILE", env = "NUNCIO_ACME_CA")]
    pub(crate) acme_ca: Option<PathBuf>,
    /// The names that certificates are asked for by `acmeProvider`, with all below them; several times or
    /// separated by commas. [default: any, with --profile hardened none]
    ///
    /// Whoever may write a Host has a certificate issued for its hostname, if that leads here.
    #[arg(
        long,
        value_name = "NAME",
        env = "NUNCIO_ACME_HOSTNAMES",
        value_delimiter = ','
    )]
    pub(crate) acme_hostnames: Vec<Box<str>>,
}

/// Whether anything is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum WriteBackSwitch {
    /// By the replica that holds the Lease.
    On,
    /// Nothing, and no Lease either.
    Off,
}

impl WriteBackArguments {
    /// Nothing is written.
    pub(crate) fn none() -> Self {
        Self {
            write_back: WriteBackSwitch::Off,
            update_mapping_status: false,
            publish_service: None,
            acme_ca: None,
            acme_hostnames: Vec::new(),
        }
    }

    /// What is to be written, by a gateway in `namespace` with `profile`.
    pub(crate) fn options(&self, namespace: &str, profile: Profile) -> Option<WriteBack> {
        if self.write_back == WriteBackSwitch::Off {
            return None;
        }
        let states = if self.update_mapping_status {
            States::All
        } else {
            States::Errors
        };
        Some(WriteBack {
            holder: build::hostname().to_string(),
            states,
            service: self.service(namespace),
            times: LeaseTimes::default(),
            acme: AcmeOptions {
                trusted: self.acme_ca.clone(),
                hostnames: self.hostnames(profile),
                times: AcmeTimes::default(),
            },
        })
    }

    /// The names that certificates may be asked for; any when `None`.
    fn hostnames(&self, profile: Profile) -> Option<Box<[Box<str>]>> {
        let names = self.acme_hostnames.iter();
        let names: Box<[Box<str>]> = names.filter(|name| !name.is_empty()).cloned().collect();
        match profile {
            Profile::Compatible if names.is_empty() => None,
            Profile::Compatible | Profile::Hardened => Some(names),
        }
    }

    fn service(&self, own: &str) -> PublishedService {
        let Some(named) = self
            .publish_service
            .as_deref()
            .filter(|name| !name.is_empty())
        else {
            return PublishedService::Labelled;
        };
        let (namespace, name) = named.split_once('/').unwrap_or((own, named));
        PublishedService::Named {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        write_back: WriteBackArguments,
    }

    fn options(arguments: &[&str]) -> Option<WriteBack> {
        let all = std::iter::once(&"nuncio").chain(arguments);
        Line::try_parse_from(all)
            .unwrap()
            .write_back
            .options("edge", Profile::Compatible)
    }

    #[test]
    fn errors_are_written_unless_told_otherwise() {
        let options = options(&[]).unwrap();
        assert_eq!(options.states, States::Errors);
        assert_eq!(options.service, PublishedService::Labelled);
    }

    #[test]
    fn hardened_asks_for_certificates_of_named_hosts_alone() {
        let names = |profile, arguments: &[&str]| {
            let all = std::iter::once(&"nuncio").chain(arguments);
            let line = Line::try_parse_from(all).unwrap();
            line.write_back
                .options("edge", profile)
                .unwrap()
                .acme
                .hostnames
        };
        assert_eq!(names(Profile::Compatible, &[]), None);
        assert_eq!(names(Profile::Hardened, &[]), Some([].into()));
        let named = names(Profile::Compatible, &["--acme-hostnames=a.test,b.test"]);
        assert_eq!(named, Some(["a.test".into(), "b.test".into()].into()));
    }

    #[test]
    fn nothing_is_written_when_it_is_off() {
        assert_eq!(options(&["--write-back", "off"]), None);
    }

    #[test]
    fn every_state_is_written_as_by_emissary() {
        let all = |arguments| options(arguments).unwrap().states == States::All;
        assert!(all(&["--update-mapping-status"]));
        assert!(all(&["--update-mapping-status=true"]));
        assert!(!all(&["--update-mapping-status=false"]));
    }

    #[test]
    fn the_service_is_the_gateways_own_unless_named() {
        let service = |text| options(&["--publish-service", text]).unwrap().service;
        let named = |namespace: &str| PublishedService::Named {
            namespace: namespace.to_owned(),
            name: "lb".to_owned(),
        };
        assert_eq!(service("lb"), named("edge"));
        assert_eq!(service("other/lb"), named("other"));
        assert_eq!(service(""), PublishedService::Labelled);
    }
}
