//! What holds where the Module and Mappings say nothing, as far as it was chosen at the start.

use std::time::Duration;

use crate::UnderscoresAction;

/// Values of keys that the Module, or a Mapping, does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleDefaults {
    /// `headers_with_underscores_action`
    pub underscores: UnderscoresAction,
    /// `merge_slashes`
    pub merge_slashes: bool,
    /// `reject_requests_with_escaped_slashes`
    pub reject_escaped_slashes: bool,
    /// `listener_idle_timeout_ms`; zero = never.
    pub idle_timeout: Duration,
    /// `idle_timeout_ms` of Mappings; zero = never.
    pub stream_idle_timeout: Duration,
}

impl ModuleDefaults {
    /// Those of Emissary.
    pub const COMPATIBLE: Self = Self {
        underscores: UnderscoresAction::Allow,
        merge_slashes: false,
        reject_escaped_slashes: false,
        idle_timeout: Duration::from_secs(3600),
        stream_idle_timeout: Duration::from_secs(300),
    };

    /// Those for an edge where nobody relies on anything else.
    pub const HARDENED: Self = Self {
        underscores: UnderscoresAction::RejectRequest,
        merge_slashes: true,
        reject_escaped_slashes: true,
        idle_timeout: Duration::from_secs(60),
        ..Self::COMPATIBLE
    };
}
