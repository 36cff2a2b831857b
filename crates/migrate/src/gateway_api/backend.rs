//! Services as references to backends.

use nuncio_config::{Qualifier, Resource, Service, ServiceHost};

use crate::yaml::Yaml;

/// A Service of the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Backend {
    pub(super) name: String,
    pub(super) namespace: String,
    port: u16,
}

impl Backend {
    /// The Service that a resource names, if it is one of the cluster's.
    pub(super) fn of(service: &Service, resource: &Resource, gateway: &str) -> Option<Self> {
        let by = Qualifier::between(&resource.namespace, gateway);
        let ServiceHost::Name(host) = service.qualified(by).host else {
            return None;
        };
        let mut labels = host.trim_end_matches('.').split('.');
        let name = labels.next().filter(|it| *it != "localhost")?;
        let namespace = labels.next().unwrap_or(gateway);
        let rest: Vec<&str> = labels.collect();
        let is_of_cluster = matches!(rest[..], [] | ["svc"] | ["svc", "cluster", "local"]);
        is_of_cluster.then(|| Self {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            port: service.port,
        })
    }

    /// The reference, from a namespace.
    pub(super) fn reference(&self, from: &str) -> Vec<(String, Yaml)> {
        let mut reference = vec![("name".to_owned(), Yaml::text(self.name.as_str()))];
        if self.namespace != from {
            let namespace = Yaml::text(self.namespace.as_str());
            reference.push(("namespace".to_owned(), namespace));
        }
        reference.push(("port".to_owned(), Yaml::Int(self.port.into())));
        reference
    }
}

/// The shares of members, those that say none having what is left. `None`: less than all.
pub(super) fn shares(written: &[Option<i64>]) -> (Vec<i64>, bool) {
    let said: i64 = written
        .iter()
        .flatten()
        .fold(0, |sum, it| sum.saturating_add(*it));
    let silent = written.iter().filter(|it| it.is_none()).count();
    let left = 100i64.saturating_sub(said).max(0);
    let each = i64::try_from(silent)
        .ok()
        .filter(|it| *it > 0)
        .map_or(0, |it| left / it);
    let shares = written
        .iter()
        .map(|it| it.unwrap_or(each).clamp(0, 1_000_000));
    (shares.collect(), silent == 0 && said < 100)
}
