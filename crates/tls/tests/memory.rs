//! What a certificate costs that is ready to be served.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test whose machinery fails has failed, and says where; what is measured is of interest"
)]

mod support;

use std::sync::Arc;

use nuncio_config::Alpn;
use nuncio_tls::Tickets;
use rustls::{ClientConfig, ServerConfig};
use support::{Authority, Side, pair};

/// The bytes that stay allocated for one more of something.
fn bytes_of<T>(make: impl Fn() -> T) -> i64 {
    // What is made once for all.
    drop(make());
    let mut kept = Vec::with_capacity(COUNT);
    let measured = allocation_counter::measure(|| kept.extend((0..COUNT).map(|_| make())));
    measured.bytes_current / i64::try_from(COUNT).unwrap()
}

const COUNT: usize = 50;

fn served(identity: &str, change: impl Fn(Side) -> Side) -> i64 {
    let tickets = Tickets::new().unwrap();
    bytes_of(|| -> Arc<ServerConfig> {
        let side = Side::with(pair(identity).unwrap());
        let side = side.terms(|terms| terms.alpn = [Alpn::H2, Alpn::Http11].into());
        change(side).server(&tickets)
    })
}

#[test]
fn ten_thousand_certificates_cost_at_most_12_kib_each() {
    let authority = Authority::named("ours");
    let verified = |side: Side| side.authorities(&authority.pem);
    let own_authority = |side: Side| side.authorities(&Authority::named("ours").pem);
    let chosen =
        |side: Side| side.terms(|terms| terms.curves = [nuncio_config::Curve::X25519].into());
    let costs = [
        ("RSA-2048", served("rsa2048.pem", |side| side)),
        ("RSA-4096", served("rsa4096.pem", |side| side)),
        ("ECDSA P-256", served("p256.pem", |side| side)),
        ("ECDSA P-256, curves chosen", served("p256.pem", chosen)),
        (
            "ECDSA P-256, clients verified alike",
            served("p256.pem", verified),
        ),
        (
            "ECDSA P-256, clients verified by one's own",
            served("p256.pem", own_authority),
        ),
    ];
    for (what, bytes) in costs {
        println!("{what}: {bytes} bytes");
        assert!(bytes <= 12 * 1024, "{what}: {bytes} bytes");
    }
}

#[test]
fn an_upstream_without_connections_costs_little() {
    let bytes = bytes_of(|| -> Arc<ClientConfig> { Side::default().client() });
    println!("{bytes} bytes");
    assert!(bytes <= 4 * 1024, "{bytes} bytes");
}
