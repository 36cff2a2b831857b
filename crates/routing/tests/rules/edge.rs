//! Hosts, contexts of TLS and ports as users write them: `host("h", "a.org").secret("a")`.

use nuncio_config::{
    BindingNamespace, Host, HostBinding, Kind, Listener, SecretRef, SecurityModel, Selector, Stack,
    TcpMapping, TlsContext, TlsModule,
};
use nuncio_routing::{Credential, IdentitySource, SecretName, Snapshot, Termination, VirtualHost};

use crate::written::{Written, object_of};

pub(crate) fn host(name: &str, hostname: &str) -> Written {
    let host = Host {
        hostname: hostname.into(),
        mapping_selector: None,
        tls_secret: None,
        tls_context: None,
        tls: None,
        acme: None,
        insecure: None,
        insecure_additional_port: None,
    };
    object_of(name, Kind::Host(Box::new(host)))
}

/// For upstreams, until it has hosts.
pub(crate) fn context(name: &str) -> Written {
    object_of(name, Kind::TlsContext(Box::default()))
}

/// The Module `tls`.
pub(crate) fn tls_module<const N: usize>(contexts: [(&str, TlsContext); N]) -> Written {
    let contexts = contexts.map(|(name, context)| (name.into(), context));
    let module = TlsModule {
        contexts: contexts.into(),
    };
    object_of("tls", Kind::TlsModule(Box::new(module)))
}

/// For Hosts of every namespace.
pub(crate) fn listener(name: &str, port: u16, stack: Stack) -> Written {
    let listener = Listener {
        port,
        stack,
        security_model: SecurityModel::ForwardedProto,
        l7_depth: 0,
        host_binding: HostBinding {
            from: Some(BindingNamespace::All),
            selector: None,
        },
        stats_prefix: None,
        http2_max_concurrent_streams: None,
    };
    object_of(name, Kind::Listener(Box::new(listener)))
}

pub(crate) fn tcp_mapping(name: &str, port: u16, service: &str) -> Written {
    let mapping = TcpMapping {
        port,
        address: None,
        host: None,
        service: service.parse().unwrap(),
        cluster: Default::default(),
        weight: None,
        idle_timeout: None,
    };
    object_of(name, Kind::TcpMapping(Box::new(mapping)))
}

/// `key=value`
pub(crate) fn selector<const N: usize>(labels: [&str; N]) -> Selector {
    let pairs = labels.iter().map(|label| label.split_once('=').unwrap());
    let pairs = pairs.map(|(key, value)| (key.into(), value.into()));
    pairs.collect()
}

impl Written {
    pub(crate) fn with_host(self, change: impl FnOnce(&mut Host)) -> Self {
        self.with_kind(|kind| match kind {
            Kind::Host(host) => change(host),
            _ => panic!("not a Host"),
        })
    }

    pub(crate) fn with_context(self, change: impl FnOnce(&mut TlsContext)) -> Self {
        self.with_kind(|kind| match kind {
            Kind::TlsContext(context) => change(context),
            _ => panic!("not a TLSContext"),
        })
    }

    pub(crate) fn with_listener(self, change: impl FnOnce(&mut Listener)) -> Self {
        self.with_kind(|kind| match kind {
            Kind::Listener(listener) => change(listener),
            _ => panic!("not a Listener"),
        })
    }

    pub(crate) fn with_tcp(self, change: impl FnOnce(&mut TcpMapping)) -> Self {
        self.with_kind(|kind| match kind {
            Kind::TcpMapping(mapping) => change(mapping),
            _ => panic!("not a TCPMapping"),
        })
    }

    /// `tlsSecret` of a Host, `secret` of a TLSContext.
    pub(crate) fn secret(self, secret: &str) -> Self {
        self.with_kind(|kind| match kind {
            Kind::Host(host) => {
                host.tls_secret = Some(SecretRef {
                    name: secret.into(),
                    namespace: None,
                });
            }
            Kind::TlsContext(context) => context.secret = Some(secret.into()),
            _ => panic!("has no Secret"),
        })
    }

    pub(crate) fn hosts<const N: usize>(self, hosts: [&str; N]) -> Self {
        self.with_context(|context| context.hosts = Some(hosts.map(Box::from).into()))
    }
}

/// A Secret as people name it.
pub(crate) fn secret(namespace: &str, name: &str) -> IdentitySource {
    IdentitySource::Secret(SecretName {
        namespace: namespace.into(),
        name: name.into(),
    })
}

/// Who answers for a host on the addresses of the command line.
pub(crate) fn answering<'s>(snapshot: &'s Snapshot, authority: &str) -> Option<&'s VirtualHost> {
    let implied = snapshot.listening.implied.as_ref().unwrap();
    implied
        .http
        .hosts
        .find_authority(authority)
        .map(|host| &**host)
}

/// How TLS is terminated for a name on the addresses of the command line.
pub(crate) fn terminating<'s>(snapshot: &'s Snapshot, sni: &str) -> Option<&'s Termination> {
    let implied = snapshot.listening.implied.as_ref().unwrap();
    let place = implied.https.as_ref()?.terminations.find(sni)?;
    snapshot.listening.termination(*place).map(|it| &**it)
}

/// All credentials that are demanded, as `secret` or otherwise.
pub(crate) fn demanded(snapshot: &Snapshot) -> Vec<String> {
    let all = snapshot.demands.credentials.iter();
    let shown = all.map(|credential| match credential.secret() {
        Some(SecretName { namespace, name }) => format!("{namespace}/{name}"),
        None => format!(
            "{:?}",
            match credential {
                Credential::Identity(source) => source,
                other => panic!("{other:?}"),
            }
        ),
    });
    shown.collect()
}
