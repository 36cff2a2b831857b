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

use std::borrow::Cow;
use std::sync::Arc;

use nuncio_config::{HostMatch, MethodMatch, QueryValueMatch};

use super::matching::{Matching, Wanted, host_text, query_text};

/// The ordering key: what is greater is tried first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Precedence {
    precedence: i64,
    /// Of the path, of the headers and of the query parameters.
    lengths: [u32; 3],
    prefix: Arc<str>,
    /// Those of the headers, and then those of the query parameters.
    keys: Cow<'static, [Key]>,
}

impl Precedence {
    pub(super) fn of(matching: &Matching<'_>) -> Self {
        let headers = headers(matching);
        let query = query(matching);
        Self {
            precedence: matching.precedence,
            lengths: [
                characters(matching.path.as_str().as_bytes()),
                headers.iter().map(Term::len).sum(),
                query.iter().map(Term::len).sum(),
            ],
            prefix: matching.path.text(),
            keys: keys(headers.iter().chain(&query).map(Term::key).collect()),
        }
    }

    /// The numbers at the beginning of the key, the precedence apart.
    pub(crate) fn numbers(&self) -> (i64, [u32; 3]) {
        (self.precedence, self.lengths)
    }
}

/// `name-value`
type Key = Cow<'static, [u8]>;

/// A header or a query parameter (`KeyValueDecorator`).
struct Term<'m> {
    name: &'m str,
    value: Cow<'m, [u8]>,
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

    fn len(&self) -> u32 {
        characters(self.name.as_bytes()) + characters(&self.value) + u32::from(self.is_regex)
    }

    fn key(&self) -> Key {
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

/// Those of most Mappings are the same.
fn keys(keys: Vec<Key>) -> Cow<'static, [Key]> {
    match *keys == *OF_ANY_HOST {
        true => Cow::Borrowed(OF_ANY_HOST),
        false => Cow::Owned(keys),
    }
}

/// Of who names neither host nor method, headers and query parameters.
const OF_ANY_HOST: &[Key] = &[Cow::Borrowed(b":authority-*")];

/// The length of UTF-8 as Python counts it. Saturates: no text is that long.
fn characters(utf8: &[u8]) -> u32 {
    let starts = utf8.iter().filter(|byte| !matches!(byte, 0x80..=0xBF));
    u32::try_from(starts.count()).unwrap_or(u32::MAX)
}
