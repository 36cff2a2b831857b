//! What an annotated Service costs in memory, layer by layer: 10,000 of them, each with one Mapping
//! to a cluster of its own.
//!
//! Counts what this thread allocates and keeps, so that the figures do not depend on an allocator.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark is a program, not an interface"
)]

use std::sync::Arc;

use allocation_counter::measure;
use nuncio_config::{Identity, ObjectRef, Origin, Parsed, parse_annotation};
use nuncio_proxy::{Resolver, Switch};
use nuncio_routing::{Compiler, Snapshot, compile};
use nuncio_telemetry::{BuildInfo, Telemetry};

const COUNT: usize = 10_000;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _context = runtime.enter();
    for (kind, host) in [("address", "127.1.2.3"), ("name", "service")] {
        println!("bytes a Service, clusters by {kind}");
        layers(host);
    }
}

fn layers(host: &str) {
    let identity = Identity::default();
    let objects: Vec<_> = (0..COUNT).map(object).collect();
    let mut parsed = Vec::with_capacity(COUNT);
    shown("parsed", &mut || {
        let all = objects.iter().enumerate();
        parsed.extend(all.map(|(number, object)| parse(number, object, host)));
    });
    let mut compiler = Compiler::new(identity.clone());
    let mut snapshot = None;
    shown("compiled", &mut || {
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
    shown("telemetry of clusters", &mut || {
        for name in &names {
            drop(telemetry.cluster(Arc::clone(name)));
        }
    });
    shown("installed besides", &mut || {
        switch.install(snapshot.take().unwrap());
    });
}

fn shown(what: &str, work: &mut dyn FnMut()) {
    let allocated = measure(work);
    let each = allocated.bytes_current / i64::try_from(COUNT).unwrap();
    println!("{what:>24} {each:6}");
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
