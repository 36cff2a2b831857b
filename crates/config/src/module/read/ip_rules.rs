//! `ip_allow` and `ip_deny`.
//!
//! Invariant: a mistake never lets anybody in. Of `ip_allow` what was understood is kept, and if
//! that is nothing, nobody is let in; of both keys `ip_allow` is kept.

use std::net::IpAddr;

use crate::fields::Fields;
use crate::module::{IpAction, IpOf, IpRule, IpRules};
use crate::quote::quoted;
use crate::yaml::Node;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<IpRules> {
    let allow = rules(fields, "ip_allow", IpAction::Allow);
    let deny = rules(fields, "ip_deny", IpAction::Deny);
    if allow.is_some() && deny.is_some() {
        let reason = "`ip_allow` and `ip_deny` exclude each other; `ip_allow` is honoured";
        fields.error(fields.line_of("ip_deny"), reason);
    }
    allow.or(deny)
}

/// As in Emissary an empty list is none.
fn rules(fields: &mut Fields<'_, '_>, key: &str, action: IpAction) -> Option<IpRules> {
    let entry = fields.entry(key).filter(|entry| !entry.value.is_empty())?;
    let networks = match entry.value.items() {
        Some(items) => items
            .iter()
            .filter_map(|item| rule(fields, key, item))
            .collect(),
        None => {
            fields.wrong_type(entry, "a list of `peer: CIDR` and `remote: CIDR`");
            Box::default()
        }
    };
    if networks.is_empty() && action == IpAction::Allow {
        fields.warning(entry.line, "`ip_allow`: nobody is allowed");
    }
    Some(IpRules { action, networks })
}

fn rule(fields: &mut Fields<'_, '_>, key: &str, item: &Node<'_>) -> Option<IpRule> {
    let written = match item.entries() {
        Some([entry]) => Some((&*entry.key, entry.value.text())),
        Some(_) | None => None,
    };
    let (of, text) = match written {
        Some(("peer", Some(text))) => (IpOf::Peer, text),
        Some(("remote", Some(text))) => (IpOf::Remote, text),
        _ => {
            let found = item.found();
            let reason = format!("`{key}`: expected `peer: CIDR` or `remote: CIDR`, found {found}");
            fields.error(item.line, reason);
            return None;
        }
    };
    let Some((address, prefix_len)) = network(text) else {
        let reason = format!(
            "`{key}`: {} is no network such as `10.0.0.0/8`",
            quoted(text)
        );
        fields.error(item.line, reason);
        return None;
    };
    Some(IpRule {
        of,
        address,
        prefix_len,
    })
}

/// `address[/bits]`; an address alone is all of its bits.
fn network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let most = match address {
        IpAddr::V4(_) => 32,
        IpAddr::V6(_) => 128,
    };
    let bits = match bits {
        Some(bits) if bits.starts_with('+') => return None,
        Some(bits) => bits.parse().ok()?,
        None => most,
    };
    (bits <= most).then_some((address, bits))
}
