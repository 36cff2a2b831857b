//! Names to addresses, in the background.
//!
//! Invariant: an answer stays in use until the next one; a failing resolver takes an address away
//! only when it has failed for [`STALE`].
//!
//! Deliberately absent: the C library's resolver, which a static binary does not have.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use hickory_resolver::TokioResolver;
use hickory_resolver::config::LookupIpStrategy;
use nuncio_telemetry::{ClusterStats, Resolution as Resolved};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::endpoints::{Endpoints, Replaced};

/// Resolves the names of clusters, on the runtime it was made on.
#[derive(Clone, Debug)]
pub struct Resolver {
    dns: TokioResolver,
    runtime: Handle,
}

/// The system's resolver configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the resolver configuration")]
pub struct ResolveError(#[source] hickory_resolver::net::NetError);

/// Nothing is asked more often, whatever the TTL.
const MIN_REFRESH: Duration = Duration::from_secs(1);

/// A record without an end is asked for again all the same.
const MAX_REFRESH: Duration = Duration::from_secs(30);

/// How long the last addresses outlive a name that cannot be resolved.
const STALE: Duration = Duration::from_secs(300);

impl Resolver {
    /// Resolves as `/etc/resolv.conf` and `/etc/hosts` say, IPv4 only as Ambassador does by
    /// default (`enable_ipv6: false`). Tasks run on the current runtime.
    ///
    /// # Errors
    ///
    /// When the configuration exists and cannot be used.
    pub fn from_system() -> Result<Self, ResolveError> {
        let mut builder = TokioResolver::builder_tokio().map_err(ResolveError)?;
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4Only;
        // Each name is asked for by one task, when its TTL has passed.
        options.cache_size = 0;
        let dns = builder.build().map_err(ResolveError)?;
        Ok(Self {
            dns,
            runtime: Handle::current(),
        })
    }

    /// Starts keeping `endpoints` at the addresses of `name`.
    pub(super) fn keep_current(
        &self,
        name: &str,
        port: u16,
        endpoints: &Arc<Endpoints>,
        stats: &Arc<ClusterStats>,
    ) -> Resolution {
        let watch = NameWatch {
            dns: self.dns.clone(),
            name: name.into(),
            port,
            endpoints: Arc::clone(endpoints),
            stats: Arc::clone(stats),
        };
        Resolution(self.runtime.spawn(watch.run()))
    }
}

/// A running resolution; ends when dropped.
#[derive(Debug)]
pub(super) struct Resolution(JoinHandle<()>);

impl Drop for Resolution {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct NameWatch {
    dns: TokioResolver,
    name: Box<str>,
    port: u16,
    endpoints: Arc<Endpoints>,
    stats: Arc<ClusterStats>,
}

impl NameWatch {
    async fn run(self) {
        if &*self.name == "localhost" {
            // RFC 6761 section 6.3: never asked of DNS.
            self.replace(vec![SocketAddr::new(
                IpAddr::V4(Ipv4Addr::LOCALHOST),
                self.port,
            )]);
            return;
        }
        let mut answered = Instant::now();
        let mut pause = MIN_REFRESH;
        loop {
            match self.look_up().await {
                Some(until) => {
                    answered = Instant::now();
                    pause = until
                        .saturating_duration_since(answered)
                        .clamp(MIN_REFRESH, MAX_REFRESH);
                }
                None => {
                    self.failed(answered.elapsed());
                    pause = (pause * 2).clamp(MIN_REFRESH, MAX_REFRESH);
                }
            }
            sleep(pause).await;
        }
    }

    /// One look-up; says until when its answer holds.
    async fn look_up(&self) -> Option<Instant> {
        match self.dns.lookup_ip(&*self.name).await {
            Ok(answer) => {
                self.replace(
                    answer
                        .iter()
                        .map(|ip| SocketAddr::new(ip, self.port))
                        .collect(),
                );
                Some(answer.valid_until())
            }
            Err(error) => {
                debug!(name = %self.name, %error, "cannot resolve");
                self.stats.resolved(Resolved::Failed);
                None
            }
        }
    }

    fn replace(&self, addresses: Vec<SocketAddr>) {
        self.stats
            .resolved(match self.endpoints.replace(addresses) {
                Replaced::Changed(endpoints) => Resolved::Changed { endpoints },
                Replaced::Unchanged => Resolved::Unchanged,
            });
    }

    fn failed(&self, since: Duration) {
        if !self.endpoints.is_resolved() {
            warn!(name = %self.name, "cannot resolve: requests to it are answered with 503");
            self.endpoints.replace(Vec::new());
        } else if since > STALE && self.endpoints.replace(Vec::new()) == Replaced::Changed(0) {
            warn!(name = %self.name, "not resolved for too long: its addresses are dropped");
            self.stats.endpoints_changed(0);
        }
    }
}
