//! In which order Routes are tried.
//!
//! The order is that of Emissary 4.1 (`IRHTTPMapping._route_weight`, `IR.ordered_groups`):
//! descending order of this key, ties in reversed order of insertion.
//!
//! ```text
//! [ precedence,
//!   len(prefix),
//!   sum over headers of len(name) + len(value or "*") + (1 if it is a regex),
//!   the same sum over query parameters,
//!   prefix,
//!   "name-value" of each header, sorted by name ...,
//!   "name-value" of each query parameter, sorted by name ... ]
//! ```
//!
//! Facts of Emissary that are easily overlooked:
//!
//! - A regex has the length of its text, and so does an exact path: neither goes before a longer
//!   prefix.
//! - The host is the header `:authority` and the method is the header `:method`, in this order after
//!   all others. The key's own `method` element is always `GET`, so it decides nothing.
//! - A Mapping that names no host has `hostname: "*"` (its conversion to `v3alpha1` sees to that,
//!   and the built-in probes have it), and that counts: 11 characters.
//! - Hosts decide no order beyond these characters. Without Host resources there is one virtual host
//!   `*` (`HostFactory.finalize`) with all routes in it, so for a request to `example.com` the
//!   Mapping with prefix `/foo/` and no host goes before the one with `host: example.com` and
//!   prefix `/`.
//!
//! Deliberately absent: conversions inside Emissary that change lengths. It turns the header match
//! `true` of a `v1` or `v2` Mapping into the regex `.*`, which would put it before short exact
//! values; here it counts as the `*` that Ambassador had from 0.28 to 1.14.

use nuncio_config::{HostMatch, MethodMatch, QueryValueMatch};

use super::matching::{Matching, Wanted, host_text, query_text};

/// The ordering key: what is greater is tried first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Precedence {
    precedence: i64,
    prefix_len: usize,
    headers_len: usize,
    query_len: usize,
    prefix: Box<str>,
    /// Those of the headers, and then those of the query parameters.
    keys: Vec<Box<[u8]>>,
}

impl Precedence {
    pub(super) fn of(matching: &Matching<'_>) -> Self {
        let prefix = matching.path.as_str();
        let headers = headers(matching);
        let query = query(matching);
        Self {
            precedence: matching.precedence,
            prefix_len: characters(prefix.as_bytes()),
            headers_len: headers.iter().map(Term::len).sum(),
            query_len: query.iter().map(Term::len).sum(),
            prefix: prefix.into(),
            keys: headers.iter().chain(&query).map(Term::key).collect(),
        }
    }

    /// The numbers at the beginning of the key, the precedence apart.
    pub(crate) fn numbers(&self) -> (i64, [usize; 3]) {
        let lengths = [self.prefix_len, self.headers_len, self.query_len];
        (self.precedence, lengths)
    }
}

/// A header or a query parameter (`KeyValueDecorator`).
struct Term<'m> {
    name: &'m str,
    value: std::borrow::Cow<'m, [u8]>,
    is_regex: bool,
}

impl<'m> Term<'m> {
    fn new(name: &'m str, value: &'m [u8], is_regex: bool) -> Self {
        Self {
            name,
            value: value.into(),
            is_regex,
        }
    }

    fn len(&self) -> usize {
        characters(self.name.as_bytes()) + characters(&self.value) + usize::from(self.is_regex)
    }

    fn key(&self) -> Box<[u8]> {
        [self.name.as_bytes(), b"-", &self.value].concat().into()
    }
}

fn headers<'m>(matching: &'m Matching<'_>) -> Vec<Term<'m>> {
    let named = matching.headers.iter().map(|(name, value)| {
        let is_regex = matches!(value, Wanted::Regex(_));
        Term::new(name.as_str(), value.text(), is_regex)
    });
    let host = Term {
        name: ":authority",
        value: host_text(&matching.host).into_owned().into_bytes().into(),
        is_regex: matches!(matching.host, HostMatch::Regex(_)),
    };
    let method = matching.method.map(|method| {
        let is_regex = matches!(method, MethodMatch::Regex(_));
        Term::new(":method", method.as_str().as_bytes(), is_regex)
    });
    named.chain([host]).chain(method).collect()
}

fn query<'m>(matching: &'m Matching<'_>) -> Vec<Term<'m>> {
    let parameters = matching.query_parameters.iter();
    parameters
        .map(|wanted| {
            let is_regex = matches!(wanted.value, QueryValueMatch::Regex(_));
            Term::new(&wanted.name, query_text(&wanted.value).as_bytes(), is_regex)
        })
        .collect()
}

/// The length of UTF-8 as Python counts it.
fn characters(utf8: &[u8]) -> usize {
    utf8.iter()
        .filter(|byte| !matches!(byte, 0x80..=0xBF))
        .count()
}
