//! What it costs to find a Route, and to build the table, by the number of Mappings.
//!
//! Two shapes of table: every Mapping has a prefix of its own, and every Mapping has prefix `/` and
//! a host of its own. Requests hit Mappings at random, so large tables pay for their cache misses.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    reason = "a benchmark is a program, not an interface"
)]

use std::hint::black_box;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, Method};
use nuncio_config::{Identity, Kind, ObjectRef, Origin, PathMatch, Resource, parse_annotation};
use nuncio_routing::{Draw, RequestHead, RouteTable, compile};

const SIZES: [usize; 5] = [1, 100, 1_000, 10_000, 100_000];
const SHAPES: [Shape; 2] = [Shape::Prefixes, Shape::Hosts];

#[derive(Clone, Copy)]
enum Shape {
    Prefixes,
    Hosts,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Prefixes => "prefixes",
            Self::Hosts => "hosts",
        }
    }

    fn prefix(self, number: usize) -> String {
        match self {
            Self::Prefixes => format!("/service-{number:06}/"),
            Self::Hosts => "/".to_owned(),
        }
    }

    fn host(self, number: usize) -> String {
        match self {
            Self::Prefixes => "*".to_owned(),
            Self::Hosts => format!("tenant-{number:06}.example.com"),
        }
    }

    /// Host and path of a request to one Mapping.
    fn request(self, number: usize) -> (String, String) {
        let host = match self {
            Self::Prefixes => "www.example.com".to_owned(),
            Self::Hosts => self.host(number),
        };
        (host, format!("{}api/v1/orders/42", self.prefix(number)))
    }

    fn resources(self, count: usize) -> Vec<Resource> {
        let template = template();
        (0..count)
            .map(|number| self.resource(&template, number))
            .collect()
    }

    fn resource(self, template: &Resource, number: usize) -> Resource {
        let mut resource = Resource {
            name: format!("m-{number}").into(),
            ..template.clone()
        };
        resource.at.object = object(&format!("service-{number}"));
        if let Kind::Mapping(mapping) = &mut resource.kind {
            mapping.path = PathMatch::Prefix(self.prefix(number).parse().unwrap());
            mapping.host = self.host(number).parse().unwrap();
            mapping.service = format!("service-{number}:8080").parse().unwrap();
        }
        resource
    }
}

fn template() -> Resource {
    let text = "{apiVersion: ambassador/v1, kind: Mapping, name: m, prefix: /, service: s}";
    let parsed = parse_annotation(text, &Origin::api(object("s")), &Identity::default());
    parsed.resources.into_iter().next().unwrap()
}

fn object(name: &str) -> Arc<ObjectRef> {
    let (kind, namespace, name) = ("Service".into(), "default".into(), name.into());
    Arc::new(ObjectRef {
        kind,
        namespace,
        name,
    })
}

fn find(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(format!("find/{}", shape.name()));
        for size in SIZES {
            let table = compile(&shape.resources(size), [], &Identity::default(), 1).routes;
            let requests: Vec<_> = (0..4_096)
                .map(|nth| shape.request(scattered(nth) % size))
                .collect();
            let mut turn = requests.iter().cycle();
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| hit(&table, turn.next().unwrap()));
            });
        }
        group.finish();
    }
}

fn hit(table: &RouteTable, (host, path): &(String, String)) {
    let headers = HeaderMap::new();
    let head = RequestHead {
        method: &Method::GET,
        host,
        path,
        query: None,
        headers: &headers,
    };
    let route = table.find(black_box(&head), Draw::from_random(7));
    assert!(black_box(route).is_some());
}

/// Numbers without a pattern (Knuth's multiplicative hashing).
fn scattered(nth: usize) -> usize {
    nth.wrapping_mul(2_654_435_761) >> 7
}

fn build(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(format!("compile/{}", shape.name()));
        group.sample_size(10);
        for size in SIZES {
            let resources = shape.resources(size);
            group.throughput(Throughput::Elements(size.try_into().unwrap()));
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| compile(black_box(&resources), [], &Identity::default(), 1));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, find, build);
criterion_main!(benches);
