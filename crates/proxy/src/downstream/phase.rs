//! The life of the data path, from serving to gone.

/// What the data path is doing. It only ever moves forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Connections are accepted and kept.
    #[default]
    Serving,
    /// Connections are still accepted, since clients and load balancers do not know yet; each is
    /// asked to leave with its next response (`Connection: close`, GOAWAY).
    Draining,
    /// Nothing is accepted any more; idle connections are closed, and what is in flight ends.
    Stopping,
}
