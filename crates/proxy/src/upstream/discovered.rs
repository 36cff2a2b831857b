//! Endpoints that the control path tells.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use nuncio_routing::ServicePort;

/// The endpoints that are known of each Service's port.
#[derive(Debug, Default)]
pub(crate) struct Discovered(Mutex<HashMap<ServicePort, Arc<[SocketAddr]>>>);

impl Discovered {
    /// Takes the endpoints of a port in place of those before.
    pub(crate) fn set(&self, of: &ServicePort, addresses: Option<&[SocketAddr]>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match addresses {
            Some(addresses) => drop(known.insert(of.clone(), addresses.into())),
            None => drop(known.remove(of)),
        }
    }
}
