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
