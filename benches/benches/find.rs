//! What it costs to find a Route, to change one of them, and to build the table, by the number of
//! Mappings.
//!
//! Shapes of table: every Mapping has a prefix of its own; a prefix, and headers and a method to
//! match; prefix `/` and a host of its own; a regular expression of its own. Two mixes of requests:
//! *few* repeats 32 requests, as many in a table of one Mapping as in one of 100,000, so that only
//! the size of the table varies; *all* hits Mappings at random, so that large tables pay for their
//! cache misses as well.
#![allow(
    missing_docs,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a benchmark is a program, not an interface"
)]

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use nuncio_config::{
    HeaderMatch, HeaderValueMatch, Identity, Kind, Mapping, MethodMatch, ObjectRef, Origin,
    PathMatch, Pattern, Resource, parse_annotation,
};
use nuncio_routing::{Draw, RequestHead, RouteTable, compile};

const SIZES: [usize; 5] = [1, 100, 1_000, 10_000, 100_000];
const SHAPES: [Shape; 4] = [
    Shape::Prefixes,
    Shape::Headers,
    Shape::Hosts,
    Shape::Regexes,
];
const MIXES: [(&str, usize); 2] = [("few", 32), ("all", 4_096)];

#[derive(Clone, Copy, PartialEq)]
enum Shape {
    Prefixes,
    Headers,
    Hosts,
    Regexes,
}

impl Shape {
    fn name(self) -> &'static str {
        match self {
            Self::Prefixes => "prefixes",
            Self::Headers => "headers",
            Self::Hosts => "hosts",
            Self::Regexes => "regexes",
        }
    }

    /// Parsing 100,000 regular expressions would take longer than all that is measured here.
    fn largest(self) -> usize {
        match self {
            Self::Prefixes | Self::Headers | Self::Hosts => 100_000,
            Self::Regexes => 10_000,
        }
    }

    fn path(self, number: usize) -> PathMatch {
        match self {
            Self::Prefixes | Self::Headers => {
                PathMatch::Prefix(format!("/service-{number:06}/").parse().unwrap())
            }
            Self::Hosts => PathMatch::Prefix("/".parse().unwrap()),
            Self::Regexes => {
                let pattern = format!("/v[0-9]+/service-{number:06}/[^/]+/.*");
                PathMatch::Regex(Pattern::parse(&pattern).unwrap())
            }
        }
    }

    fn host(self, number: usize) -> String {
        match self {
            Self::Prefixes | Self::Headers | Self::Regexes => "*".to_owned(),
            Self::Hosts => format!("tenant-{number:06}.example.com"),
        }
    }

    /// Host and path of a request to one Mapping.
    fn request(self, number: usize) -> (String, String) {
        let start = match self {
            Self::Prefixes | Self::Headers => format!("/service-{number:06}"),
            Self::Hosts => return (self.host(number), "/api/v1/orders/42".to_owned()),
            Self::Regexes => format!("/v1/service-{number:06}"),
        };
        ("www.example.com".to_owned(), start + "/api/v1/orders/42")
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
            mapping.path = self.path(number);
            mapping.host = self.host(number).parse().unwrap();
            mapping.service = format!("service-{number}:8080").parse().unwrap();
            if self == Self::Headers {
                narrow(mapping);
            }
        }
        resource
    }
}

fn narrow(mapping: &mut Mapping) {
    mapping.method = Some(MethodMatch::Exact(Method::GET));
    mapping.headers = ["x-canary", "x-tenant"]
        .map(|name| HeaderMatch {
            name: HeaderName::from_static(name),
            value: HeaderValueMatch::Exact(HeaderValue::from_static("yes")),
        })
        .into();
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
        let sizes = SIZES.iter().filter(|size| **size <= shape.largest());
        let tables: Vec<_> = sizes
            .map(|size| {
                let table = compile(&shape.resources(*size), [], &Identity::default(), 1).routes;
                (*size, table)
            })
            .collect();
        for (mix, count) in MIXES {
            let mut group = criterion.benchmark_group(format!("find/{}/{mix}", shape.name()));
            group.warm_up_time(Duration::from_millis(500));
            group.measurement_time(Duration::from_secs(2));
            for (size, table) in &tables {
                let requests: Vec<_> = (0..count)
                    .map(|nth| shape.request(scattered(nth) % size))
                    .collect();
                group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                    let headers = headers();
                    let mut turn = requests.iter().cycle();
                    bencher.iter(|| asked(table, &headers, turn.next().unwrap()).unwrap());
                });
            }
            group.finish();
        }
    }
}

fn miss(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("find/misses/few");
    group.warm_up_time(Duration::from_millis(500));
    group.measurement_time(Duration::from_secs(2));
    for size in SIZES {
        let resources = Shape::Prefixes.resources(size);
        let table = compile(&resources, [], &Identity::default(), 1).routes;
        let requests: Vec<_> = (0..32)
            .map(|nth| {
                let path = format!("/missing-{:06}/api/v1/orders/42", scattered(nth) % size);
                ("www.example.com".to_owned(), path)
            })
            .collect();
        group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
            let headers = headers();
            let mut turn = requests.iter().cycle();
            bencher.iter(|| assert!(asked(&table, &headers, turn.next().unwrap()).is_none()));
        });
    }
    group.finish();
}

fn headers() -> HeaderMap {
    let sent = ["accept", "user-agent", "x-canary", "x-tenant"].map(HeaderName::from_static);
    sent.into_iter()
        .map(|name| (name, HeaderValue::from_static("yes")))
        .collect()
}

/// Whether a Route was found; `None` = no.
#[inline]
fn asked(table: &RouteTable, headers: &HeaderMap, (host, path): &(String, String)) -> Option<()> {
    let head = RequestHead {
        method: &Method::GET,
        host,
        path,
        query: None,
        headers,
    };
    black_box(table.find(black_box(&head), Draw::from_random(7))).map(|_| ())
}

/// Numbers without a pattern (Knuth's multiplicative hashing).
fn scattered(nth: usize) -> usize {
    nth.wrapping_mul(2_654_435_761) >> 7
}

/// One Route comes, another one goes, and the table is published: the one before is let go of.
fn change(criterion: &mut Criterion) {
    const COMING: usize = 1_024;
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(format!("change/{}", shape.name()));
        group.warm_up_time(Duration::from_millis(500));
        group.measurement_time(Duration::from_secs(2));
        let sizes = [1_000, 10_000, 50_000, 100_000].into_iter();
        for size in sizes.filter(|size| *size <= shape.largest()) {
            let resources = shape.resources(size + COMING);
            let mut table = compile(&resources, [], &Identity::default(), 1).routes;
            let routes: Vec<_> = table.iter().cloned().collect();
            let coming: Vec<_> = (0..COMING)
                .map(|nth| &routes[scattered(nth) % routes.len()])
                .collect();
            let mut published = table.clone();
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                let leaving = coming.iter().cycle().skip(COMING / 2);
                let mut turn = coming.iter().cycle().zip(leaving);
                bencher.iter(|| {
                    let (coming, leaving) = turn.next().unwrap();
                    table.insert(Arc::clone(coming));
                    table.remove(leaving);
                    published = black_box(table.clone());
                });
            });
        }
        group.finish();
    }
}

fn build(criterion: &mut Criterion) {
    for shape in SHAPES {
        let mut group = criterion.benchmark_group(format!("compile/{}", shape.name()));
        group.sample_size(10);
        for size in SIZES.into_iter().filter(|size| *size <= shape.largest()) {
            let resources = shape.resources(size);
            group.throughput(Throughput::Elements(size.try_into().unwrap()));
            group.bench_function(BenchmarkId::from_parameter(size), |bencher| {
                bencher.iter(|| compile(black_box(&resources), [], &Identity::default(), 1));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, find, miss, change, build);
criterion_main!(benches);
