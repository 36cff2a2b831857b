//! The health checks on the data port.

use nuncio_config::InternalMapping;
use nuncio_routing::{Action, Probe};

use crate::requests::get;
use crate::written::{Written, compiled, complaints, mapping, module};

fn answered_by_gateway(path: &str, written: impl IntoIterator<Item = Written>) -> Option<Probe> {
    let snapshot = compiled(written);
    match get(path).route(&snapshot)?.action {
        Action::Probe(probe) => Some(probe),
        Action::Forward(_) | Action::Redirect(_) => None,
    }
}

const ALIVE: &str = "/ambassador/v0/check_alive";
const READY: &str = "/ambassador/v0/check_ready";

#[test]
fn the_probes_answer_on_every_host() {
    assert_eq!(answered_by_gateway(ALIVE, []), Some(Probe::Alive));
    assert_eq!(answered_by_gateway(READY, []), Some(Probe::Ready));
    assert_eq!(answered_by_gateway("/ambassador/v0/diag/", []), None);
}

#[test]
fn shorter_prefixes_do_not_hide_them() {
    assert_eq!(
        answered_by_gateway(ALIVE, [mapping("all", "/ambassador/")]),
        Some(Probe::Alive)
    );
}

#[test]
fn a_mapping_with_precedence_or_host_goes_first() {
    assert_eq!(
        answered_by_gateway(ALIVE, [mapping("all", "/").precedence(1)]),
        None
    );
    assert_eq!(
        answered_by_gateway(ALIVE, [mapping("own", ALIVE).host("localhost")]),
        None
    );
}

#[test]
fn a_mapping_with_the_same_prefix_alone_is_never_reached_and_told_so() {
    assert_eq!(
        answered_by_gateway(READY, [mapping("own", READY)]),
        Some(Probe::Ready)
    );
    assert_eq!(
        complaints(&compiled([mapping("own", READY)])),
        [
            "warning: Mapping own: never reached: the gateway itself answers this prefix, unless the \
          Module sets `readiness_probe: {enabled: false}`"
        ]
    );
}

#[test]
fn the_module_turns_each_off() {
    let no_liveness = || module("{liveness_probe: {enabled: false}}");
    assert_eq!(answered_by_gateway(ALIVE, [no_liveness()]), None);
    assert_eq!(
        answered_by_gateway(READY, [no_liveness()]),
        Some(Probe::Ready)
    );
    let no_readiness = || module("{readiness_probe: {enabled: false}}");
    assert_eq!(
        answered_by_gateway(READY, [no_readiness(), mapping("own", READY)]),
        None
    );
    assert_eq!(
        complaints(&compiled([no_readiness(), mapping("own", READY)])),
        [""; 0]
    );
}

#[test]
fn what_the_module_says_of_one_has_to_repeat_that_it_is_enabled() {
    let said = |enabled| {
        let written = module("{}").with_module(|m| {
            let prefix = None;
            m.liveness_probe = Some(InternalMapping { enabled, prefix });
        });
        answered_by_gateway(ALIVE, [written])
    };
    assert_eq!(said(None), None);
    assert_eq!(said(Some(true)), Some(Probe::Alive));
}

#[test]
fn the_module_moves_them() {
    let moved = || {
        module("{}").with_module(|m| {
            m.liveness_probe = Some(InternalMapping {
                enabled: Some(true),
                prefix: Some("/healthy".into()),
            });
        })
    };
    assert_eq!(
        answered_by_gateway("/healthy", [moved()]),
        Some(Probe::Alive)
    );
    assert_eq!(answered_by_gateway(ALIVE, [moved()]), None);
    assert_eq!(answered_by_gateway(READY, [moved()]), Some(Probe::Ready));
}
