//! A Kubernetes API server for tests: our own small one, whose faults can be called for, or a real
//! one when `KUBEBUILDER_ASSETS` names a directory with `etcd` and `kube-apiserver` (the convention
//! of controller-runtime's envtest).
//!
//! Invariant: tests speak to both through the same kube client, so that whoever has the real one
//! checks the small one with it.
//! Deliberately absent: kinds beyond Services, Secrets, ConfigMaps and Namespaces; validation,
//! admission, defaulting; streaming lists (refused as servers before 1.32 do).

mod call;
mod cluster;
mod fake;
mod http;
mod real;
mod store;
mod watching;

pub use cluster::Cluster;
pub use fake::FakeApi;
pub use store::{Expiry, Resource};
