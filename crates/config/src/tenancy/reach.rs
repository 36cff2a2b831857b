//! Whether the upstream of a Mapping is its own namespace's.
//!
//! Invariant: no name passes that the search list of a pod could turn into a Service, or a pod, of
//! another namespace. With it, `a.b` is tried as Service `a` of namespace `b`, `a.b.c` as pod `a` of
//! the Service `b` of `c`, and so on (Kubernetes, "DNS for Services and Pods"); only a name that ends
//! with a dot is taken as it stands (RFC 1034, 3.1).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::ServiceHost;
use crate::quote::quoted;

/// Why an upstream is not the namespace's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Beyond {
    /// Loopback, or an address that stands for the machine itself.
    Gateway,
    /// Where clouds have their metadata.
    LinkLocal,
    /// Nobody can tell whose it is.
    Address,
    /// A Service or pod of this namespace.
    Namespace(Box<str>),
}

impl fmt::Display for Beyond {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("is the gateway itself"),
            Self::LinkLocal => f.write_str("is link-local"),
            Self::Address => f.write_str("is an address, which says nothing of its namespace"),
            Self::Namespace(namespace) => write!(
                f,
                "reaches into namespace {} (a name outside of the cluster ends with a dot)",
                quoted(namespace)
            ),
        }
    }
}

/// Whether a host is the business of this namespace.
pub(super) fn within(host: &ServiceHost, namespace: &str) -> Result<(), Beyond> {
    let name = match host {
        ServiceHost::Ip(address) => return Err(of_address(*address)),
        ServiceHost::Name(name) => &**name,
    };
    let relative = name.strip_suffix('.').unwrap_or(name);
    let is_absolute = relative.len() < name.len();
    if let Ok(address) = relative.parse() {
        return Err(of_address(address));
    }
    let labels: Vec<&str> = relative.split('.').collect();
    match *labels {
        [.., "localhost" | "localdomain"] => Err(Beyond::Gateway),
        // WHATWG URL, 3.5: what ends in a number is an address to those who read it so.
        [.., last] if is_numeric(last) => Err(Beyond::Address),
        // Nobody's but the machine's own list of hosts.
        [_] if is_absolute => Err(Beyond::Gateway),
        [_] => Ok(()),
        _ => of_name(&labels, is_absolute, namespace),
    }
}

/// A name of several labels.
fn of_name(labels: &[&str], is_absolute: bool, own: &str) -> Result<(), Beyond> {
    let of = |namespace: &str| match namespace == own {
        true => Ok(()),
        false => Err(Beyond::Namespace(namespace.into())),
    };
    // `….<namespace>.svc.<cluster's domain>`, whatever that is; nothing of it may be left out.
    let mut after_zone = None;
    for (at, pair) in labels.windows(2).enumerate().skip(1) {
        if let [namespace, "svc" | "pod"] = *pair {
            of(namespace)?;
            after_zone = Some(labels.len() - at - 2);
        }
    }
    match (is_absolute, after_zone, labels) {
        (true, ..) => Ok(()),
        // One label more could be a namespace, with a Service that is called `svc`.
        (false, None | Some(1), [.., last]) => of(last),
        (false, ..) => Ok(()),
    }
}

fn of_address(address: IpAddr) -> Beyond {
    match address {
        IpAddr::V4(v4) => of_v4(v4),
        IpAddr::V6(v6) => match v6.to_ipv4() {
            // Mapped (`::ffff:127.0.0.1`) and compatible ones; `::` and `::1` are among them.
            Some(_) if v6.is_loopback() || v6.is_unspecified() => Beyond::Gateway,
            Some(v4) => of_v4(v4),
            None => of_v6(v6),
        },
    }
}

fn of_v4(address: Ipv4Addr) -> Beyond {
    if address.is_loopback() || address.octets()[0] == 0 {
        Beyond::Gateway
    } else if address.is_link_local() {
        Beyond::LinkLocal
    } else {
        Beyond::Address
    }
}

fn of_v6(address: Ipv6Addr) -> Beyond {
    if address.is_unicast_link_local() {
        Beyond::LinkLocal
    } else {
        Beyond::Address
    }
}

/// Decimal, or hexadecimal as C libraries read it.
fn is_numeric(label: &str) -> bool {
    let digits = label.strip_prefix("0x");
    digits.map_or_else(
        || label.bytes().all(|byte| byte.is_ascii_digit()),
        |digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()),
    )
}

#[cfg(test)]
mod tests {
    use super::{Beyond, within};
    use crate::Service;

    fn of(service: &str) -> Result<(), Beyond> {
        within(&service.parse::<Service>().unwrap().host, "shop")
    }

    #[test]
    fn a_namespaces_own_services_and_pods_are_its_business() {
        for service in [
            "web",
            "web:8080",
            "https://web",
            "WEB.Shop",
            "web.shop:8877",
            "web-0.web.shop",
            "web.shop.svc",
            "web.shop.svc.cluster.local",
            "web.shop.svc.cluster.local.",
            "web-0.web.shop.svc.example.",
            "10-0-0-1.shop.pod.cluster.local",
        ] {
            assert_eq!(of(service), Ok(()), "{service}");
        }
    }

    #[test]
    fn names_outside_of_the_cluster_end_with_a_dot() {
        for service in [
            "api.example.com.",
            "https://example.com.:8443",
            "pod.example.",
        ] {
            assert_eq!(of(service), Ok(()), "{service}");
        }
        for service in ["example.com", "api.example.com"] {
            assert_eq!(
                of(service),
                Err(Beyond::Namespace("com".into())),
                "{service}"
            );
        }
    }

    #[test]
    fn services_and_pods_of_other_namespaces_are_not() {
        for service in [
            "db.back",
            "db-0.db.back",
            "db.back.svc",
            "db.back.svc.",
            "db.back.svc.cluster.local",
            "db.back.svc.cluster.local.",
            "db.shop.back",
            "db.shop.svc.back",
            "db.shop.svc.back.svc",
            "a.db.back.svc.shop",
            "shop.back.pod.cluster.local.",
            "%64b.back",
            "DB.BACK",
        ] {
            assert_eq!(
                of(service),
                Err(Beyond::Namespace("back".into())),
                "{service}"
            );
        }
    }

    #[test]
    fn the_gateway_itself_is_nobodys_upstream() {
        for service in [
            "127.0.0.1:8877",
            "127.8.8.8",
            "127.0.0.1.",
            "0.0.0.0",
            "[::1]:8877",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[::127.0.0.1]",
            "localhost",
            "localhost.",
            "LOCALHOST:8001",
            "a.localhost",
            "localhost.localdomain",
            "ambassador-5d4f.",
        ] {
            assert_eq!(of(service), Err(Beyond::Gateway), "{service}");
        }
    }

    #[test]
    fn addresses_say_nothing_of_their_namespace() {
        for service in ["169.254.169.254", "[fe80::1]", "[::ffff:169.254.169.254]"] {
            assert_eq!(of(service), Err(Beyond::LinkLocal), "{service}");
        }
        for service in [
            "10.0.0.1",
            "[fd00::1]",
            "8.8.8.8",
            "127.1",
            "0x7f.0.0.1",
            "0x7f.1.",
            "2130706433.",
            "1.0x7f",
        ] {
            assert_eq!(of(service), Err(Beyond::Address), "{service}");
        }
    }
}
