//! What Pingora's codecs ask of a connection besides its bytes.

use std::sync::Arc;

use async_trait::async_trait;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::{
    GetProxyDigest, GetSocketDigest, GetTimingDigest, Peek, Shutdown, SocketDigest, Ssl,
    TimingDigest, UniqueID, UniqueIDType,
};
use tokio::io::AsyncWriteExt;

use super::{Place, Wire};

#[async_trait]
impl<P: Place> Shutdown for Wire<P> {
    async fn shutdown(&mut self) {
        // The peer may be gone already; nothing is owed to it then.
        drop(AsyncWriteExt::shutdown(self).await);
    }
}

impl<P: Place> UniqueID for Wire<P> {
    fn id(&self) -> UniqueIDType {
        self.carrier.id()
    }
}

impl<P: Place> Ssl for Wire<P> {}

impl<P: Place> Peek for Wire<P> {}

// The gateway keeps its own clock, addresses and counters for each connection, so the codecs'
// digests stay empty.
impl<P: Place> GetTimingDigest for Wire<P> {
    fn get_timing_digest(&self) -> Vec<Option<TimingDigest>> {
        Vec::new()
    }
}

impl<P: Place> GetProxyDigest for Wire<P> {
    fn get_proxy_digest(&self) -> Option<Arc<ProxyDigest>> {
        None
    }
}

impl<P: Place> GetSocketDigest for Wire<P> {
    fn get_socket_digest(&self) -> Option<Arc<SocketDigest>> {
        None
    }
}
