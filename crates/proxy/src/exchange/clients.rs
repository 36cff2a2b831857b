//! Which clients are served: `ip_allow` and `ip_deny`.

use std::net::{IpAddr, SocketAddr};

use nuncio_config::{IpAction, IpOf, IpRule, IpRules};

/// Whether a client is served that is connected as `peer`, and whose address is `client` as far as
/// `x-forwarded-for` is believed.
pub(super) fn are_served(rules: &IpRules, peer: SocketAddr, client: SocketAddr) -> bool {
    let listed = rules.networks.iter().any(|network| {
        let address = match network.of {
            IpOf::Peer => peer,
            IpOf::Remote => client,
        };
        contains(network, address.ip().to_canonical())
    });
    match rules.action {
        IpAction::Allow => listed,
        IpAction::Deny => !listed,
    }
}

fn contains(network: &IpRule, address: IpAddr) -> bool {
    let (differing, length) = match (network.address.to_canonical(), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let differing = network.to_bits() ^ address.to_bits();
            (u128::from(differing) << 96, 32)
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits() ^ address.to_bits(), 128),
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => return false,
    };
    // A mapped network's length counts the bits of the mapping too (RFC 4291 section 2.5.5.2).
    let mapped = u32::from(network.address.is_ipv6() && length == 32) * 96;
    let counted = u32::from(network.prefix_len)
        .saturating_sub(mapped)
        .min(length);
    // All of nothing is alike.
    differing.checked_shr(128 - counted).unwrap_or(0) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> IpRule {
        let (address, length) = text.split_once('/').unwrap();
        IpRule {
            of: IpOf::Remote,
            address: address.parse().unwrap(),
            prefix_len: length.parse().unwrap(),
        }
    }

    fn is_in(text: &str, address: &str) -> bool {
        contains(&network(text), address.parse().unwrap())
    }

    #[test]
    fn a_network_is_its_leading_bits() {
        for (text, inside, outside) in [
            ("10.0.0.0/8", "10.255.1.2", "11.0.0.0"),
            ("10.1.2.3/32", "10.1.2.3", "10.1.2.2"),
            ("10.1.2.3/31", "10.1.2.2", "10.1.2.4"),
            ("0.0.0.0/0", "255.0.0.1", "::1"),
            ("2001:db8::/32", "2001:db8:ffff::1", "2001:db9::"),
            ("::/0", "2001::", "1.2.3.4"),
            ("::1/128", "::1", "::2"),
            ("::ffff:10.0.0.0/104", "10.1.1.1", "11.1.1.1"),
        ] {
            assert!(is_in(text, inside), "{text} {inside}");
            assert!(!is_in(text, outside), "{text} {outside}");
        }
    }

    #[test]
    fn the_peer_and_the_client_are_told_apart() {
        let peer = "10.0.0.1:1".parse().unwrap();
        let client = "192.0.2.1:0".parse().unwrap();
        let rules = |action, of| IpRules {
            action,
            networks: Box::new([IpRule {
                of,
                ..network("10.0.0.0/8")
            }]),
        };
        assert!(are_served(
            &rules(IpAction::Allow, IpOf::Peer),
            peer,
            client
        ));
        assert!(!are_served(
            &rules(IpAction::Allow, IpOf::Remote),
            peer,
            client
        ));
        assert!(!are_served(
            &rules(IpAction::Deny, IpOf::Peer),
            peer,
            client
        ));
        assert!(are_served(
            &rules(IpAction::Deny, IpOf::Remote),
            peer,
            client
        ));
    }
}
