use std::time::Duration;

use super::foldable::Foldable;
use super::*;
use crate::cluster::Breaker;
use crate::mapping::{Ended, Mapped};
use crate::{BuildInfo, Configured, Telemetry, Weight};

/// So many Mappings with a cluster each, all of which have had a request.
fn busy(
    telemetry: &Telemetry,
    from: usize,
    to: usize,
) -> (Vec<Arc<ClusterStats>>, Vec<Arc<MappingStats>>) {
    let names: Vec<_> = (from..to).map(|nth| format!("m{nth}")).collect();
    let clusters = names
        .iter()
        .map(|name| telemetry.cluster(name.as_str()))
        .collect();
    let mappings = names.iter().map(|name| telemetry.mapping("default", name));
    let both: (Vec<Arc<ClusterStats>>, _) = (clusters, mappings.collect());
    telemetry.clusters_changed(both.0.iter().map(Arc::as_ref), []);
    serve(&both);
    both
}

fn serve((clusters, mappings): &(Vec<Arc<ClusterStats>>, Vec<Arc<MappingStats>>)) {
    for (cluster, mapping) in clusters.iter().zip(mappings) {
        cluster.responded(200);
        cluster.ejected();
        cluster.request_took(Duration::from_millis(2));
        let mapped = Mapped {
            stats: mapping,
            retries: 1,
        };
        mapped.record(Ended {
            status: Some(200),
            took: Some(Duration::from_millis(2)),
            timed_out: false,
            trace: None,
        });
    }
}

fn page(telemetry: &Telemetry) -> String {
    let mut page = Vec::new();
    telemetry.render(&mut page);
    String::from_utf8(page).unwrap()
}

fn series(page: &str) -> u64 {
    page.lines().filter(|line| !line.starts_with('#')).count() as u64
}

/// What a family sums up to.
fn sum(page: &str, family: &str) -> f64 {
    let samples = page.lines().filter_map(|line| line.strip_prefix(family));
    let values = samples.filter(|rest| rest.starts_with('{'));
    let values = values.filter_map(|rest| rest.rsplit(' ').next());
    values.map(|value| value.parse::<f64>().unwrap()).sum()
}

const RESPONSES: &str = "envoy_cluster_upstream_rq_completed";
const EJECTIONS: &str = "envoy_cluster_outlier_detection_ejections_enforced_total";
const REQUESTS: &str = "nuncio_mapping_requests_total";

#[test]
fn a_page_has_no_more_series_than_it_may_and_loses_nothing() {
    let telemetry = Telemetry::new(BuildInfo::default());
    let base = 3_000;
    telemetry.limit_series(SeriesLimit {
        base,
        per_mapping: 0,
    });
    let _handles = busy(&telemetry, 0, 100);
    let first = page(&telemetry);
    assert!(series(&first) <= base && !first.contains("\"_overflow\""));
    let page = page(&telemetry);
    assert!(series(&page) <= base, "{} series", series(&page));
    for family in [RESPONSES, EJECTIONS, REQUESTS] {
        assert_eq!(sum(&page, family), 100.0, "{family}");
    }
    assert!(page.contains("envoy_cluster_upstream_rq_completed{envoy_cluster_name=\"_overflow\"}"));
    assert!(page.contains("mapping_namespace=\"_overflow\",mapping=\"_overflow\""));
    assert!(telemetry.guard.overflowed.value() > 1_000);
}

#[test]
fn there_is_more_room_for_more_mappings() {
    let guard = Guard::default();
    assert_eq!(guard.limit(0), u64::MAX);
    guard.set(SeriesLimit::default());
    assert_eq!((guard.limit(0), guard.limit(1_000)), (2_000, 122_000));
    guard.set(SeriesLimit {
        base: u64::MAX,
        per_mapping: 1,
    });
    assert_eq!(guard.limit(usize::MAX), u64::MAX);
}

#[test]
fn what_was_on_a_page_is_not_counted_again_with_others() {
    let telemetry = Telemetry::new(BuildInfo::default());
    let limit = |base| {
        telemetry.limit_series(SeriesLimit {
            base,
            per_mapping: 0,
        });
    };
    limit(100_000);
    let handles = busy(&telemetry, 0, 100);
    assert!(!page(&telemetry).contains("\"_overflow\""));
    limit(3_000);
    assert!(!page(&telemetry).contains("\"_overflow\""));
    let overflow = "envoy_cluster_upstream_rq_completed{envoy_cluster_name=\"_overflow\"} ";
    assert!(page(&telemetry).contains(&format!("{overflow}0\n")));
    let folded = 100 - page(&telemetry).matches(&format!("{RESPONSES}{{")).count() + 1;
    serve(&handles);
    assert!(page(&telemetry).contains(&format!("{overflow}{folded}\n")));
}

#[test]
fn who_is_shown_with_others_stays_there_also_when_it_was_gone() {
    let telemetry = Telemetry::new(BuildInfo::default());
    telemetry.limit_series(SeriesLimit {
        base: 3_000,
        per_mapping: 0,
    });
    let (clusters, mappings) = busy(&telemetry, 0, 100);
    page(&telemetry);
    let before = page(&telemetry);
    drop(mappings);
    telemetry.let_go_of_mappings();
    let gone = page(&telemetry);
    let overflow = |page: &str| {
        let series = "nuncio_mapping_retries_total{mapping_namespace=\"_overflow\"";
        let line = page.lines().find(|line| line.starts_with(series)).unwrap();
        line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()
    };
    assert_eq!(overflow(&gone), overflow(&before));
    let again = busy(&telemetry, 0, 100);
    assert_eq!(overflow(&page(&telemetry)), 2 * overflow(&before));
    drop((clusters, again));
}

#[derive(Debug)]
struct Configuration(usize);

impl Configured for Configuration {
    fn mappings(&self) -> usize {
        self.0
    }

    fn weights(&self, _: &mut dyn FnMut(Weight<'_>)) {}
}

#[test]
fn what_takes_the_place_of_others_is_shown_before_and_after_it_does() {
    let telemetry = Telemetry::new(BuildInfo::default());
    let in_force: Arc<dyn Configured> = Arc::new(Configuration(100));
    telemetry.ask(Arc::downgrade(&in_force));
    telemetry.limit_series(SeriesLimit {
        base: 600,
        per_mapping: 110,
    });
    let twice = || [page(&telemetry), page(&telemetry)];
    let old = busy(&telemetry, 0, 100);
    let mut pages = twice().to_vec();
    let arriving: Vec<_> = (100..200)
        .map(|nth| telemetry.cluster(format!("m{nth}")))
        .collect();
    pages.extend(twice());
    let new = busy(&telemetry, 100, 200);
    pages.extend(twice());
    telemetry.clusters_changed([], old.0.iter().map(Arc::as_ref));
    pages.extend(twice());
    drop((old, arriving));
    telemetry.let_go_of_mappings();
    pages.extend(twice());
    for page in &pages {
        assert!(!page.contains("\"_overflow\""));
    }
    // There was little room to spare.
    telemetry.limit_series(SeriesLimit {
        base: 600,
        per_mapping: 80,
    });
    assert!(twice()[1].contains("\"_overflow\""));
    drop(new);
}

#[test]
fn a_page_that_is_too_long_once_takes_nobody_away() {
    let telemetry = Telemetry::new(BuildInfo::default());
    let limit = |base| {
        telemetry.limit_series(SeriesLimit {
            base,
            per_mapping: 0,
        });
    };
    limit(100_000);
    let old = busy(&telemetry, 0, 50);
    let before = page(&telemetry);
    let new = busy(&telemetry, 50, 100);
    limit(1_000);
    let too_long = page(&telemetry);
    assert_eq!(
        too_long.matches(REQUESTS).count(),
        before.matches(REQUESTS).count()
    );
    limit(100_000);
    let after = page(&telemetry);
    assert!(!after.contains("\"_overflow\""));
    assert_eq!(sum(&after, REQUESTS), 100.0);
    drop((old, new));
}

#[test]
fn folding_leaves_those_alone_that_are_not_folded() {
    let telemetry = Telemetry::new(BuildInfo::default());
    telemetry.limit_series(SeriesLimit {
        base: 1_500,
        per_mapping: 0,
    });
    let arrive = |name: String| {
        let cluster = telemetry.cluster(name);
        telemetry.clusters_changed([&*cluster], []);
        cluster
    };
    let lines = |page: &str| {
        let lines = page.lines().filter(|line| line.contains("name=\"quiet\""));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let quiet = arrive("quiet".into());
    let before = lines(&page(&telemetry));
    let folded: Vec<_> = (0..100).map(|nth| arrive(format!("c{nth}"))).collect();
    for cluster in &folded {
        // Gauges, and no counter.
        cluster.breaker_opened(Breaker::Connections);
        cluster.health_changed(1);
        cluster.count.membership_total.set(1);
    }
    page(&telemetry);
    let after = page(&telemetry);
    assert!(after.contains("membership_total{envoy_cluster_name=\"_overflow\"}"));
    assert!(after.contains("cx_open{envoy_cluster_name=\"_overflow\"}"));
    assert_eq!(lines(&after), before);
    assert_eq!(quiet.levels(), []);
    assert_eq!(telemetry.cluster("fresh").levels(), []);
}

#[test]
fn a_user_who_takes_the_name_of_the_others_is_one_of_them() {
    let telemetry = Telemetry::new(BuildInfo::default());
    let cluster = telemetry.cluster(OVERFLOW);
    let mapping = telemetry.mapping(OVERFLOW, OVERFLOW);
    serve(&(vec![cluster], vec![mapping]));
    let page = page(&telemetry);
    let lines: Vec<_> = page.lines().filter(|line| !line.starts_with('#')).collect();
    let series: std::collections::BTreeSet<_> = lines
        .iter()
        .map(|line| line.rsplit_once(' ').unwrap().0)
        .collect();
    assert_eq!(series.len(), lines.len());
    assert_eq!(sum(&page, REQUESTS), 1.0);
}

#[test]
fn series_are_counted_as_they_are_shown() {
    let telemetry = Telemetry::new(BuildInfo::default());
    let cluster = telemetry.cluster("a");
    let of_clusters = |page: &str| {
        let lines = page
            .lines()
            .filter(|line| line.contains("envoy_cluster_name=\"a\""));
        lines.count() as u64
    };
    assert_eq!(of_clusters(&page(&telemetry)), series_of(&*cluster));
    serve(&(
        vec![Arc::clone(&cluster)],
        vec![telemetry.mapping("default", "a")],
    ));
    cluster.no_healthy_host();
    cluster.responded(101);
    assert_eq!(of_clusters(&page(&telemetry)), series_of(&*cluster));
    let fixed = series(&page(&telemetry)) - of_clusters(&page(&telemetry));
    assert!(fixed < 500, "{fixed}");
}
