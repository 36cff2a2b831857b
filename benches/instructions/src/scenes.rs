//! What is counted.
//!
//! Invariant: a scene does the same on every machine of an architecture, but for seeds of hashes.

use std::hint::black_box;
use std::time::Duration;

use http::{HeaderMap, HeaderValue, Method};
use nuncio_config::{Identity, Resource};
use nuncio_instructions::{Proxied, mapping};
use nuncio_routing::{Draw, RequestHead, RouteTable, Snapshot, compile};

/// Work of one kind.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Scene {
    /// Finding a Route among 1,000.
    Find,
    /// Compiling a Mapping, of 1,000.
    Compile,
    /// Putting the head together that the upstream gets.
    Head,
    /// A whole request over connections that stay open, and what its two ends do for it.
    Request,
}

/// How many Mappings there are to find and to compile.
const MAPPINGS: u64 = 1_000;

/// Far longer than a worker under valgrind is busy with half a request.
const PAUSE: Duration = Duration::from_millis(5);

impl Scene {
    pub(crate) const ALL: [Self; 4] = [Self::Find, Self::Compile, Self::Head, Self::Request];

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scene| scene.name() == name)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Compile => "compile",
            Self::Head => "head",
            Self::Request => "request",
        }
    }

    /// The function whose instructions are counted; `None` = all of the process.
    pub(crate) fn function(self) -> Option<&'static str> {
        match self {
            Self::Find => Some("instructions::scenes::find_each"),
            Self::Compile => Some("instructions::scenes::compile_all"),
            Self::Head => Some("nuncio_proxy::exchange::upstream_head::build"),
            Self::Request => None,
        }
    }

    /// How many units are counted: what the second takes more than the first. The first is 0 where
    /// nothing but the units is counted.
    pub(crate) fn counts(self) -> (u64, u64) {
        match self {
            // Seeds decide where entries of a table collide: of one table it would be 1 % more or less.
            Self::Find => (0, 16 * MAPPINGS),
            Self::Compile => (0, MAPPINGS),
            Self::Head => (0, 100),
            Self::Request => (200, 1_200),
        }
    }

    pub(crate) fn run(self, count: u64) {
        match self {
            Self::Find => find_in_tables(count / MAPPINGS),
            Self::Compile => drop(black_box(compile_all(&mappings(count)))),
            Self::Head => exchange(count - 1, Duration::ZERO),
            Self::Request => exchange(count, PAUSE),
        }
    }
}

fn find_in_tables(count: u64) {
    let (mappings, requests) = (mappings(MAPPINGS), requests(MAPPINGS));
    for _ in 0..count {
        find_each(&compile_all(&mappings).routes, &requests);
    }
}

/// The first request is let through at the start.
fn exchange(count: u64, pause: Duration) {
    let mut proxied = Proxied::start(pause);
    for _ in 0..count {
        proxied.exchange();
    }
}

fn mappings(count: u64) -> Vec<Resource> {
    let mapping = |number| {
        let service = format!("service-{number:06}");
        mapping(&service, &format!("/{service}/"), &service)
    };
    (0..count).flat_map(mapping).collect()
}

/// One for each Mapping.
fn requests(count: u64) -> Vec<String> {
    let path = |number| format!("/service-{number:06}/api/v1/orders/42");
    (0..count).map(path).collect()
}

#[inline(never)]
fn find_each(table: &RouteTable, paths: &[String]) {
    let mut headers = HeaderMap::new();
    headers.insert("accept", HeaderValue::from_static("*/*"));
    for path in paths {
        let head = RequestHead {
            method: &Method::GET,
            host: "www.example.com",
            path,
            query: None,
            headers: &headers,
        };
        let found = black_box(table.find(black_box(&head), Draw::from_random(7)));
        assert!(found.is_some(), "{path}");
    }
}

#[inline(never)]
fn compile_all(mappings: &[Resource]) -> Snapshot {
    compile(black_box(mappings), [], &Identity::default(), 1)
}
