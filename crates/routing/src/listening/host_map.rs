//! Values by host: exact names, globs at either end, and `*`.
//!
//! Invariant: of all patterns that fit, an exact one comes first, then the longest suffix, then the
//! longest prefix, then `*`, as Envoy orders the domains of virtual hosts. Nothing is allocated to find
//! one, and the cost does not depend on how many there are, but on how many lengths of globs.

use std::collections::{BTreeMap, HashMap};

use nuncio_config::HostMatch;

use crate::table::MAX_HOST_LEN;

/// Values by host. Patterns and hosts are compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostMap<T> {
    exact: HashMap<Box<str>, T>,
    suffixes: Globs<T>,
    prefixes: Globs<T>,
    any: Option<T>,
}

/// By length, then by text.
type Globs<T> = BTreeMap<usize, HashMap<Box<str>, T>>;

impl<T> Default for HostMap<T> {
    fn default() -> Self {
        Self {
            exact: HashMap::new(),
            suffixes: BTreeMap::new(),
            prefixes: BTreeMap::new(),
            any: None,
        }
    }
}

impl<T> HostMap<T> {
    /// `value` for every host.
    pub fn of_any(value: T) -> Self {
        Self {
            any: Some(value),
            ..Self::default()
        }
    }

    /// Takes `value` for what `pattern` matches, unless there is one for that pattern: then that stays,
    /// and `value` is given back. No host is in a regular expression.
    pub fn insert(&mut self, pattern: &HostMatch, value: T) -> Result<(), T> {
        let (map, text) = match pattern {
            HostMatch::Any if self.any.is_some() => return Err(value),
            HostMatch::Any => {
                self.any = Some(value);
                return Ok(());
            }
            HostMatch::Exact(text) => (&mut self.exact, text),
            HostMatch::Suffix(text) => (self.suffixes.entry(text.len()).or_default(), text),
            HostMatch::Prefix(text) => (self.prefixes.entry(text.len()).or_default(), text),
            HostMatch::Regex(_) => return Err(value),
        };
        let text: Box<str> = text.to_ascii_lowercase().into();
        if map.contains_key(&text) {
            return Err(value);
        }
        map.insert(text, value);
        Ok(())
    }

    /// The value of the most specific pattern that matches.
    pub fn find(&self, host: &str) -> Option<&T> {
        self.find_lowered(host, Self::find_named)
    }

    /// As [`Self::find`] for a host that may have a port: with it, and for want of a pattern but `*`
    /// without it.
    pub fn find_authority(&self, authority: &str) -> Option<&T> {
        self.find_lowered(authority, |map, authority| {
            let bare = || map.find_named(without_port(authority));
            map.find_named(authority).or_else(bare)
        })
    }

    /// What `find` finds for the host in lower case, else the value of `*`.
    fn find_lowered<'s>(
        &'s self,
        host: &str,
        find: impl Fn(&'s Self, &str) -> Option<&'s T>,
    ) -> Option<&'s T> {
        if !self.has_names() {
            return self.any.as_ref();
        }
        let mut lowered = [0; MAX_HOST_LEN];
        let named = lowered_into(host, &mut lowered).and_then(|host| find(self, host));
        named.or(self.any.as_ref())
    }

    /// The same patterns with other values.
    pub(crate) fn map<U>(&self, value: impl Fn(&T) -> U) -> HostMap<U> {
        let texts = |texts: &HashMap<Box<str>, T>| {
            let values = texts.iter().map(|(text, it)| (text.clone(), value(it)));
            values.collect::<HashMap<_, _>>()
        };
        let globs = |globs: &Globs<T>| {
            let lengths = globs.iter().map(|(length, all)| (*length, texts(all)));
            lengths.collect::<Globs<U>>()
        };
        HostMap {
            exact: texts(&self.exact),
            suffixes: globs(&self.suffixes),
            prefixes: globs(&self.prefixes),
            any: self.any.as_ref().map(&value),
        }
    }

    /// The value of this very pattern.
    pub(crate) fn at(&self, pattern: &HostMatch) -> Option<&T> {
        match pattern {
            HostMatch::Any => self.any.as_ref(),
            HostMatch::Exact(text) => self.exact.get(&*text.to_ascii_lowercase()),
            HostMatch::Suffix(text) => at(&self.suffixes, text),
            HostMatch::Prefix(text) => at(&self.prefixes, text),
            HostMatch::Regex(_) => None,
        }
    }

    /// The value of `*`.
    pub fn any(&self) -> Option<&T> {
        self.any.as_ref()
    }

    /// Whether there is a pattern but `*`.
    pub fn has_names(&self) -> bool {
        !(self.exact.is_empty() && self.suffixes.is_empty() && self.prefixes.is_empty())
    }

    /// Whether there is no pattern.
    pub fn is_empty(&self) -> bool {
        self.any.is_none() && !self.has_names()
    }

    /// All values, in no order.
    pub fn values(&self) -> impl Iterator<Item = &T> {
        let globs = self.suffixes.values().chain(self.prefixes.values());
        let globs = globs.flat_map(HashMap::values);
        self.exact.values().chain(globs).chain(&self.any)
    }

    fn find_named(&self, host: &str) -> Option<&T> {
        let exact = || self.exact.get(host);
        let suffix = || {
            let mut lengths = self.suffixes.range(..=host.len()).rev();
            lengths.find_map(|(length, texts)| texts.get(host.get(host.len() - length..)?))
        };
        let prefix = || {
            let mut lengths = self.prefixes.range(..=host.len()).rev();
            lengths.find_map(|(length, texts)| texts.get(host.get(..*length)?))
        };
        exact().or_else(suffix).or_else(prefix)
    }
}

fn at<'m, T>(globs: &'m Globs<T>, text: &str) -> Option<&'m T> {
    globs.get(&text.len())?.get(&*text.to_ascii_lowercase())
}

/// The host of an authority (RFC 3986, 3.2.3); brackets of IPv6 stay.
pub(crate) fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        Some(_) | None => authority,
    }
}

/// `None` for what is too long for any pattern.
fn lowered_into<'b>(host: &str, buffer: &'b mut [u8; MAX_HOST_LEN]) -> Option<&'b str> {
    let lowered = buffer.get_mut(..host.len())?;
    lowered.copy_from_slice(host.as_bytes());
    lowered.make_ascii_lowercase();
    str::from_utf8(lowered).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(patterns: &[&'static str]) -> HostMap<&'static str> {
        let mut map = HostMap::default();
        for pattern in patterns {
            map.insert(&pattern.parse().unwrap(), *pattern).unwrap();
        }
        map
    }

    #[test]
    fn the_most_specific_pattern_is_found() {
        let map = map(&[
            "*",
            "*.example.com",
            "*.a.example.com",
            "api.*",
            "api.example.com",
        ]);
        for (host, found) in [
            ("api.example.com", "api.example.com"),
            ("API.Example.COM", "api.example.com"),
            ("x.example.com", "*.example.com"),
            ("api.a.example.com", "*.a.example.com"),
            ("api.org", "api.*"),
            ("example.com", "*"),
            ("", "*"),
        ] {
            assert_eq!(map.find(host), Some(&found), "{host}");
        }
    }

    #[test]
    fn a_port_counts_where_a_pattern_has_it() {
        let map = map(&["*", "a.org", "a.org:8443", "*.a.org", "b.org:8443", "[::1]"]);
        for (authority, found) in [
            ("a.org", "a.org"),
            ("A.org:8443", "a.org:8443"),
            ("a.org:80", "a.org"),
            ("x.a.org:80", "*.a.org"),
            ("b.org", "*"),
            ("b.org:80", "*"),
            ("[::1]:80", "[::1]"),
            ("[::1]", "[::1]"),
            ("", "*"),
        ] {
            assert_eq!(map.find_authority(authority), Some(&found), "{authority}");
        }
    }

    #[test]
    fn what_no_pattern_matches_is_not_found() {
        let map = map(&["*.example.com", "api.example.com"]);
        assert_eq!(map.find("example.com"), None);
        assert_eq!(map.find(&"a".repeat(300)), None);
        assert_eq!(map.find("api.example.comé"), None);
    }

    #[test]
    fn a_host_too_long_for_any_name_is_still_everybodys() {
        let map = map(&["*", "*.example.com"]);
        assert_eq!(map.find(&"a".repeat(300)), Some(&"*"));
    }

    #[test]
    fn the_first_of_two_for_one_pattern_stays() {
        let mut map = map(&["a.example.com", "*"]);
        let again = map.insert(&"A.example.com".parse().unwrap(), "second");
        assert_eq!(again, Err("second"));
        assert_eq!(map.insert(&HostMatch::Any, "third"), Err("third"));
        assert_eq!(map.find("a.example.com"), Some(&"a.example.com"));
        assert_eq!(map.values().count(), 2);
    }
}
