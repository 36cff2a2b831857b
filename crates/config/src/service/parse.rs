//! Takes the text of a service apart.
//!
//! Invariant: linear in the text, and every part that is used was checked.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::{Scheme, Service, ServiceHost};
use crate::quote::quoted;

impl FromStr for Service {
    type Err = InvalidService;

    /// Reads `[scheme://]host[:port][/path]`; the path is left out, as in Emissary.
    fn from_str(text: &str) -> Result<Self, InvalidService> {
        parse(text).map(|(service, _)| service)
    }
}

/// Reads a service; also gives the path, if one was written, for whoever reports it.
pub(crate) fn parse(text: &str) -> Result<(Service, Option<&str>), InvalidService> {
    let (scheme, rest) = split_scheme(text)?;
    let (authority, path) = match rest.find(['/', '?', '#']) {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let (host, port) = split_port(authority);
    let tls = scheme == Some(Scheme::Https);
    let port_written = port.filter(|port| !port.is_empty());
    let port = match port_written {
        Some(port) => parse_port(port).ok_or_else(|| InvalidService::Port(quoted(text).into()))?,
        None => scheme.unwrap_or(Scheme::Http).port(),
    };
    let service = Service {
        written: text.into(),
        scheme,
        tls,
        tls_context: None,
        host: parse_host(host)?,
        port,
        port_written: port_written.is_some(),
    };
    Ok((service, Some(path).filter(|path| !path.is_empty())))
}

/// Why a text is no service.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidService {
    /// A scheme other than `http` and `https`.
    #[error("has the scheme {0}, only `http` and `https` are supported")]
    Scheme(Box<str>),
    /// Nothing stands where the host belongs.
    #[error("has no host")]
    NoHost,
    /// This character cannot stand in a DNS name.
    #[error("has {0:?} in its host")]
    Character(char),
    /// A label of the name is empty or longer than 63 bytes, or the name longer than 253.
    #[error("has a host that is no DNS name")]
    NotDns,
    /// Brackets around something else than an IPv6 address, or an IPv6 address without them.
    #[error("has a host that is no IPv6 address in brackets")]
    NotIpv6,
    /// Not a number from 1 to 65535. The words are Emissary's.
    #[error("is not valid: found invalid port for service {0}, a port is a number from 1 to 65535")]
    Port(Box<str>),
}

fn split_scheme(text: &str) -> Result<(Option<Scheme>, &str), InvalidService> {
    let Some((scheme, rest)) = text.split_once("://") else {
        return Ok((None, text));
    };
    if scheme.eq_ignore_ascii_case("http") {
        return Ok((Some(Scheme::Http), rest));
    }
    if scheme.eq_ignore_ascii_case("https") {
        return Ok((Some(Scheme::Https), rest));
    }
    Err(InvalidService::Scheme(quoted(scheme).into()))
}

/// A colon within brackets belongs to the address.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after_address = authority.rfind(']').map_or(0, |at| at + 1);
    match authority.rfind(':').filter(|&at| at >= after_address) {
        Some(at) => {
            let (host, port) = authority.split_at(at);
            (host, port.get(1..))
        }
        None => (authority, None),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok())?.filter(|&port| port > 0)
}

fn parse_host(text: &str) -> Result<ServiceHost, InvalidService> {
    let text = unescaped(text)?.to_ascii_lowercase();
    if let Some(address) = text.strip_prefix('[') {
        let address = address.strip_suffix(']').ok_or(InvalidService::NotIpv6)?;
        let address: Ipv6Addr = address.parse().map_err(|_| InvalidService::NotIpv6)?;
        return Ok(ServiceHost::Ip(IpAddr::V6(address)));
    }
    if let Ok(address) = text.parse::<Ipv4Addr>() {
        return Ok(ServiceHost::Ip(IpAddr::V4(address)));
    }
    check_dns_name(&text)?;
    Ok(ServiceHost::Name(text.into()))
}

/// RFC 1035, 2.3.4, with underscores, which DNS allows and cluster users write.
fn check_dns_name(name: &str) -> Result<(), InvalidService> {
    if name.is_empty() {
        return Err(InvalidService::NoHost);
    }
    if name.contains(':') {
        return Err(InvalidService::NotIpv6);
    }
    let stands = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if let Some(character) = name.chars().find(|&c| !stands(c)) {
        return Err(InvalidService::Character(character));
    }
    let relative = name.strip_suffix('.').unwrap_or(name);
    let labels_fit = relative
        .split('.')
        .all(|label| (1..=63).contains(&label.len()));
    match labels_fit && relative.len() <= 253 {
        true => Ok(()),
        false => Err(InvalidService::NotDns),
    }
}

/// Resolves `%xx`, as Emissary does for hosts.
fn unescaped(text: &str) -> Result<String, InvalidService> {
    let mut parts = text.split('%');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (Some(digits), Some(rest)) = (part.get(..2), part.get(2..)) else {
            return Err(InvalidService::Character('%'));
        };
        match u8::from_str_radix(digits, 16).map(char::from) {
            Ok(character) if character.is_ascii() && !digits.starts_with('+') => {
                out.push(character);
                out.push_str(rest);
            }
            _ => return Err(InvalidService::Character('%')),
        }
    }
    Ok(out)
}
