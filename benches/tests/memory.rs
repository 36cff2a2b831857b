//! What an annotated Service costs in memory, layer by layer: 10,000 of them, each with one Mapping
//! to a cluster of its own. A ceiling for each layer is a little above what it takes.
//!
//! Counts what this thread allocates and keeps, so that the figures do not depend on an allocator.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test whose machinery fails has failed, and says where; what is measured is of interest"
)]

use std::sync::Arc;

use allocation_counter::measure;
use nuncio_config::{Identity, ObjectRef, Origin, Parsed, parse_annotation};
use nuncio_proxy::{Resolver, Switch};
use nuncio_routing::{Compiler, Snapshot, compile};
use nuncio_telemetry::{BuildInfo, Telemetry};

const COUNT: usize = 10_000;

/// Bytes of each layer.
struct Ceilings {
    parsed: i64,
    compiled: i64,
    counters: i64,
    installed: i64,
}

#[tokio::test]
async fn a_service_whose_cluster_is_an_address_stays_small() {
    layers(
        "127.1.2.3",
        &Ceilings {
            parsed: 620,
            compiled: 1_800,
            counters: 165,
            installed: 275,
        },
    );
}

#[tokio::test]
async fn a_service_whose_cluster_is_a_name_stays_small() {
    layers(
        "service",
        &Ceilings {
            parsed: 650,
            compiled: 1_850,
            counters: 165,
            installed: 600,
        },
    );
}

fn layers(host: &str, ceilings: &Ceilings) {
    let identity = Identity::default();
    let objects: Vec<_> = (0..COUNT).map(object).collect();
    let mut parsed = Vec::with_capacity(COUNT);
    within(ceilings.parsed, "parsed", || {
        let all = objects.iter().enumerate();
        parsed.extend(all.map(|(number, object)| parse(number, object, host)));
    });
    let mut compiler = Compiler::new(identity.clone());
    let mut snapshot = None;
    within(ceilings.compiled, "compiled", || {
        for (object, parsed) in objects.iter().zip(parsed.drain(..)) {
            compiler.put(object, parsed);
        }
        snapshot = Some(Arc::new(compiler.compile(1).snapshot));
    });
    let telemetry = Telemetry::new(BuildInfo::default());
    let empty: Arc<Snapshot> = Arc::new(compile([], [], &identity, 0));
    let resolver = Resolver::from_system().unwrap();
    let switch = Switch::new(empty, Arc::clone(&telemetry), resolver);
    let clusters = snapshot
        .iter()
        .flat_map(|snapshot| snapshot.clusters.by_name());
    let names: Vec<_> = clusters
        .map(|cluster| Arc::clone(&cluster.stats_name))
        .collect();
    assert_eq!(names.len(), COUNT);
    within(ceilings.counters, "counters of its cluster", || {
        for name in &names {
            drop(telemetry.cluster(Arc::clone(name)));
        }
    });
    within(ceilings.installed, "its cluster as it runs", || {
        switch.install(snapshot.take().unwrap());
    });
}

/// Does what makes a layer, and sees to it that what stays of it is at most so much for each Service.
fn within(ceiling: i64, layer: &str, work: impl FnOnce()) {
    let allocated = measure(work);
    let each = allocated.bytes_current / i64::try_from(COUNT).unwrap();
    println!("{layer:>24} {each:6} of {ceiling}");
    assert!(each <= ceiling, "{layer}: {each} bytes of {ceiling}");
}

fn object(number: usize) -> Arc<ObjectRef> {
    let (kind, namespace) = ("Service".into(), format!("team-{}", number % 100).into());
    let name = format!("service-{number}").into();
    Arc::new(ObjectRef {
        kind,
        namespace,
        name,
    })
}

fn parse(number: usize, object: &Arc<ObjectRef>, host: &str) -> Parsed {
    let service = match host {
        "service" => format!("service-{number}.team-{}:8080", number % 100),
        address => format!("{address}:{}", 10_000 + number),
    };
    let document = format!(
        "apiVersion: getambassador.io/v2\nkind: Mapping\nname: service-{number}\n\
         prefix: /service-{number}/\nservice: {service}\ntimeout_ms: 4000\n"
    );
    parse_annotation(
        &document,
        &Origin::api(Arc::clone(object)),
        &Identity::default(),
    )
}
