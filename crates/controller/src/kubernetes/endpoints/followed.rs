//! What is known of one Service whose endpoints are wanted, and what was told of it.
//!
//! Invariant: nothing is told before both the Service and its slices are known; what is known stays
//! until something else is.
//! Deliberately absent: where knowledge comes from.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::service::{Meaning, Service};
use super::slice::{Fitness, Slice};

/// One Service, by the ports that clusters want of it.
#[derive(Debug, Default)]
pub(super) struct Followed {
    ports: BTreeMap<u16, Told>,
    pub(super) service: Known<Option<Service>>,
    /// That the Service is gone was heard once, and is asked again.
    doubted: bool,
    pub(super) slices: Known<HashMap<Box<str>, Slice>>,
}

/// A thing that is asked for.
#[derive(Debug, Default)]
pub(super) enum Known<T> {
    /// There was no answer yet.
    #[default]
    Unasked,
    /// The last answer.
    Is(T),
    /// It is refused, so that no answer is to be had.
    Refused,
}

/// What is told of a port.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Told {
    #[default]
    Nothing,
    /// These are the endpoints.
    Addresses(Box<[SocketAddr]>),
    /// There are none: the Service has no such port.
    NoSuchPort,
    /// They cannot be known.
    Unknowable,
}

impl Told {
    /// As it is published; `None` where there is nothing to publish.
    #[expect(clippy::option_option, reason = "whether to tell, and what")]
    pub(super) fn addresses(&self) -> Option<Option<&[SocketAddr]>> {
        match self {
            Self::Nothing => None,
            Self::Addresses(addresses) => Some(Some(addresses)),
            Self::NoSuchPort => Some(Some(&[])),
            Self::Unknowable => Some(None),
        }
    }
}

impl Followed {
    pub(super) fn want(&mut self, port: u16) {
        self.ports.entry(port).or_default();
    }

    /// Whether nobody wants any port any more.
    pub(super) fn forget(&mut self, port: u16) -> bool {
        self.ports.remove(&port);
        self.ports.is_empty()
    }

    pub(super) fn has_slices(&self) -> bool {
        matches!(&self.slices, Known::Is(slices) if !slices.is_empty())
    }

    /// Takes the Service as it was found; whether that it is gone has to be heard once more.
    pub(super) fn found(&mut self, service: Option<Service>) -> bool {
        let gone = service.is_none() && matches!(self.service, Known::Is(Some(_)));
        self.doubted = gone && !self.doubted;
        if !self.doubted {
            self.service = Known::Is(service);
        }
        self.doubted
    }

    /// The ports of which something else is to be told than before.
    pub(super) fn news(&mut self) -> Vec<(u16, Told)> {
        let ports: Vec<u16> = self.ports.keys().copied().collect();
        let mut news = Vec::new();
        for port in ports {
            let now = self.told(port);
            let before = self.ports.entry(port).or_default();
            if now != Told::Nothing && now != *before {
                before.clone_from(&now);
                news.push((port, now));
            }
        }
        news
    }

    fn told(&self, port: u16) -> Told {
        let service = match &self.service {
            Known::Unasked => return Told::Nothing,
            Known::Refused => return Told::Unknowable,
            // Whatever slices are left: their addresses may be others' by now.
            Known::Is(None) => return Told::Addresses(Box::default()),
            Known::Is(Some(service)) => service,
        };
        let target = match service.meaning(port) {
            Meaning::Target(target) => target,
            Meaning::Unknown => return Told::NoSuchPort,
            Meaning::External => return Told::Unknowable,
        };
        let slices = match &self.slices {
            Known::Unasked => return Told::Nothing,
            Known::Refused => return Told::Unknowable,
            Known::Is(slices) => slices,
        };
        let mut found = Fitness::default();
        let own = slices.values().filter(|slice| slice.is_of(service.uid()));
        own.for_each(|slice| slice.collect(target, &mut found));
        Told::Addresses(found.best().into())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_service_that_was_there_is_gone_only_when_that_is_heard_twice() {
        let object = json!({"metadata": {"uid": "1"}, "spec": {"ports": [{"port": 80}]}});
        let service = Service::of(&serde_json::from_value(object).unwrap());
        let mut followed = Followed::default();
        assert!(!followed.found(Some(service.clone())));
        assert!(followed.found(None));
        assert!(matches!(followed.service, Known::Is(Some(_))));
        assert!(!followed.found(Some(service)));
        assert!(followed.found(None));
        assert!(!followed.found(None));
        assert!(matches!(followed.service, Known::Is(None)));
    }

    #[test]
    fn a_service_that_never_was_there_is_asked_for_once() {
        let mut followed = Followed::default();
        assert!(!followed.found(None));
        assert!(matches!(followed.service, Known::Is(None)));
    }
}
