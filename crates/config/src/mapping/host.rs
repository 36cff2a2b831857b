//! Hosts a Mapping answers for.
//!
//! Invariant: a host holds only characters that an authority may hold.
//! Deliberately absent: matching.

use std::str::FromStr;

use crate::Pattern;

/// Which hosts a Mapping answers for. Text is as written: comparing regardless of case is the
/// matcher's business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostMatch {
    /// No `host`, or `*`.
    Any,
    /// Exactly this authority, including the port if one is written.
    Exact(Box<str>),
    /// `*suffix`: an authority that ends with this text, e.g. `.example.com`.
    Suffix(Box<str>),
    /// `prefix*`: an authority that begins with this text.
    Prefix(Box<str>),
    /// `host_regex`: an authority that matches as a whole.
    Regex(Pattern),
}

impl FromStr for HostMatch {
    type Err = InvalidHost;

    fn from_str(text: &str) -> Result<Self, InvalidHost> {
        let (literal, glob): (_, fn(Box<str>) -> Self) = match text {
            "*" => return Ok(Self::Any),
            _ => match (text.strip_prefix('*'), text.strip_suffix('*')) {
                (Some(suffix), _) => (suffix, Self::Suffix),
                (None, Some(prefix)) => (prefix, Self::Prefix),
                (None, None) => (text, Self::Exact),
            },
        };
        if literal.contains('*') {
            return Err(InvalidHost::Glob);
        }
        check_host(literal)?;
        Ok(glob(literal.into()))
    }
}

/// Why a text is no host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHost {
    /// Nothing was written.
    #[error("is empty")]
    Empty,
    /// This character cannot stand in a host.
    #[error("contains {0:?}, which no host does")]
    Character(char),
    /// A `*` stands in the middle, or there are two.
    #[error("has a `*` where none is supported: write `*`, `*suffix` or `prefix*`")]
    Glob,
}

/// Characters of RFC 3986 `authority` without userinfo; wide enough for IPv6 and a port.
pub(super) fn check_host(text: &str) -> Result<(), InvalidHost> {
    let stands = |c: char| c.is_ascii_alphanumeric() || "-._~!$&'()+;=:[]%".contains(c);
    if text.is_empty() {
        return Err(InvalidHost::Empty);
    }
    match text.chars().find(|&c| !stands(c)) {
        Some(character) => Err(InvalidHost::Character(character)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::{HostMatch, InvalidHost};

    #[test]
    fn a_star_makes_a_glob_at_either_end() {
        for (text, host) in [
            ("*", HostMatch::Any),
            (
                "example.com:8443",
                HostMatch::Exact("example.com:8443".into()),
            ),
            ("[::1]:80", HostMatch::Exact("[::1]:80".into())),
            ("*.example.com", HostMatch::Suffix(".example.com".into())),
            ("api.*", HostMatch::Prefix("api.".into())),
        ] {
            assert_eq!(text.parse(), Ok(host), "{text}");
        }
    }

    #[test]
    fn what_no_authority_can_hold_is_refused() {
        for (text, why) in [
            ("", InvalidHost::Empty),
            ("a*b", InvalidHost::Glob),
            ("*a*", InvalidHost::Glob),
            ("**", InvalidHost::Glob),
            ("a b", InvalidHost::Character(' ')),
            ("http://a", InvalidHost::Character('/')),
            ("me@example.com", InvalidHost::Character('@')),
            ("exämple.com", InvalidHost::Character('ä')),
        ] {
            assert_eq!(text.parse::<HostMatch>(), Err(why), "{text}");
        }
    }
}
