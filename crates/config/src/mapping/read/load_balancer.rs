//! `load_balancer`: a policy, and for those that hash exactly one thing to hash.
//!
//! Emissary refuses any load balancer with its default resolver, which knows only the address of a
//! Service. Here it works on whatever addresses DNS has.

use http::HeaderName;

use crate::fields::Fields;
use crate::mapping::{HashOn, LoadBalancer};
use crate::quote::quoted;
use crate::yaml::Entry;

pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<LoadBalancer> {
    if fields.says_nothing("load_balancer") {
        return None;
    }
    fields
        .section("load_balancer", |fields| {
            fields.review(&["policy", "header", "cookie", "source_ip"]);
            fields.require(&["policy"]);
            match fields.parsed_by("policy", Policy::parse)? {
                Policy::Simple(balancer) => {
                    refuse_hash(fields);
                    Some(balancer)
                }
                Policy::Hashing(balancer) => hash_on(fields).map(balancer),
            }
        })
        .flatten()
}

enum Policy {
    Simple(LoadBalancer),
    Hashing(fn(HashOn) -> LoadBalancer),
}

impl Policy {
    fn parse(text: &str) -> Result<Self, &'static str> {
        Ok(match text {
            "round_robin" => Self::Simple(LoadBalancer::RoundRobin),
            "least_request" => Self::Simple(LoadBalancer::LeastRequest),
            "ring_hash" => Self::Hashing(LoadBalancer::RingHash),
            "maglev" => Self::Hashing(LoadBalancer::Maglev),
            _ => return Err("is none of `round_robin`, `least_request`, `ring_hash` and `maglev`"),
        })
    }
}

const HASHED: [&str; 3] = ["header", "cookie", "source_ip"];

fn refuse_hash(fields: &mut Fields<'_, '_>) {
    for key in HASHED {
        if let Some(entry) = fields.entry(key) {
            let reason = format!(
                "{} needs the policy `ring_hash` or `maglev`",
                fields.name(key)
            );
            fields.error(entry.line, reason);
        }
    }
}

fn hash_on(fields: &mut Fields<'_, '_>) -> Option<HashOn> {
    let written: Vec<_> = HASHED
        .into_iter()
        .filter_map(|key| fields.entry(key))
        .collect();
    let [entry] = *written else {
        fields.error_here("this policy needs exactly one of `header`, `cookie` and `source_ip`");
        return None;
    };
    match &*entry.key {
        "header" => header(fields),
        "cookie" => cookie(fields),
        _ => source_ip(fields, entry),
    }
}

fn header(fields: &mut Fields<'_, '_>) -> Option<HashOn> {
    let name = fields.parsed_by("header", |text| {
        HeaderName::from_bytes(text.as_bytes()).map_err(|_| "is no header name")
    })?;
    Some(HashOn::Header(name.as_str().into()))
}

fn source_ip(fields: &mut Fields<'_, '_>, entry: &Entry<'_>) -> Option<HashOn> {
    if entry.value.boolean() == Some(true) {
        return Some(HashOn::SourceIp);
    }
    fields.wrong_type(entry, "true");
    None
}

fn cookie(fields: &mut Fields<'_, '_>) -> Option<HashOn> {
    let cookie = fields.section("cookie", |fields| {
        fields.review(&["name", "path", "ttl"]);
        fields.require(&["name"]);
        let path = fields.parsed_by("path", cookie_path);
        let ttl = fields.duration("ttl");
        Some(HashOn::Cookie {
            name: fields.parsed_by("name", cookie_name)?,
            path,
            ttl,
        })
    });
    cookie.flatten()
}

/// RFC 6265, 4.1.1: a token.
fn cookie_name(text: &str) -> Result<Box<str>, &'static str> {
    match HeaderName::from_bytes(text.as_bytes()) {
        Ok(_) => Ok(text.into()),
        Err(_) => Err("is no name of a cookie"),
    }
}

/// RFC 6265, 4.1.1: `path-value`.
fn cookie_path(text: &str) -> Result<Box<str>, String> {
    let stands = |c: char| matches!(c, ' '..='~') && c != ';';
    match text.chars().find(|&c| !stands(c)) {
        None => Ok(text.into()),
        Some(_) => Err(format!("is no path of a cookie: {} cannot stand in it", {
            let odd: String = text.chars().filter(|&c| !stands(c)).take(1).collect();
            quoted(&odd)
        })),
    }
}
