//! The annotated Services: each has one Mapping to an address of its own, and so a cluster of its
//! own.
//!
//! Invariant: no two versions of any two Services share an address, unless 64 changes lie between.

use std::net::Ipv4Addr;

/// One version of one Service.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) number: usize,
    pub(crate) version: usize,
}

/// Addresses that a Service goes through.
const VERSIONS: usize = 64;

impl Service {
    pub(crate) fn first(number: usize) -> Self {
        Self { number, version: 0 }
    }

    pub(crate) fn next(self) -> Self {
        let version = self.version + 1;
        Self { version, ..self }
    }

    pub(crate) fn namespace(self) -> String {
        format!("team-{}", self.number % 100)
    }

    pub(crate) fn name(self) -> String {
        format!("service-{}", self.number)
    }

    pub(crate) fn path(self) -> String {
        format!("/service-{}/", self.number)
    }

    /// Somewhere in 127.0.0.0/8, which is loopback in all of Linux.
    pub(crate) fn address(self) -> Ipv4Addr {
        let nth = 256 + self.number * VERSIONS + self.version % VERSIONS;
        let loopback = u32::from(Ipv4Addr::new(127, 0, 0, 0));
        Ipv4Addr::from(loopback | u32::try_from(nth).unwrap_or_default())
    }

    /// What its `getambassador.io/config` says.
    pub(crate) fn annotation(self, port: u16) -> String {
        let (name, path, address) = (self.name(), self.path(), self.address());
        format!(
            "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: {name}\nprefix: {path}\n\
             service: {address}:{port}\ntimeout_ms: 10000\n"
        )
    }
}
