//! What is under way at a cluster, counted for as long as it lives.

use std::sync::Arc;

use super::ClusterStats;

/// One attempt under way at an upstream; counted in `upstream_rq_active` until dropped.
#[derive(Debug)]
pub struct UpstreamRequest(pub(super) Arc<ClusterStats>);

impl UpstreamRequest {
    /// The cluster it was sent to.
    pub fn cluster(&self) -> &Arc<ClusterStats> {
        &self.0
    }
}

impl Drop for UpstreamRequest {
    fn drop(&mut self) {
        self.0.count.traffic().upstream_rq_active.dec();
    }
}

/// An endpoint that is left out; counted in `outlier_detection.ejections_active` until dropped.
#[derive(Debug)]
pub struct Ejection(pub(super) Arc<ClusterStats>);

impl Drop for Ejection {
    fn drop(&mut self) {
        self.0.count.trouble().ejections_active.dec();
    }
}

/// Bytes of a request that an upstream does not take yet; counted in `upstream_cx_tx_bytes_buffered`
/// until dropped.
#[derive(Debug)]
pub struct Backlog {
    cluster: Arc<ClusterStats>,
    bytes: u32,
}

impl Backlog {
    pub(super) fn new(cluster: &Arc<ClusterStats>, bytes: usize) -> Self {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        let buffered = &cluster.count.trouble().upstream_cx_tx_bytes_buffered;
        buffered.add(bytes);
        Self {
            cluster: Arc::clone(cluster),
            bytes,
        }
    }

    /// The upstream has taken them, and the client is read again.
    pub fn drained(self) {
        self.cluster.count.trouble().flow_control_drained.inc();
    }
}

impl Drop for Backlog {
    fn drop(&mut self) {
        let buffered = &self.cluster.count.trouble().upstream_cx_tx_bytes_buffered;
        buffered.sub(self.bytes);
    }
}

/// A request that waits for a connection; counted in `upstream_rq_pending_active` until dropped.
#[derive(Debug)]
pub struct PendingRequest(pub(super) Arc<ClusterStats>);

impl PendingRequest {
    /// What it waited for could not be made.
    pub fn failed(self) {
        self.0
            .count
            .trouble()
            .upstream_rq_pending_failure_eject
            .inc();
    }
}

impl Drop for PendingRequest {
    fn drop(&mut self) {
        self.0.count.traffic().upstream_rq_pending_active.dec();
    }
}
