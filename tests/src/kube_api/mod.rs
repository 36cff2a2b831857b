//! A Kubernetes API server for tests: our own small one, whose faults can be called for, or a real
//! one when `KUBEBUILDER_ASSETS` names a directory with `etcd` and `kube-apiserver` (the convention
//! of controller-runtime's envtest).
//!
//! Invariant: tests speak to both through the same kube client, so that whoever has the real one
//! checks the small one with it.
//! Deliberately absent: validation, admission, defaulting, and field ownership.

mod call;
mod cluster;
mod definition;
mod discovery;
mod event;
mod fake;
mod fault;
mod http;
mod listing;
mod object;
mod real;
mod reply;
mod resource;
mod selector;
mod slice;
mod store;
mod watching;
mod writing;

pub use cluster::Cluster;
pub use fake::FakeApi;
pub use fault::Expiry;
pub use resource::Resource;
pub use slice::{EndpointSlice, State};
