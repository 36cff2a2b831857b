//! Which kinds there are, and what becomes of each.
//!
//! Invariant: every kind of Ambassador and Emissary is understood, or told of by name.

use crate::Resolver;
use crate::quote::quoted;
use crate::report::Report;

/// The kind of a document, and what is made of it.
pub(crate) struct DocumentKind<'n> {
    written: &'n str,
    line: u32,
    understood: Result<Understood, String>,
}

/// The kinds that become resources.
#[derive(Clone, Copy)]
pub(super) enum Understood {
    Mapping,
    Module,
    CircuitBreaker,
    OutlierDetection,
    Resolver(Resolver),
    TracingService,
    TlsContext,
    TlsModule,
    Host,
    Listener,
    TcpMapping,
}

impl Understood {
    /// Whether resources of this kind are selected by labels.
    pub(super) fn is_selected(self) -> bool {
        match self {
            Self::Mapping | Self::Host => true,
            Self::Module
            | Self::CircuitBreaker
            | Self::OutlierDetection
            | Self::Resolver(_)
            | Self::TracingService
            | Self::TlsContext
            | Self::TlsModule
            | Self::Listener
            | Self::TcpMapping => false,
        }
    }
}

impl<'n> DocumentKind<'n> {
    pub(super) fn of(written: &'n str, name: &str, line: u32) -> Self {
        Self {
            written,
            line,
            understood: understood(written, name),
        }
    }

    /// What the document becomes, unless it is ignored, which is reported.
    pub(super) fn understood(&self, report: &mut Report) -> Option<Understood> {
        match &self.understood {
            Ok(understood) => Some(*understood),
            Err(reason) => {
                report.warning(self.line, &**reason);
                None
            }
        }
    }

    pub(crate) fn is_understood(&self) -> bool {
        self.understood.is_ok()
    }

    /// Whether documents of this kind hold for the whole gateway, or claim something that it has but
    /// once, rather than saying where requests go.
    pub(crate) fn is_gateway_wide(&self) -> bool {
        let of_a_namespace = [
            "CircuitBreaker",
            "Host",
            "Mapping",
            "OutlierDetection",
            "TLSContext",
        ];
        is_known(self.written) && !of_a_namespace.contains(&self.written)
    }

    /// The kind; text of users is not repeated.
    pub(crate) fn as_str(&self) -> &str {
        label(self.written)
    }

    pub(crate) fn line(&self) -> u32 {
        self.line
    }
}

fn understood(kind: &str, name: &str) -> Result<Understood, String> {
    Err(match (kind, name) {
        ("Mapping", _) => return Ok(Understood::Mapping),
        ("Module", "ambassador") => return Ok(Understood::Module),
        ("CircuitBreaker", _) => return Ok(Understood::CircuitBreaker),
        ("OutlierDetection", _) => return Ok(Understood::OutlierDetection),
        ("KubernetesServiceResolver", _) => return Ok(Understood::Resolver(Resolver::Service)),
        ("KubernetesEndpointResolver", _) => return Ok(Understood::Resolver(Resolver::Endpoint)),
        ("TracingService", _) => return Ok(Understood::TracingService),
        ("TLSContext", _) => return Ok(Understood::TlsContext),
        ("Module", "tls") => return Ok(Understood::TlsModule),
        ("Host", _) => return Ok(Understood::Host),
        ("Listener", _) => return Ok(Understood::Listener),
        ("TCPMapping", _) => return Ok(Understood::TcpMapping),
        ("Module", _) => format!("Module {} is not supported yet; ignored", quoted(name)),
        ("ConsulResolver", _) => "kind ConsulResolver is not supported: Consul is not asked for \
                                  endpoints; ignored"
            .to_owned(),
        _ if NOT_YET.contains(&kind) => format!("kind {kind} is not supported yet; ignored"),
        _ => format!("kind {} is unknown; ignored", quoted(kind)),
    })
}

/// How a kind is named in front of a resource's name; text of users is not repeated there.
pub(super) fn label(kind: &str) -> &str {
    if is_known(kind) { kind } else { "resource" }
}

fn is_known(kind: &str) -> bool {
    UNDERSTOOD.contains(&kind) || NOT_YET.contains(&kind)
}

const UNDERSTOOD: [&str; 11] = [
    "CircuitBreaker",
    "Host",
    "KubernetesEndpointResolver",
    "KubernetesServiceResolver",
    "Listener",
    "Mapping",
    "Module",
    "OutlierDetection",
    "TCPMapping",
    "TLSContext",
    "TracingService",
];

/// Kinds of Ambassador and Emissary that are yet to be built.
const NOT_YET: [&str; 6] = [
    "AuthService",
    "ConsulResolver",
    "DevPortal",
    "Features",
    "LogService",
    "RateLimitService",
];
