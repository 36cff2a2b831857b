//! Which addresses are listened on, as the configuration changes.
//!
//! Invariant: the addresses of the command line are served while there are no Listeners; once there are,
//! these alone decide. What cannot be bound is tried again, unless it is refused, and harms nothing else.

use std::collections::{BTreeSet, HashSet};
use std::future::pending;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use nuncio_proxy::{BindError, ListenerKey, Workers};
use nuncio_routing::Listening;
use tokio::sync::watch;
use tokio::time::sleep;
use tracing::{info, warn};

/// Where people want to be listened on.
#[derive(Clone, Debug)]
pub(crate) struct Addresses {
    /// For plain HTTP, while there are no Listeners.
    pub(crate) http: Vec<SocketAddr>,
    /// For HTTPS, while there are no Listeners, but a certificate to serve.
    pub(crate) https: Vec<SocketAddr>,
    /// Of Listeners that name none.
    pub(crate) any: IpAddr,
}

/// Has the workers listen as the configuration says.
pub(crate) struct Following {
    workers: Arc<Workers>,
    addresses: Addresses,
    /// What cannot be bound, and was told of.
    told: HashSet<SocketAddr>,
    /// How often it was tried since the configuration changed.
    attempts: u32,
    failed: bool,
}

/// How soon it is tried again, at first; a port may be about to become free.
const FIRST_RETRY: Duration = Duration::from_millis(100);

/// How often it is tried again in the long run.
const LAST_RETRY: Duration = Duration::from_secs(10);

/// How often it is looked whether what was closed has ended.
const CLOSING_CHECK: Duration = Duration::from_secs(1);

impl Addresses {
    /// What to listen on, in no order, each address once.
    fn wanted(&self, listening: &Listening) -> Vec<(SocketAddr, ListenerKey)> {
        let all = |addresses: &[SocketAddr], key| -> Vec<_> {
            addresses.iter().map(|address| (*address, key)).collect()
        };
        let mut wanted: Vec<_> = listening
            .listeners
            .iter()
            .map(|listener| {
                let address = listener.address.unwrap_or(self.any);
                let key = ListenerKey::Port(listener.address, listener.port);
                (SocketAddr::new(address, listener.port), key)
            })
            .collect();
        if let Some(implied) = &listening.implied {
            wanted.extend(all(&self.http, ListenerKey::Http));
            if implied.https.is_some() {
                wanted.extend(all(&self.https, ListenerKey::Https));
            }
        }
        let mut seen = HashSet::new();
        wanted.retain(|(address, _)| address.port() == 0 || seen.insert(*address));
        wanted
    }
}

impl Following {
    pub(crate) fn new(workers: Arc<Workers>, addresses: Addresses) -> Self {
        Self {
            workers,
            addresses,
            told: HashSet::new(),
            attempts: 0,
            failed: false,
        }
    }

    /// Follows `listening` for as long as it is polled.
    pub(crate) async fn run(mut self, mut listening: watch::Receiver<Option<Arc<Listening>>>) {
        loop {
            let now = listening.borrow_and_update().clone();
            if let Some(now) = now {
                self.listen(&now);
            }
            tokio::select! {
                changed = listening.changed() => match changed {
                    Ok(()) => self.attempts = 0,
                    Err(_) => return,
                },
                () = self.again() => {}
            }
        }
    }

    /// Listens as `listening` says, as far as that is possible.
    pub(crate) fn listen(&mut self, listening: &Listening) {
        let failed = self.open(listening);
        self.tell(&failed);
    }

    /// The same without a word of what is not possible, which it gives.
    pub(crate) fn open(&self, listening: &Listening) -> Vec<BindError> {
        let before = self.bound();
        let failed = self.workers.listen(&self.addresses.wanted(listening));
        let now = self.bound();
        for address in now.difference(&before) {
            info!(%address, "listening");
        }
        for address in before.difference(&now) {
            info!(%address, "listening no more");
        }
        failed
    }

    fn bound(&self) -> BTreeSet<SocketAddr> {
        let addresses = self.workers.addresses().into_iter();
        addresses.map(|(address, _)| address).collect()
    }

    /// Tells of each address that stays out of reach, once.
    fn tell(&mut self, failed: &[BindError]) {
        self.failed = failed.iter().any(|error| !error.is_refusal());
        self.attempts = self.attempts.saturating_add(1);
        let fails = |address| failed.iter().any(|error| error.address == address);
        self.told.retain(|address| fails(*address));
        for error in failed {
            let BindError { address, source } = error;
            if error.is_refusal() {
                if self.told.insert(*address) {
                    warn!(%address, reason = %source, "cannot listen; going on without");
                }
            // A port may only be about to become free.
            } else if self.attempts > 1 && self.told.insert(*address) {
                warn!(%address, reason = %source, "cannot listen; trying on");
            }
        }
    }

    /// Waits until it is to be tried again. Meanwhile, or for ever if nothing failed, it is counted what
    /// was closed and has not ended yet.
    async fn again(&self) {
        if self.failed {
            let exponent = self.attempts.saturating_sub(1);
            let pause = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(exponent));
            sleep(pause.min(LAST_RETRY)).await;
            return;
        }
        while self.workers.count() > 0 {
            sleep(CLOSING_CHECK).await;
        }
        pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use nuncio_routing::Implied;

    use super::*;

    fn addresses() -> Addresses {
        Addresses {
            http: vec!["0.0.0.0:8080".parse().unwrap()],
            https: vec!["0.0.0.0:8443".parse().unwrap()],
            any: "0.0.0.0".parse().unwrap(),
        }
    }

    fn implied(listening: &mut Listening) -> &mut Implied {
        listening.implied.as_mut().unwrap()
    }

    #[test]
    fn https_is_listened_on_once_there_is_something_to_serve() {
        let mut listening = Listening::default();
        let http = ("0.0.0.0:8080".parse().unwrap(), ListenerKey::Http);
        assert_eq!(addresses().wanted(&listening), [http]);
        let implied = implied(&mut listening);
        implied.https = Some(Arc::clone(&implied.http));
        let https = ("0.0.0.0:8443".parse().unwrap(), ListenerKey::Https);
        assert_eq!(addresses().wanted(&listening), [http, https]);
    }

    #[test]
    fn listeners_take_the_place_of_the_command_line() {
        let mut listening = Listening::default();
        let mut listener = nuncio_routing::Listener::clone(&implied(&mut listening).http);
        listener.port = 8443;
        listening.listeners = [Arc::new(listener)].into();
        let key = ListenerKey::Port(None, 8443);
        let listened = ("0.0.0.0:8443".parse().unwrap(), key);
        let beside = addresses().wanted(&listening);
        assert_eq!(beside.len(), 2, "a TCPMapping's beside the command line's");
        listening.implied = None;
        assert_eq!(addresses().wanted(&listening), [listened]);
    }
}
