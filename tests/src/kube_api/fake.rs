//! Our own API server, and the faults it commits on demand.
//!
//! Invariant: it keeps its port for life, also while it does not listen.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::http;
use super::store::{Event, Expiry, Key, Resource, Store};

/// An API server on loopback. Ends when dropped.
#[derive(Debug)]
pub struct FakeApi {
    store: Arc<Store>,
    addr: SocketAddr,
    server: Mutex<Option<JoinHandle<()>>>,
}

impl FakeApi {
    /// Begins to listen, with no objects.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let store = Arc::new(Store::new());
        let server = tokio::spawn(serve(listener, Arc::clone(&store)));
        Self {
            store,
            addr,
            server: Mutex::new(Some(server)),
        }
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Shuts the port and every connection.
    pub async fn stop(&self) {
        let server = self.server.lock().unwrap().take();
        if let Some(server) = server {
            server.abort();
            drop(server.await);
        }
    }

    /// Listens again on the same port.
    pub async fn resume(&self) {
        let listener = TcpListener::bind(self.addr).await.unwrap();
        let server = tokio::spawn(serve(listener, Arc::clone(&self.store)));
        *self.server.lock().unwrap() = Some(server);
    }

    /// Shuts every connection; new ones are welcome.
    pub async fn drop_connections(&self) {
        self.stop().await;
        self.resume().await;
    }

    /// Creates or changes an annotated Service behind the API's back: while it does not listen.
    pub fn put_service(&self, namespace: &str, name: &str, annotation: &str) {
        let annotations = json!({"getambassador.io/config": annotation});
        let service = json!({"metadata": {"annotations": annotations}});
        self.store
            .change(|state| state.put(Resource::Services, key(namespace, name), service));
    }

    /// Deletes a Service behind the API's back.
    pub fn remove_service(&self, namespace: &str, name: &str) {
        self.store
            .change(|state| state.delete(Resource::Services, &key(namespace, name)));
    }

    /// Answers 403 to lists and watches of a kind, and ends its watches.
    pub fn forbid(&self, resource: Resource) {
        self.set_forbidden(resource, true);
    }

    /// Answers 403 to watches of a kind, and ends those under way; lists are granted.
    pub fn forbid_watch(&self, resource: Resource) {
        self.store.change(|state| {
            let faults = state.faults(resource);
            faults.watch_forbidden = true;
            faults.cut = faults.watches;
        });
    }

    /// Ends what [`FakeApi::forbid`] or [`FakeApi::forbid_watch`] began.
    pub fn allow(&self, resource: Resource) {
        self.set_forbidden(resource, false);
    }

    /// Forgets all versions so far, as etcd does when it compacts, and ends the kind's watches.
    pub fn expire(&self, resource: Resource, expiry: Expiry) {
        self.store.change(|state| {
            let oldest = state.next();
            let faults = state.faults(resource);
            faults.oldest = Some((oldest, expiry));
            if expiry == Expiry::Status {
                faults.cut = faults.watches;
            }
        });
    }

    /// Answers 500 to some of the next lists of a kind, pages counted singly: `0..1` is the next
    /// one, `1..2` the one after.
    pub fn fail_lists(&self, resource: Resource, which: Range<usize>) {
        self.store.change(|state| {
            let faults = state.faults(resource);
            faults.failing_lists = faults.lists + which.start..faults.lists + which.end;
        });
    }

    /// Keeps the watches of a kind open but never sends anything on them again.
    pub fn stall(&self, resource: Resource) {
        self.store.change(|state| {
            let faults = state.faults(resource);
            faults.stalled = (0..faults.watches).collect();
        });
    }

    /// Ends the watches of a kind as their timeout would.
    pub fn end_watches(&self, resource: Resource) {
        self.store.change(|state| {
            let faults = state.faults(resource);
            faults.cut = faults.watches;
        });
    }

    /// Sends a bookmark to every watch of a kind.
    pub fn bookmark(&self, resource: Resource) {
        self.store
            .change(|state| state.note(resource, Event::Bookmark));
    }

    /// Sends a line as it is to every watch of a kind.
    pub fn inject(&self, resource: Resource, line: &str) {
        self.store
            .change(|state| state.note(resource, Event::Raw(line.to_owned())));
    }

    /// How many list requests of a kind were made, pages counted singly.
    pub fn lists(&self, resource: Resource) -> usize {
        self.store.lock().faults(resource).lists
    }

    /// How many watch requests of a kind were made.
    pub fn watches(&self, resource: Resource) -> usize {
        self.store.lock().faults(resource).watches
    }

    fn set_forbidden(&self, resource: Resource, forbidden: bool) {
        self.store.change(|state| {
            let faults = state.faults(resource);
            faults.forbidden = forbidden;
            faults.watch_forbidden = false;
            faults.cut = faults.watches;
        });
    }
}

impl Drop for FakeApi {
    fn drop(&mut self) {
        if let Some(server) = self.server.lock().unwrap().take() {
            server.abort();
        }
    }
}

fn key(namespace: &str, name: &str) -> Key {
    Key {
        namespace: namespace.to_owned(),
        name: name.to_owned(),
    }
}

async fn serve(listener: TcpListener, store: Arc<Store>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (stream, _peer) = accepted.unwrap();
                connections.spawn(connection(stream, Arc::clone(&store)));
            }
            Some(_ended) = connections.join_next() => {}
        }
    }
}

async fn connection(stream: TcpStream, store: Arc<Store>) {
    let service = service_fn(move |req| http::answer(req, Arc::clone(&store)));
    // Fails when the client goes, which is its right.
    drop(
        http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service)
            .await,
    );
}
