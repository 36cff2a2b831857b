//! Our own API server, and the faults it commits on demand.
//!
//! Invariant: it keeps its port for life, also while it does not listen.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use super::event::Event;
use super::fault::{Expiry, Faults};
use super::http;
use super::journal::{self, Written};
use super::object::{Key, Object};
use super::resource::Resource;
use super::store::Store;
use super::writing;

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
        self.put(Resource::Services, namespace, name, service);
    }

    /// Deletes a Service behind the API's back.
    pub fn remove_service(&self, namespace: &str, name: &str) {
        self.remove(Resource::Services, namespace, name);
    }

    /// Creates or changes any object behind the API's back; what the server sets is filled in.
    pub fn put(&self, resource: Resource, namespace: &str, name: &str, object: Value) {
        let mut state = self.store.lock();
        writing::put(&mut state, resource, key(namespace, name), object);
    }

    /// Stores a text that is answered in the place of an object, whatever it is.
    pub fn put_raw(&self, resource: Resource, namespace: &str, name: &str, text: &str) {
        let key = key(namespace, name);
        let raw = |_version| Object::raw(key, "v1", text);
        self.store.lock().insert(resource, raw);
    }

    /// Deletes any object behind the API's back.
    pub fn remove(&self, resource: Resource, namespace: &str, name: &str) {
        drop(self.store.lock().delete(resource, &key(namespace, name)));
    }

    /// Takes objects away without telling any watch, as a store does that lost them: the next list
    /// lacks them.
    pub fn lose(&self, resource: Resource, lost: impl Fn(&str) -> bool) {
        let mut state = self.store.lock();
        let objects = &mut state.table(resource).objects;
        objects.retain(|key, _| !lost(&key.name));
    }

    /// Answers 403 to lists and watches of a kind, and ends its watches.
    pub fn forbid(&self, resource: Resource) {
        self.set_forbidden(resource, true);
    }

    /// Answers 403 to watches of a kind, and ends those under way; lists are granted.
    pub fn forbid_watch(&self, resource: Resource) {
        self.fault(resource, |faults| {
            faults.watch_forbidden = true;
            faults.cut = faults.watches;
        });
    }

    /// Answers 403 to whatever would write a kind.
    pub fn forbid_writes(&self, resource: Resource) {
        self.fault(resource, |faults| faults.writes_forbidden = true);
    }

    /// Ends what the others that forbid began.
    pub fn allow(&self, resource: Resource) {
        self.set_forbidden(resource, false);
    }

    /// Serves a kind of `getambassador.io` in these versions, of which the first is stored.
    pub fn install(&self, resource: Resource, versions: &[&'static str]) {
        self.store.lock().table(resource).versions = versions.to_vec();
        self.end_watches(resource);
    }

    /// Serves a kind no longer, as a cluster that never had its definition.
    pub fn uninstall(&self, resource: Resource) {
        self.install(resource, &[]);
    }

    /// Answers objects in the version they are stored in alone: the conversion webhook is gone.
    pub fn break_conversion(&self, resource: Resource) {
        self.store.lock().table(resource).conversion_broken = true;
        self.end_watches(resource);
    }

    /// Offers lists as streams, which are refused before this as servers before 1.32 do.
    pub fn offer_streaming(&self) {
        self.store.lock().streaming = true;
    }

    /// Lets in nobody but the bearer of this token.
    pub fn require_token(&self, token: &str) {
        self.store.lock().token = Some(token.to_owned());
    }

    /// Never answers lists and new watches of a kind, until [`FakeApi::drop_connections`] after
    /// [`FakeApi::answer_again`].
    pub fn hang(&self, resource: Resource) {
        self.fault(resource, |faults| faults.hanging = true);
    }

    /// Ends what [`FakeApi::hang`] began, for requests to come.
    pub fn answer_again(&self, resource: Resource) {
        self.fault(resource, |faults| faults.hanging = false);
    }

    /// Does without all versions so far, as etcd does when it compacts or is restored, and ends the
    /// kind's watches.
    pub fn expire(&self, resource: Resource, expiry: Expiry) {
        let mut state = self.store.lock();
        let oldest = state.next();
        state.fault(resource, |faults| {
            faults.oldest = Some((oldest, expiry));
            if expiry != Expiry::Event {
                faults.cut = faults.watches;
            }
        });
    }

    /// Answers 500 to some of the next lists of a kind, pages counted singly: `0..1` is the next
    /// one, `1..2` the one after.
    pub fn fail_lists(&self, resource: Resource, which: Range<usize>) {
        self.fault(resource, |faults| {
            faults.failing_lists = faults.lists + which.start..faults.lists + which.end;
        });
    }

    /// Answers some of the next lists of a kind as if there were nothing.
    pub fn empty_lists(&self, resource: Resource, which: Range<usize>) {
        self.fault(resource, |faults| {
            faults.empty_lists = faults.lists + which.start..faults.lists + which.end;
        });
    }

    /// Keeps the watches of a kind open but never sends anything on them again.
    pub fn stall(&self, resource: Resource) {
        self.fault(resource, |faults| {
            faults.stalled = (0..faults.watches).collect();
        });
    }

    /// Sends half of what is next to the watches of a kind, and then nothing.
    pub fn tear(&self, resource: Resource) {
        self.fault(resource, |faults| {
            faults.torn = (0..faults.watches).collect();
        });
    }

    /// Sends lists of a kind with so many bytes a second; as fast as it can with 0.
    pub fn slow_down(&self, resource: Resource, bytes: u64) {
        self.fault(resource, |faults| faults.pace = bytes);
    }

    /// Shuts every connection, and each new one as soon as it is there. Answers who counts them.
    pub async fn turn_away(&self) -> Arc<AtomicUsize> {
        self.stop().await;
        let listener = TcpListener::bind(self.addr).await.unwrap();
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let server = tokio::spawn(async move {
            while listener.accept().await.is_ok() {
                counted.fetch_add(1, Ordering::Relaxed);
            }
        });
        *self.server.lock().unwrap() = Some(server);
        tries
    }

    /// Ends the watches of a kind as their timeout would.
    pub fn end_watches(&self, resource: Resource) {
        self.fault(resource, |faults| faults.cut = faults.watches);
    }

    /// Sends a bookmark to every watch of a kind.
    pub fn bookmark(&self, resource: Resource) {
        self.store.lock().note(resource, Event::Bookmark);
    }

    /// Sends a line as it is to every watch of a kind.
    pub fn inject(&self, resource: Resource, line: &str) {
        let event = Event::Raw(line.to_owned());
        self.store.lock().note(resource, event);
    }

    /// How many list requests of a kind were made, pages counted singly.
    pub fn lists(&self, resource: Resource) -> usize {
        self.store.lock().table(resource).faults.lists
    }

    /// How many watch requests of a kind were made.
    pub fn watches(&self, resource: Resource) -> usize {
        self.store.lock().table(resource).faults.watches
    }

    /// Path and query of every request to read a kind.
    pub fn asked(&self, resource: Resource) -> Vec<String> {
        self.store.lock().table(resource).faults.asked.clone()
    }

    /// How many bytes lists and watches of a kind were answered with.
    pub fn sent(&self, resource: Resource) -> u64 {
        self.store.lock().table(resource).faults.sent
    }

    /// How many requests came without the token that is required.
    pub fn unauthorized(&self) -> usize {
        self.store.lock().unauthorized
    }

    /// Never answers the requests to come of a gateway.
    pub fn cut_off(&self, gateway: &str) {
        self.store.lock().cut_off.insert(gateway.to_owned());
    }

    /// Answers a gateway again.
    pub fn reconnect(&self, gateway: &str) {
        self.store.lock().cut_off.remove(gateway);
    }

    /// What gateways asked to be written, in order, granted or not.
    pub fn journal(&self) -> Vec<Written> {
        self.store.lock().journal.clone()
    }

    /// Who holds the only Lease; empty when nobody does.
    pub fn holder(&self) -> String {
        journal::holder(&mut self.store.lock()).unwrap_or_default()
    }

    /// An object as it is stored.
    pub fn get(&self, resource: Resource, namespace: &str, name: &str) -> Option<Value> {
        let mut state = self.store.lock();
        let object = state.table(resource).objects.get(&key(namespace, name));
        object.map(|object| object.value())
    }

    /// Every object of a kind as it is stored.
    pub fn all(&self, resource: Resource) -> Vec<Value> {
        let mut state = self.store.lock();
        let objects = state.table(resource).objects.values();
        objects.map(|object| object.value()).collect()
    }

    fn set_forbidden(&self, resource: Resource, forbidden: bool) {
        self.fault(resource, |faults| {
            faults.forbidden = forbidden;
            faults.watch_forbidden = false;
            faults.writes_forbidden = false;
            faults.cut = faults.watches;
        });
    }

    fn fault(&self, resource: Resource, change: impl FnOnce(&mut Faults)) {
        self.store.lock().fault(resource, change);
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
