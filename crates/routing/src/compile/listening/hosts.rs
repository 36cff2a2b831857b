//! The names that are answered for.
//!
//! As in Emissary 4.1 (`IRHost`), with these differences:
//!
//! - A Host terminates TLS by its `tlsSecret`, but also by `tlsContext` or `tls` alone.
//! - A Host whose context is not right keeps its name and serves nobody. In Emissary it is as if it were
//!   not there, and its requests may be taken by another one, with other rules.
//! - Contexts that terminate take the place of Hosts where there are none (1.x).

use std::sync::Arc;

use nuncio_config::{Host, HostMatch, InsecureAction, InvalidHost, Resource, SecretRef, Selector};

use super::Listened;
use super::terminations::Terminations;
use crate::compile::contexts::{Context, FOUND_AUTHORITIES, FOUND_CERTIFICATE, Flaw, Written};
use crate::compile::report::{Place, Report};
use crate::compile::routes::Surroundings;
use crate::{
    ClientVerification, IdentitySource, MappingSelector, SecretName, Source, Termination, TlsTerms,
    VirtualHost,
};

/// A name that is answered for.
#[derive(Debug)]
pub(super) struct Served<'r> {
    /// Who says so; `None` = nobody does.
    pub(super) resource: Option<&'r Resource>,
    pub(super) namespace: &'r str,
    /// In lower case.
    pub(super) pattern: HostMatch,
    pub(super) host: Arc<VirtualHost>,
}

impl<'r> Surroundings<'r> {
    /// All names, in insertion order.
    pub(super) fn served(
        &self,
        listened: &Listened<'r>,
        terminations: &mut Terminations,
        report: &mut Report,
    ) -> Vec<Served<'r>> {
        if !listened.hosts.is_empty() {
            let hosts = listened.hosts.iter();
            let served = hosts
                .filter_map(|(resource, host)| self.host(resource, host, terminations, report));
            return served.collect();
        }
        let mut served = self.claimed(terminations, report);
        let has_any = served.iter().any(|served| served.pattern == HostMatch::Any);
        if !has_any {
            let termination = match (served.is_empty(), listened.listeners.is_empty()) {
                (true, true) => Some(self.found()),
                (true, false) => self.self_signed(listened),
                // Names that nobody lays claim to are served in clear, as before.
                (false, _) => None,
            };
            served.push(Served {
                resource: None,
                namespace: &self.identity.namespace,
                pattern: HostMatch::Any,
                host: Arc::new(VirtualHost {
                    hostname: "*".into(),
                    insecure: InsecureAction::Route,
                    selector: MappingSelector::Any,
                    termination: termination.map(|it| terminations.place(it)),
                }),
            });
        }
        served
    }

    fn host(
        &self,
        resource: &'r Resource,
        host: &Host,
        terminations: &mut Terminations,
        report: &mut Report,
    ) -> Option<Served<'r>> {
        let pattern = match pattern(&host.hostname) {
            Ok(pattern) => pattern,
            Err(why) => {
                report.error(resource, format_args!("hostname: {why}"));
                return None;
            }
        };
        let virtual_host = match self.host_termination(resource, host, report) {
            Ok(termination) => VirtualHost {
                hostname: host.hostname.clone(),
                insecure: host.insecure.unwrap_or_default(),
                selector: selector(host.mapping_selector.as_ref()),
                termination: termination.map(|it| terminations.place(it)),
            },
            Err(flaw) => {
                let reason = format_args!("{flaw}; nobody is served under this name");
                report.error(resource, reason);
                VirtualHost {
                    hostname: host.hostname.clone(),
                    insecure: InsecureAction::Reject,
                    selector: MappingSelector::Nothing,
                    termination: None,
                }
            }
        };
        Some(Served {
            resource: Some(resource),
            namespace: &resource.namespace,
            pattern,
            host: Arc::new(virtual_host),
        })
    }

    /// How a Host terminates TLS, if it does.
    fn host_termination(
        &self,
        resource: &Resource,
        host: &Host,
        report: &mut Report,
    ) -> Result<Option<Termination>, Flaw> {
        let own = host.tls_secret.as_ref();
        let own = own.map(|secret| identity(secret, &resource.namespace));
        let named = |name: &str| self.named.context(name, &resource.namespace);
        match (&host.tls_context, &host.tls) {
            (Some(_), Some(_)) => Err(Flaw::TwoContexts),
            (Some(name), None) => {
                let context = named(name).ok_or_else(|| Flaw::Unknown(name.clone()))?;
                self.attached((resource, host), &context, own, report)
            }
            (None, Some(tls)) => {
                let module = &self.defaults.module;
                let written = Written::new(tls, &resource.namespace, module);
                let identity = match (own, written.identity()?) {
                    (Some(_), Some(_)) => return Err(Flaw::Both),
                    (own, other) => own.or(other),
                };
                let label = label(resource);
                let identity = identity.ok_or_else(|| Flaw::NoIdentity(label.clone()))?;
                Ok(Some(written.termination(label, identity)))
            }
            (None, None) => {
                let Some(own) = own else { return Ok(None) };
                // Emissary gives this name to contexts that it makes for Hosts, and keeps those there are.
                let manual = named(&format!("{}-context", resource.name));
                match manual {
                    Some(context) => self.attached((resource, host), &context, Some(own), report),
                    None => Ok(Some(plain(label(resource), own))),
                }
            }
        }
    }

    fn attached(
        &self,
        (resource, host): (&Resource, &Host),
        context: &Context<'_>,
        own: Option<IdentitySource>,
        report: &mut Report,
    ) -> Result<Option<Termination>, Flaw> {
        let hosts = context.hosts();
        let is_its = |name: &str| *name == *host.hostname || *name == *resource.name;
        if !hosts.is_empty() && !hosts.iter().any(|name| is_its(name)) {
            let reason = format_args!(
                "{} has hosts, and {} is not among them; it is used all the same",
                context.label(),
                host.hostname
            );
            report.warning(resource, reason);
        }
        context.termination(own, &self.defaults.module).map(Some)
    }

    /// The names that contexts lay claim to.
    fn claimed(&self, terminations: &mut Terminations, report: &mut Report) -> Vec<Served<'r>> {
        let mut served: Vec<Served<'r>> = Vec::new();
        for context in self.named.contexts() {
            if context.hosts().is_empty() {
                continue;
            }
            let termination = match context.termination(None, &self.defaults.module) {
                Ok(termination) => terminations.place(termination),
                Err(flaw) => {
                    report.error(context.resource, flaw);
                    continue;
                }
            };
            for hostname in context.hosts() {
                let pattern = match pattern(hostname) {
                    Ok(pattern) => pattern,
                    Err(why) => {
                        report.error(context.resource, format_args!("hosts: {hostname:?} {why}"));
                        continue;
                    }
                };
                served.push(Served {
                    resource: Some(context.resource),
                    namespace: &context.resource.namespace,
                    pattern,
                    host: Arc::new(VirtualHost {
                        hostname: hostname.clone(),
                        insecure: match context.tls.redirect_cleartext_from {
                            Some(_) => InsecureAction::Redirect,
                            None => InsecureAction::Reject,
                        },
                        selector: MappingSelector::Any,
                        termination: Some(termination),
                    }),
                });
            }
        }
        served
    }

    /// What Ambassador 0.21 finds by itself.
    fn found(&self) -> Termination {
        let secret = |name: &str| SecretName {
            namespace: self.identity.namespace.clone(),
            name: name.into(),
        };
        Termination {
            context: format!("Secret {FOUND_CERTIFICATE}").into(),
            identity: IdentitySource::Secret(secret(FOUND_CERTIFICATE)),
            clients: Some(Arc::new(ClientVerification {
                authorities: Some(Source::Secret(secret(FOUND_AUTHORITIES))),
                revocations: None,
                required: false,
            })),
            terms: TlsTerms::default(),
            offers_http: false,
            found: true,
        }
    }

    /// For Listeners that speak TLS while nobody says by what.
    fn self_signed(&self, listened: &Listened<'_>) -> Option<Termination> {
        let mut stacks = listened
            .listeners
            .iter()
            .map(|(_, listener)| listener.stack);
        let is_wanted = stacks.any(|stack| stack.tls && stack.http);
        is_wanted.then(|| plain("self-signed".into(), IdentitySource::SelfSigned))
    }
}

/// Two claims to one name.
pub(super) fn report_taken(served: &Served<'_>, first: &Served<'_>, report: &mut Report) {
    let (Some(resource), Some(other)) = (served.resource, first.resource) else {
        return;
    };
    let hostname = &served.host.hostname;
    let place = Place(&other.at);
    let reason = format_args!("{hostname} is answered for by {other} at {place} already");
    report.error_against(resource, other, reason);
}

fn pattern(hostname: &str) -> Result<HostMatch, InvalidHost> {
    hostname.to_ascii_lowercase().parse()
}

/// Who wants nothing takes everything.
fn selector(written: Option<&Selector>) -> MappingSelector {
    let selector = written.filter(|selector| selector.iter().next().is_some());
    selector.map_or(MappingSelector::Any, |selector| {
        MappingSelector::Labelled(selector.clone())
    })
}

/// A dot in the name means nothing here.
fn identity(secret: &SecretRef, namespace: &str) -> IdentitySource {
    IdentitySource::Secret(SecretName {
        namespace: secret.namespace.as_deref().unwrap_or(namespace).into(),
        name: secret.name.clone(),
    })
}

fn plain(context: Box<str>, identity: IdentitySource) -> Termination {
    Termination {
        context,
        identity,
        clients: None,
        terms: TlsTerms::default(),
        offers_http: true,
        found: false,
    }
}

fn label(resource: &Resource) -> Box<str> {
    format!("Host {}.{}", resource.name, resource.namespace).into()
}
