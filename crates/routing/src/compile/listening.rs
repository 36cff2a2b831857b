//! Who is listened to: from Hosts, Listeners, TCPMappings and contexts of TLS to a [`Listening`].
//!
//! Without Listeners the addresses of the command line serve everybody. Without Hosts, as in Ambassador
//! 1.x, contexts that terminate TLS take their place, one for each of their hosts; without those
//! everything is served by plain HTTP, and by HTTPS if there is a certificate to be found.
//!
//! Deliberately absent: Mappings. Which of them a request finds depends on its Host, and is decided when
//! it comes.

mod binding;
mod globs;
mod hosts;
mod issuances;
mod ports;
mod tcp;
mod terminations;

use std::sync::Arc;

use nuncio_config::{Host, Listener, Resource, TcpMapping};

use super::report::Report;
use super::routes::Surroundings;
use crate::cluster::Roster;
use crate::{Cluster, Listening};
use ports::Ports;
use terminations::Terminations;

/// What is live of the kinds that decide who is listened to; each in insertion order.
#[derive(Debug)]
pub(crate) struct Listened<'r> {
    pub(crate) hosts: Vec<(&'r Resource, &'r Host)>,
    pub(crate) listeners: Vec<(&'r Resource, &'r Listener)>,
    pub(crate) tcp_mappings: Vec<(&'r Resource, &'r TcpMapping)>,
}

impl<'r> Surroundings<'r> {
    /// All that is listened on, and the clusters that were asked for, once for each time.
    pub(crate) fn listen(
        &self,
        listened: &Listened<'r>,
        roster: &mut Roster,
        report: &mut Report,
    ) -> (Listening, Vec<Arc<Cluster>>) {
        let mut terminations = Terminations::default();
        let served = self.served(listened, &mut terminations, report);
        let carried = self.carried(listened, (&served, &mut terminations), roster, report);
        let mut ports = Ports::new(self, &served);
        let listeners = ports.listeners(&listened.listeners, &carried.groups, report);
        let implied = listened.listeners.is_empty().then(|| ports.implied());
        ports.report_fates(report);
        if !listened.hosts.is_empty() {
            self.warn_unused(&terminations, report);
        }
        let listening = Listening {
            listeners,
            implied,
            terminations: terminations.into_all(),
            issuances: self.issuances(&served, report),
        };
        (listening, carried.clusters)
    }

    /// Contexts that would terminate if there were no Hosts.
    fn warn_unused(&self, terminations: &Terminations, report: &mut Report) {
        let contexts = self.named.contexts();
        for context in contexts.filter(|context| !context.hosts().is_empty()) {
            let label = context.label();
            if !terminations.are_by(&label) {
                let reason = format_args!(
                    "{label} terminates nothing: where there are Hosts, one of them has to name it"
                );
                report.warning(context.resource, reason);
            }
        }
    }
}
