//! What of a request a hashing load balancer goes by.
//!
//! Invariant: the same header, cookie or address gives the same number in every replica.
//!
//! Deliberately absent: any meaning of the cookie but to be the same again. It is no secret: who
//! makes one up chooses an endpoint, which is all it does.

use std::fmt::Write;
use std::net::IpAddr;
use std::time::Duration;

use http::HeaderMap;
use http::header::{COOKIE, HeaderValue};
use nuncio_config::HashOn;

use super::balance::Hash;

/// What a request is balanced by, and what the client is told so that its next one is too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Affinity {
    /// `None` = at random.
    pub(crate) hash: Option<u64>,
    /// A `set-cookie` for the response.
    pub(crate) set_cookie: Option<HeaderValue>,
}

impl Affinity {
    /// Of a request with these headers, from the client with this address.
    pub(crate) fn of(on: Option<&HashOn>, headers: &HeaderMap, client: IpAddr) -> Self {
        match on {
            None => Self::default(),
            Some(HashOn::SourceIp) => match client {
                IpAddr::V4(ip) => Self::to(&ip.octets()),
                IpAddr::V6(ip) => Self::to(&ip.octets()),
            },
            Some(HashOn::Header(name)) => Self {
                hash: header(headers, name),
                set_cookie: None,
            },
            Some(HashOn::Cookie { name, path, ttl }) => match (cookie(headers, name), ttl) {
                (Some(value), _) => Self::to(value),
                (None, None) => Self::default(),
                (None, Some(ttl)) => Self::by_new_cookie(name, path.as_deref(), *ttl),
            },
        }
    }

    fn to(value: &[u8]) -> Self {
        Self {
            hash: Some(hash(value)),
            set_cookie: None,
        }
    }

    /// Envoy's cookie, whose value it takes from the addresses of the connection; here it is random,
    /// so that clients behind one address are spread.
    fn by_new_cookie(name: &str, path: Option<&str>, ttl: Duration) -> Self {
        let value = format!("{:016x}", fastrand::u64(..));
        let mut cookie = format!("{name}=\"{value}\"");
        // Writing to a String cannot fail.
        if !ttl.is_zero() {
            let _ = write!(cookie, "; Max-Age={}", ttl.as_secs());
        }
        if let Some(path) = path.filter(|path| !path.is_empty()) {
            let _ = write!(cookie, "; Path={path}");
        }
        cookie.push_str("; HttpOnly");
        match HeaderValue::from_str(&cookie) {
            Ok(set_cookie) => Self {
                hash: Some(hash(value.as_bytes())),
                set_cookie: Some(set_cookie),
            },
            // A name or path that no header can carry: nobody could send it back.
            Err(_) => Self::default(),
        }
    }
}

fn hash(value: &[u8]) -> u64 {
    Hash::default().with(value).finish()
}

/// All values count, in the order they came in.
fn header(headers: &HeaderMap, name: &str) -> Option<u64> {
    let values = headers.get_all(name);
    let mut values = values.iter().peekable();
    values.peek()?;
    let all = values.fold(Hash::default(), |all, value| all.with(value.as_bytes()));
    Some(all.finish())
}

/// The first cookie with this name, without quotes.
fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a [u8]> {
    headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|header| header.as_bytes().split(|byte| *byte == b';'))
        .find_map(|pair| {
            pair.trim_ascii()
                .strip_prefix(name.as_bytes())?
                .strip_prefix(b"=")
        })
        .map(|value| {
            let inside = value
                .strip_prefix(b"\"")
                .and_then(|rest| rest.strip_suffix(b"\""));
            inside.unwrap_or(value)
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        all.iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)))
            .collect()
    }

    fn cookie_on(ttl: Option<u64>) -> HashOn {
        HashOn::Cookie {
            name: "sticky".into(),
            path: Some("/app".into()),
            ttl: ttl.map(Duration::from_secs),
        }
    }

    #[test]
    fn a_header_decides() {
        let on = HashOn::Header("X-User".into());
        let of = |value| Affinity::of(Some(&on), &headers(&[("x-user", value)]), NOBODY);
        assert!(of("a").hash.is_some());
        assert_eq!(of("a"), of("a"));
        assert_ne!(of("a"), of("b"));
    }

    #[test]
    fn a_request_without_the_header_goes_anywhere() {
        let on = HashOn::Header("x-user".into());
        let affinity = Affinity::of(Some(&on), &headers(&[]), NOBODY);
        assert_eq!(affinity, Affinity::default());
    }

    #[test]
    fn the_clients_address_decides() {
        let of = |client| Affinity::of(Some(&HashOn::SourceIp), &headers(&[]), client);
        assert!(of(NOBODY).hash.is_some());
        assert_ne!(of(NOBODY), of("192.0.2.2".parse().unwrap()));
    }

    #[test]
    fn a_missing_cookie_is_made_and_means_the_same_when_it_comes_back() {
        let first = Affinity::of(Some(&cookie_on(Some(60))), &headers(&[]), NOBODY);
        let set = first.set_cookie.unwrap().to_str().unwrap().to_owned();
        let (cookie, attributes) = set.split_once("; ").unwrap();
        assert!(
            cookie.starts_with("sticky=\"") && cookie.len() == 25,
            "{cookie}"
        );
        assert_eq!(attributes, "Max-Age=60; Path=/app; HttpOnly");
        let mut again = HeaderMap::new();
        again.insert(COOKIE, cookie.parse().unwrap());
        let second = Affinity::of(Some(&cookie_on(Some(60))), &again, NOBODY);
        assert_eq!((second.hash, second.set_cookie), (first.hash, None));
    }

    #[test]
    fn a_ttl_of_zero_makes_a_cookie_for_the_session() {
        let made = Affinity::of(Some(&cookie_on(Some(0))), &headers(&[]), NOBODY);
        let set = made.set_cookie.unwrap();
        assert!(set.to_str().unwrap().ends_with("\"; Path=/app; HttpOnly"));
    }

    #[test]
    fn without_a_ttl_no_cookie_is_made() {
        let affinity = Affinity::of(Some(&cookie_on(None)), &headers(&[]), NOBODY);
        assert_eq!(affinity, Affinity::default());
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let on = cookie_on(None);
        let of = |sent| Affinity::of(Some(&on), &headers(&[("cookie", sent)]), NOBODY).hash;
        assert_eq!(of("a=1; sticky=x; b=2"), Some(hash(b"x")));
        assert_eq!(of("sticky=\"x\""), Some(hash(b"x")));
        assert_eq!(of("stick=1; xsticky=2; sticky2=3"), None);
    }

    #[test]
    fn a_cookie_that_no_header_can_carry_is_not_made() {
        let on = HashOn::Cookie {
            name: "a\nb".into(),
            path: None,
            ttl: Some(Duration::ZERO),
        };
        assert_eq!(
            Affinity::of(Some(&on), &headers(&[]), NOBODY),
            Affinity::default()
        );
    }
}
