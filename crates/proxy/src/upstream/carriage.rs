//! Connections that carry what clients say, whatever it is: each is made for one client, and ends with it.
//!
//! Invariant: as in Envoy, there is one attempt, and one connection too many is refused rather than waited
//! for.

use std::sync::Arc;

use nuncio_config::Priority;
use nuncio_telemetry::{Breaker, ClusterStats, Overflow, UpstreamRequest};

use super::Upstream;
use super::connect::{ConnectFailure, Connector, Place, establish};
use super::endpoint::Endpoint;
use super::lease::overflowed;
use super::originate::Target;
use crate::carrier::Carrier;
use crate::wire::Traffic;

/// A connection to an upstream for one client.
pub(crate) struct Carriage {
    pub(crate) carrier: Carrier,
    pub(crate) counted: Counted,
}

/// What a connection counts as for as long as it lives.
pub(crate) struct Counted {
    stats: Arc<ClusterStats>,
    traffic: Arc<Traffic>,
    _place: Place,
    _endpoint: Endpoint,
    _assigned: UpstreamRequest,
}

impl Connector {
    /// A new connection to `endpoint`.
    pub(crate) async fn carriage(
        &self,
        upstream: &Arc<Upstream>,
        endpoint: Endpoint,
    ) -> Result<Carriage, ConnectFailure> {
        let permit = |what| upstream.breakers().permit(Priority::Default, what);
        let permitted = permit(Breaker::Connections);
        let permitted = permitted.ok_or_else(|| overflowed(upstream, Overflow::Connections))?;
        let waiting = permit(Breaker::Pending);
        let _waiting = waiting.ok_or_else(|| overflowed(upstream, Overflow::Pending))?;
        let originated = upstream.originated()?;
        let target = Target {
            address: endpoint.address(),
            originated: originated.as_ref(),
        };
        let pending = upstream.stats.pending();
        let (carrier, since) = match establish(upstream, target, None).await {
            Ok(made) => made,
            Err(failure) => {
                pending.failed();
                failure.tell(&endpoint);
                return Err(failure);
            }
        };
        endpoint.connected();
        let traffic = Arc::<Traffic>::default();
        let place = Place::new(upstream, (Arc::clone(&traffic), since), permitted);
        place.set_leased(true);
        let counted = Counted {
            stats: Arc::clone(&upstream.stats),
            traffic,
            _place: place,
            _endpoint: endpoint,
            _assigned: upstream.stats.assigned(),
        };
        Ok(Carriage { carrier, counted })
    }
}

impl Counted {
    /// Bytes came from the upstream, and went to it.
    pub(crate) fn transferred(&self, received: u64, sent: u64) {
        self.stats.transferred(received, sent);
    }

    /// The upstream was the one to end it.
    pub(crate) fn closed_by_upstream(&self) {
        self.traffic.closed_by_peer();
    }
}
