use std::time::Duration;

use super::*;
use crate::mapping::{Ended, Mapped, MappingCounts};

fn answered(stats: &MappingStats, status: u16) {
    let mapped = Mapped { stats, retries: 0 };
    mapped.record(Ended {
        status: Some(status),
        took: Some(Duration::from_millis(3)),
        timed_out: false,
        trace: None,
    });
}

fn requests(counts: &MappingCounts) -> u64 {
    counts.classes().map(|(_, count)| count).sum()
}

#[test]
fn a_mapping_that_is_back_goes_on_where_it_stopped() {
    let mappings = Mappings::default();
    let stats = mappings.of("default", "a");
    answered(&stats, 200);
    assert!(mappings.unused().is_empty());
    drop(stats);
    mappings.let_go();
    assert!(mappings.all().is_empty());
    let again = mappings.of("default", "a");
    answered(&again, 200);
    assert_eq!((requests(&again.count), again.id), (2, 0));
    assert_eq!(again.count.latency().count, 2);
    assert_eq!(requests(&mappings.of("other", "a").count), 0);
}

#[test]
fn a_handle_that_somebody_has_stays() {
    let mappings = Mappings::default();
    let stats = mappings.of("default", "a");
    mappings.let_go();
    assert!(Arc::ptr_eq(&stats, &mappings.of("default", "a")));
}

#[test]
fn more_than_a_batch_are_let_go_of_at_once_but_for_those_in_use() {
    let mappings = Mappings::default();
    let names: Vec<_> = (0..2 * BATCH + 2).map(|nth| nth.to_string()).collect();
    let stats = mappings.of("default", "7");
    for name in &names {
        mappings.of("default", name);
    }
    mappings.let_go();
    let left = mappings.all();
    assert!(left.len() == 1 && Arc::ptr_eq(&left[0], &stats));
}

#[test]
fn of_those_that_are_gone_the_oldest_is_forgotten() {
    let mappings = Mappings::default();
    for nth in 0..=MOST_GONE {
        answered(&mappings.of("default", &nth.to_string()), 200);
        if nth % 1_000 == 0 {
            mappings.let_go();
        }
    }
    mappings.let_go();
    let named = mappings.read();
    assert_eq!(named.gone.left.len(), MOST_GONE);
    assert_eq!(named.gone.order.len(), MOST_GONE);
    let first = ("default".into(), "0".into());
    assert!(!named.gone.left.contains_key(&first));
}
