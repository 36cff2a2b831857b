//! Any table of Mappings and any request: `find` gives what a linear scan gives, for every Draw.

#![no_main]

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method};
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_fuzz::{Asked, annotation};
use nuncio_routing::{Draw, RequestHead, RouteTable, compile};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = Unstructured::new(bytes);
    let Ok(text) = annotation(&mut bytes) else {
        return;
    };
    let routes = table(&text);
    for _ in 0..4 {
        let Ok(asked) = Asked::from(&mut bytes) else {
            return;
        };
        compare(&routes, &asked);
    }
});

fn table(text: &str) -> RouteTable {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "b".into(),
        name: "web".into(),
    };
    let identity = Identity::default();
    let parsed = parse_annotation(text, &Origin::api(Arc::new(object)), &identity);
    compile(&parsed.resources, parsed.diagnostics, &identity, 1).routes
}

fn compare(routes: &RouteTable, asked: &Asked) {
    let Ok(method) = Method::from_bytes(asked.method.as_bytes()) else {
        return;
    };
    let mut headers = HeaderMap::new();
    for (name, value) in &asked.headers {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    let head = RequestHead {
        method: &method,
        host: asked.host,
        path: &asked.path,
        query: asked.query,
        headers: &headers,
    };
    for draw in Draw::all() {
        let found = routes.find(&head, draw);
        let scanned = routes.iter().find(|route| route.matches(&head, draw));
        let is_same = match (found, scanned) {
            (Some(found), Some(scanned)) => Arc::ptr_eq(found, scanned),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        assert!(
            is_same,
            "{asked:?} {draw:?}: {found:?} instead of {scanned:?}"
        );
    }
}
