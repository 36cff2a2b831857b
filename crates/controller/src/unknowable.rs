//! Endpoints where no source knows them: manifest files say nothing of Pods.
//!
//! Invariant: clusters that want to be told endpoints are told that there is nothing to tell, so that
//! their names are resolved.

use std::collections::BTreeSet;
use std::sync::Arc;

use nuncio_routing::ServicePort;
use tokio::sync::watch;

use crate::Publish;

/// Answers whatever is wanted, until nobody wants anything any more.
pub(crate) async fn answer(
    publish: Arc<dyn Publish>,
    mut wanted: watch::Receiver<Arc<BTreeSet<ServicePort>>>,
) {
    let mut before = Arc::default();
    wanted.mark_changed();
    while wanted.changed().await.is_ok() {
        let now = Arc::clone(&wanted.borrow_and_update());
        for port in now.symmetric_difference(&before) {
            publish.endpoints(port, None);
        }
        before = now;
    }
}
