//! An authority that issues certificates by ACME (RFC 8555), small enough to be broken at will.
//!
//! It verifies nonces, signatures and URLs of requests, looks at challenges by HTTP itself, and signs
//! what is asked for.
//!
//! Deliberately absent: all challenges but http-01, accounts bound to others, revocation, and TLS: it
//! speaks plain HTTP on loopback.

mod jws;
mod server;
mod state;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::JoinSet;

use state::State;
pub use state::{Limit, Looking};

/// An authority. Ends when dropped.
#[derive(Debug)]
pub struct Acme {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    _serving: JoinSet<()>,
}

impl Acme {
    /// Begins to issue.
    ///
    /// # Panics
    /// When the system has no port.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::new(address)));
        let mut serving = JoinSet::new();
        serving.spawn(server::serve(listener, Arc::clone(&state)));
        Self {
            address,
            state,
            _serving: serving,
        }
    }

    /// The URL of its directory.
    pub fn directory(&self) -> String {
        format!("http://{}/directory", self.address)
    }

    /// Every name leads to all of these, and each of them is looked at.
    pub fn names_lead_to(&self, gateways: &[SocketAddr]) {
        self.state().gateways = gateways.to_vec();
    }

    /// What it looks at challenges by.
    pub fn look(&self, looking: Looking) {
        self.state().looking = looking;
    }

    /// Refuses so many nonces, as if they were old.
    pub fn refuse_nonces(&self, count: usize) {
        self.state().bad_nonces = count;
    }

    /// Refuses orders.
    pub fn limit(&self, limit: Option<Limit>) {
        self.state().limit = limit;
    }

    /// Says of each order this many times that it is being processed.
    pub fn take_polls(&self, count: usize) {
        self.state().polls = count;
    }

    /// What it issues from now on expires after this.
    pub fn issue_for(&self, life: Duration) {
        self.state().life = life;
    }

    /// Forgets who its clients are.
    pub fn forget_accounts(&self) {
        self.state().accounts.clear();
    }

    /// How many orders it was given, refused ones included.
    pub fn orders(&self) -> usize {
        self.state().ordered
    }

    /// How many requests it was sent.
    pub fn requests(&self) -> usize {
        self.state().requests
    }

    /// How many accounts it has made.
    pub fn accounts(&self) -> usize {
        self.state().made_accounts
    }

    /// What its clients gave as their addresses, the last of each account.
    pub fn contacts(&self) -> Vec<String> {
        let state = self.state();
        state
            .accounts
            .iter()
            .map(|account| account.contact.clone())
            .collect()
    }

    /// The certificate that it signs by.
    pub fn root(&self) -> String {
        self.state().root()
    }

    /// How many certificates it has issued.
    pub fn issued(&self) -> usize {
        self.state().issued
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}
