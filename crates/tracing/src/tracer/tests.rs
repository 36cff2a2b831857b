use http::{HeaderMap, HeaderValue};
use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
use nuncio_routing::compile;

use super::Tracer;
use crate::span::Tags;

const ID: &[u8] = b"00002710-0000-4000-8000-000000000000";

fn tracer(keys: &str) -> Tracer {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: "s".into(),
    };
    let text =
        format!("{{apiVersion: ambassador/v2, kind: TracingService, name: t, service: a, {keys}}}");
    let identity = Identity::default();
    let parsed = parse_annotation(&text, &Origin::api(object.into()), &identity);
    let snapshot = compile(&parsed.resources, parsed.diagnostics, &identity, 1);
    let tracing = snapshot.settings.tracing.as_ref().unwrap();
    Tracer::new(tracing, |name| (name == "SET").then(|| "set".to_owned()))
}

#[test]
fn a_request_that_is_not_sampled_begins_without_an_allocation() {
    let tracer = tracer("driver: zipkin, sampling: {random: 0}");
    let headers = HeaderMap::new();
    // The generator of ids is made once for each thread.
    tracer.begin(&headers, ID);
    let counted = allocation_counter::measure(|| {
        assert!(!tracer.begin(&headers, ID).trace.sampled);
    });
    assert_eq!(counted.count_total, 0);
}

#[test]
fn ids_have_as_many_bits_as_is_said() {
    for (config, is_wide) in [("", true), (", config: {trace_id_128bit: false}", false)] {
        let tracer = tracer(&format!("driver: zipkin{config}"));
        let begun = tracer.begin(&HeaderMap::new(), ID);
        assert_eq!(begun.trace.id.bits() >> 64 != 0, is_wide, "{config}");
    }
}

#[test]
fn tags_that_would_say_nothing_are_left_out() {
    let tracer = tracer(
        "driver: zipkin, custom_tags: [{tag: a, environment: {name: SET, default_value: x}}, \
         {tag: b, environment: {name: UNSET}}, {tag: c, literal: {value: ''}}, \
         {tag: d, request_header: {name: x-d}}]",
    );
    let mut tags = Tags::default();
    tracer.tag(&HeaderMap::new(), &mut tags);
    let said: Vec<_> = tags.iter().collect();
    assert_eq!(said, [("a", "set")]);
    let mut headers = HeaderMap::new();
    headers.insert("x-d", HeaderValue::from_static("1"));
    tracer.tag(&headers, &mut tags);
    assert_eq!(tags.iter().count(), 2);
}

#[test]
fn what_the_sender_decided_counts_more_than_the_share() {
    let tracer = tracer("driver: zipkin, sampling: {overall: 0}");
    let mut headers = HeaderMap::new();
    headers.insert("x-b3-sampled", HeaderValue::from_static("1"));
    assert!(tracer.begin(&headers, ID).trace.sampled);
}
