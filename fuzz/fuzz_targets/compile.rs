//! Annotations to routes: any text, and Mappings made of few words.
//!
//! Looks for panics, hangs and memory; for reasons that would break a log line, routes to clusters
//! that do not exist, explanations that contradict the table, and results that depend on the order
//! of resources.

#![no_main]

use std::sync::Arc;

use http::{HeaderMap, Method};
use libfuzzer_sys::arbitrary::Unstructured;
use libfuzzer_sys::fuzz_target;
use nuncio_config::{Identity, ObjectRef, Origin, Parsed, parse_annotation};
use nuncio_fuzz::{Asked, annotation};
use nuncio_routing::{Action, Draw, Question, RequestHead, Snapshot, compile};

fuzz_target!(|bytes: &[u8]| {
    let Some((kind, rest)) = bytes.split_first() else {
        return;
    };
    let mut rest = Unstructured::new(rest);
    let asked = Asked::from(&mut rest);
    let text = if kind % 2 == 0 {
        String::from_utf8_lossy(rest.take_rest()).into_owned()
    } else {
        annotation(&mut rest).unwrap_or_default()
    };
    let (Ok(asked), identity) = (asked, Identity::default()) else {
        return;
    };
    let parsed = parse(&text, &identity);
    let snapshot = compile(&parsed.resources, parsed.diagnostics.clone(), &identity, 1);
    check(&snapshot);
    ask(&snapshot, &asked);
    let mut backwards = parsed.resources;
    backwards.reverse();
    assert_eq!(
        compile(&backwards, parsed.diagnostics, &identity, 1),
        snapshot
    );
});

fn parse(text: &str, identity: &Identity) -> Parsed {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "b".into(),
        name: "web".into(),
    };
    parse_annotation(text, &Origin::api(Arc::new(object)), identity)
}

fn check(snapshot: &Snapshot) {
    for diagnostic in snapshot.diagnostics.iter() {
        assert!(
            !diagnostic.to_string().contains(char::is_control),
            "{diagnostic:?}"
        );
    }
    for route in snapshot.routes.iter() {
        if let Action::Forward(to) = &route.action {
            assert!(snapshot.cluster(to.cluster).is_some(), "{route:?}");
        }
    }
}

fn ask(snapshot: &Snapshot, asked: &Asked) {
    let Ok(method) = Method::from_bytes(asked.method.as_bytes()) else {
        return;
    };
    let headers = HeaderMap::new();
    let head = RequestHead {
        method: &method,
        host: asked.host,
        path: &asked.path,
        query: asked.query,
        headers: &headers,
    };
    let found = snapshot.routes.find(&head, Draw::from_random(0)).is_some();
    let query = asked
        .query
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let url = format!("http://{}{}{query}", asked.host, asked.path);
    let question = Question::parse(asked.method, &url, []);
    if let Ok(question) = question {
        let explained = snapshot.explain(&question);
        let is_same =
            asked.host != "" && !asked.path.contains(['.', 'é']) && !asked.path.contains("//");
        assert!(
            !is_same || explained.answer(Draw::from_random(0)).is_some() == found,
            "{url}"
        );
    }
}
