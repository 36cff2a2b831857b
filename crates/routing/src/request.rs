//! What matching looks at.

use http::{HeaderMap, Method};

/// The part of a request that chooses its Route.
#[derive(Clone, Copy, Debug)]
pub struct RequestHead<'a> {
    /// The method.
    pub method: &'a Method,
    /// `:authority` or the `Host` header as sent, port included.
    pub host: &'a str,
    /// The path without its query.
    pub path: &'a str,
    /// The query, without its `?`; `None` when there is none.
    pub query: Option<&'a str>,
    /// The headers; `host` is taken from [`Self::host`] instead.
    pub headers: &'a HeaderMap,
}

/// The random number, 0 to 99, that decides between the members of weighted groups.
///
/// One request draws once and keeps its Draw for every Route it is tried against. Envoy's
/// `runtime_fraction` works like this (one random value per stream, taken modulo 100), and it is
/// what makes cumulative percentages right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Draw(u8);

impl Draw {
    /// Every Draw there is, in ascending order.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..100).map(Self)
    }

    /// The Draw of a uniformly distributed random number.
    pub fn from_random(random: u64) -> Self {
        Self(u8::try_from(random % 100).unwrap_or_default())
    }

    pub(crate) fn is_below(self, percent: u8) -> bool {
        self.0 < percent
    }
}
