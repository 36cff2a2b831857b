//! Who wrote what: every write that was asked for, by the gateway that asked.
//!
//! Gateways name themselves by the header [`GATEWAY`]; whatever does not is not recorded.

use hyper::HeaderMap;
use serde_json::Value;

use super::call::Call;
use super::resource::Resource;
use super::store::State;

/// The header by which a gateway names itself.
pub const GATEWAY: &str = "x-gateway";

/// A write, granted or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Written {
    /// Which gateway asked for it.
    pub by: String,
    /// The kind that is written.
    pub resource: Resource,
    /// The object; empty where its name is in the body.
    pub name: String,
    /// What is written, as it was sent.
    pub body: Value,
    /// Who held the Lease at that time.
    pub holder: String,
}

/// Which gateway asks.
pub(super) fn gateway(headers: &HeaderMap) -> Option<&str> {
    headers.get(GATEWAY)?.to_str().ok()
}

pub(super) fn record(by: &str, call: &Call, body: &[u8], state: &mut State) {
    let written = Written {
        by: by.to_owned(),
        resource: call.resource,
        name: call.name.clone().unwrap_or_default(),
        body: serde_json::from_slice(body).unwrap_or_default(),
        holder: holder(state).unwrap_or_default(),
    };
    state.journal.push(written);
}

/// Who holds the only Lease.
pub(super) fn holder(state: &mut State) -> Option<String> {
    let leases = &state.table(Resource::Leases).objects;
    let lease = leases.values().next()?.value();
    Some(lease["spec"]["holderIdentity"].as_str()?.to_owned())
}
