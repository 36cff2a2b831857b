//! The control path: watches where configuration stands, compiles it, publishes snapshots.
//!
//! ```text
//! Kubernetes API --+
//!                  +-> Change -> parse that object -> compile -> Snapshot -> Publish
//! directories -----+   (change)  (pipeline)           (nuncio_routing)
//! ```
//!
//! Invariants: this crate alone makes snapshots known; the first one waits for the first complete
//! list of every source; a failed list or an unreadable file never takes anything away; a change
//! costs the parsing of the objects it names.
//! Nothing served depends on what the elected leader of the replicas writes to the API server.
//! Deliberately absent: requests, sockets to clients, and writing configuration.

mod change;
mod containment;
mod credentials;
mod directory;
mod kubernetes;
mod manifest;
mod offline;
mod pipeline;
mod remark;
mod run;
mod state;
mod unknowable;

pub use directory::DirectoryError;
pub use kubernetes::{
    AcmeOptions, AcmeTimes, ClientError, Dump, DumpError, KubernetesOptions, LeaseTimes, Pace,
    PublishedService, States, WriteBack, client_for, dump, kube_client,
};
pub use offline::{LoadError, load_offline};
pub use pipeline::{KeptResource, OnInvalid, Since, Standing};
pub use run::{Begin, ControlError, Options, Publish, Source, run, run_from};
