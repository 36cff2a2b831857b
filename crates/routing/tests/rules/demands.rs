//! What a configuration needs as a whole.

use std::sync::Arc;

use nuncio_config::{ErrorResponseOverride, HashOn, LoadBalancer, OverrideBody};

use crate::written::{compiled, mapping, module};

fn page(file: &str) -> ErrorResponseOverride {
    ErrorResponseOverride {
        status: 503,
        body: OverrideBody::File(file.into()),
        content_type: "text/html".parse().unwrap(),
    }
}

#[test]
fn a_gateway_without_anything_demands_the_certificates_that_it_finds_by_itself() {
    let demands = &compiled([]).demands;
    let nothing = nuncio_routing::Demands {
        credentials: Arc::clone(&demands.credentials),
        ..nuncio_routing::Demands::default()
    };
    assert_eq!(**demands, nothing);
    assert_eq!(demands.credentials.len(), 2);
}

#[test]
fn a_mapping_that_matches_or_balances_by_where_requests_come_from_demands_it() {
    let plain = compiled([mapping("m", "/").header("x-other", "1")]);
    assert!(!plain.demands.forwarding);
    let matching = compiled([mapping("m", "/").header("x-forwarded-proto", "https")]);
    assert!(matching.demands.forwarding);
    let hash_on = || LoadBalancer::RingHash(HashOn::Header("X-Request-Id".into()));
    let balancing =
        compiled([mapping("m", "/").with(|m| m.cluster.load_balancer = Some(hash_on()))]);
    assert!(balancing.demands.forwarding);
}

#[test]
fn files_that_errors_are_answered_with_are_listed_once_and_sorted() {
    let overridden = |name, file| {
        let prefix = format!("/{name}/");
        mapping(name, &prefix).with(|m| m.error_response_overrides = Some([page(file)].into()))
    };
    let snapshot = compiled([
        overridden("a", "/pages/z"),
        overridden("b", "/pages/a"),
        overridden("c", "/pages/z"),
        module("{}").with_module(|m| m.error_response_overrides = Some([page("/pages/m")].into())),
    ]);
    assert_eq!(
        *snapshot.demands.error_pages,
        ["/pages/a".into(), "/pages/m".into(), "/pages/z".into()]
    );
}
