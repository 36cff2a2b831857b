//! Sessions with upstreams that may be resumed.
//!
//! Invariant: takes memory only for those that there are: rustls makes room for all of them at once,
//! which thousands of upstreams without connections would pay for. At most [`NAMES`] names are kept, the
//! latest ones.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustls::NamedGroup;
use rustls::client::{
    ClientSessionMemoryCache, ClientSessionStore, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;

/// Those of one configuration.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    by_name: Mutex<VecDeque<Named>>,
}

type Named = (ServerName<'static>, Arc<ClientSessionMemoryCache>);

impl Sessions {
    fn find(&self, name: &ServerName<'_>) -> Option<Arc<ClientSessionMemoryCache>> {
        let by_name = self.lock();
        let (_, found) = by_name.iter().find(|(known, _)| known == name)?;
        Some(Arc::clone(found))
    }

    fn find_or_add(&self, name: ServerName<'static>) -> Arc<ClientSessionMemoryCache> {
        if let Some(found) = self.find(&name) {
            return found;
        }
        let added = Arc::new(ClientSessionMemoryCache::new(ONE_NAME));
        let mut by_name = self.lock();
        if by_name.len() >= NAMES {
            by_name.pop_front();
        }
        by_name.push_back((name, Arc::clone(&added)));
        added
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Named>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientSessionStore for Sessions {
    fn set_kx_hint(&self, name: ServerName<'static>, group: NamedGroup) {
        self.find_or_add(name.clone()).set_kx_hint(name, group);
    }

    fn kx_hint(&self, name: &ServerName<'_>) -> Option<NamedGroup> {
        self.find(name)?.kx_hint(name)
    }

    fn set_tls12_session(&self, name: ServerName<'static>, session: Tls12ClientSessionValue) {
        self.find_or_add(name.clone())
            .set_tls12_session(name, session);
    }

    fn tls12_session(&self, name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.find(name)?.tls12_session(name)
    }

    fn remove_tls12_session(&self, name: &ServerName<'static>) {
        if let Some(found) = self.find(name) {
            found.remove_tls12_session(name);
        }
    }

    fn insert_tls13_ticket(&self, name: ServerName<'static>, ticket: Tls13ClientSessionValue) {
        self.find_or_add(name.clone())
            .insert_tls13_ticket(name, ticket);
    }

    fn take_tls13_ticket(&self, name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.find(name)?.take_tls13_ticket(name)
    }
}

/// Of how many names: the endpoints of an upstream that is told none, else one.
const NAMES: usize = 32;

/// The size by which rustls keeps one name, with eight tickets.
const ONE_NAME: usize = 8;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{NAMES, NamedGroup, ServerName, Sessions};
    use rustls::client::ClientSessionStore;

    fn endpoint(number: u32) -> ServerName<'static> {
        ServerName::IpAddress(std::net::IpAddr::V4(Ipv4Addr::from_bits(number)).into())
    }

    #[test]
    fn the_latest_names_are_kept() {
        let sessions = Sessions::default();
        for number in 0..100 {
            sessions.set_kx_hint(endpoint(number), NamedGroup::X25519);
        }
        let kept = |number: &u32| sessions.kx_hint(&endpoint(*number)).is_some();
        let kept: Vec<_> = (0..100).filter(kept).collect();
        assert_eq!(kept.len(), NAMES);
        assert_eq!(kept.last(), Some(&99));
    }
}
