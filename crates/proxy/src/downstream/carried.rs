//! Connections that are carried as they are, to the clusters of a TCPMapping.
//!
//! Invariant: each has an upstream connection of its own, and counts as busy for as long as it lives. If it
//! comes to nothing, or either end breaks off, the other end is reset: an orderly end would be taken for
//! that of what was said.

use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use nuncio_routing::TcpRoute;
use nuncio_telemetry::TcpStats;
use tokio::io::AsyncWrite;
use tracing::debug;

use super::connection::Accepted;
use super::door::Rules;
use super::greeting::Opening;
use crate::carrier::Carrier;
use crate::conduit::{self, Begun, End, Ended};
use crate::upstream::{Carriage, Counted, Pick, Upstream};

/// A TCPMapping that has a connection, by the snapshot it came under.
pub(super) struct Carried {
    rules: Rc<Rules>,
    route: Arc<TcpRoute>,
}

/// Why a connection that was carried is over.
#[derive(Clone, Copy, Debug)]
enum Over {
    Ended(Ended),
    /// Its listener is gone, and so is the time it had since.
    Drained,
}

impl Carried {
    pub(super) fn new(rules: &Rc<Rules>, route: &Arc<TcpRoute>) -> Self {
        Self {
            rules: Rc::clone(rules),
            route: Arc::clone(route),
        }
    }

    /// What connections like it count.
    pub(super) fn counted(&self) -> &Arc<TcpStats> {
        self.rules.tcp()
    }

    pub(super) fn route(&self) -> &TcpRoute {
        &self.route
    }

    /// A cluster by its share.
    fn upstream(&self) -> Option<&Arc<Upstream>> {
        let mut draw = fastrand::u32(..self.route.total.max(1));
        let mut clusters = self.route.clusters.iter();
        let (cluster, _) = clusters.find(|(_, share)| match draw.checked_sub(*share) {
            Some(rest) => {
                draw = rest;
                false
            }
            None => true,
        })?;
        self.rules.live().upstream(*cluster)
    }
}

impl Accepted {
    /// Carries the connection until it ends.
    pub(super) async fn carry(self, opening: Opening, carried: Carried) {
        let _busy = self.activity.busy();
        let counted = Arc::clone(carried.counted());
        let Some(upstream) = carried.upstream().map(Arc::clone) else {
            counted.no_route();
            return opening.carrier.reset();
        };
        let route = Arc::clone(&carried.route);
        // The connection may outlive its snapshot by far.
        drop(carried);
        match self.carriage(&upstream).await {
            Some(carriage) => {
                let over = self.relay(opening, carriage, (&route, &counted)).await;
                debug!(mapping = %route.name, peer = %self.peer, ?over, "carried");
            }
            None => opening.carrier.reset(),
        }
    }

    async fn carriage(&self, upstream: &Arc<Upstream>) -> Option<Carriage> {
        let patience = upstream.cluster.connect_timeout;
        let Some(endpoint) = upstream.endpoint(patience, &Pick::default()).await else {
            upstream.stats.no_healthy_host();
            return None;
        };
        let carriage = self.worker.connector().carriage(upstream, endpoint).await;
        carriage.ok()
    }

    async fn relay(
        &self,
        opening: Opening,
        carriage: Carriage,
        (route, tcp): (&TcpRoute, &TcpStats),
    ) -> Over {
        let Opening {
            mut carrier,
            begun,
            place: _place,
            ..
        } = opening;
        let (mut upstream, counted) = (carriage.carrier, carriage.counted);
        let begun = Begun {
            by_client: begun,
            ..Begun::default()
        };
        let conduit = conduit::carry(
            (&mut carrier, &mut upstream),
            begun,
            (self.worker.buffers(), route.idle_timeout),
            |moved| {
                tcp.transferred(moved.from_client, moved.to_client);
                counted.transferred(moved.from_upstream, moved.to_upstream);
            },
        );
        let over = tokio::select! {
            ended = conduit => Over::Ended(ended),
            () = self.door.drained() => Over::Drained,
        };
        over.tell(tcp, &counted);
        if let Over::Ended(Ended::Broken(_)) = over {
            carrier.reset();
            upstream.reset();
        } else {
            farewell(carrier).await;
            farewell(upstream).await;
        }
        over
    }
}

impl Over {
    fn tell(self, tcp: &TcpStats, upstream: &Counted) {
        match self {
            Self::Ended(Ended::Closed(End::Client) | Ended::Broken(End::Client)) => {}
            Self::Ended(Ended::Closed(End::Upstream) | Ended::Broken(End::Upstream)) => {
                upstream.closed_by_upstream();
            }
            Self::Ended(Ended::Silent) => tcp.idled_out(),
            Self::Drained => tcp.drained(),
        }
    }
}

/// Ends a connection in an orderly way, as far as that takes no time.
async fn farewell(mut carrier: Carrier) {
    poll_fn(|cx| {
        let _unfinished = Pin::new(&mut carrier).poll_shutdown(cx);
        Poll::Ready(())
    })
    .await;
}
