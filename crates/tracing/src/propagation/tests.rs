use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_config::Propagation;
use nuncio_telemetry::TraceId;
use proptest::prelude::*;

use super::{Companions, Incoming, Outgoing, extract, inject, named_trace};
use crate::SpanId;

const WAYS: [Propagation; 3] = [
    Propagation::B3,
    Propagation::TraceContext,
    Propagation::Datadog,
];

/// Every header that any of the ways looks at.
const NAMES: [&str; 13] = [
    "b3",
    "traceparent",
    "tracestate",
    "x-b3-flags",
    "x-b3-parentspanid",
    "x-b3-sampled",
    "x-b3-spanid",
    "x-b3-traceid",
    "x-datadog-origin",
    "x-datadog-parent-id",
    "x-datadog-sampling-priority",
    "x-datadog-tags",
    "x-datadog-trace-id",
];

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
    }
    headers
}

fn said(way: Propagation, fields: &[(&'static str, &str)]) -> Incoming {
    extract(&[way], &headers(fields))
}

fn whole(sampled: Option<bool>) -> Incoming {
    let trace = TraceId::new(u128::from_str_radix(TRACE, 16).unwrap()).unwrap();
    let span = SpanId::new(u64::from_str_radix(SPAN, 16).unwrap()).unwrap();
    Incoming {
        span: Some((trace, span)),
        sampled,
    }
}

fn told(ways: &[Propagation], outgoing: &Outgoing, mut headers: HeaderMap) -> HeaderMap {
    inject(ways, outgoing, &mut |name: HeaderName, value| match value {
        Some(value) => drop(headers.insert(name, value)),
        None => drop(headers.remove(name)),
    });
    headers
}

fn outgoing(companions: Companions) -> Outgoing {
    let (trace, span) = whole(None).span.unwrap();
    Outgoing {
        trace,
        span,
        parent: SpanId::new(7),
        sampled: true,
        companions,
    }
}

#[test]
fn a_traceparent_is_read_as_the_recommendation_says() {
    let of = |text: &str| said(Propagation::TraceContext, &[("traceparent", text)]);
    assert_eq!(of(&format!("00-{TRACE}-{SPAN}-01")), whole(Some(true)));
    assert_eq!(of(&format!("00-{TRACE}-{SPAN}-02")), whole(Some(false)));
    // A later version may say more.
    assert_eq!(of(&format!("cc-{TRACE}-{SPAN}-01")), whole(Some(true)));
    assert_eq!(of(&format!("cc-{TRACE}-{SPAN}-01-what")), whole(Some(true)));
}

#[test]
fn a_malformed_traceparent_says_nothing() {
    let zeros = "0".repeat(32);
    for text in [
        String::new(),
        "00".to_owned(),
        format!("00-{TRACE}-{SPAN}"),
        format!("00-{TRACE}-{SPAN}-1"),
        format!("00-{TRACE}-{SPAN}-011"),
        format!("00-{TRACE}-{SPAN}-01-what"),
        format!("cc-{TRACE}-{SPAN}-01what"),
        format!("ff-{TRACE}-{SPAN}-01"),
        format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
        format!("00-{zeros}-{SPAN}-01"),
        format!("00-{TRACE}-0000000000000000-01"),
        format!("00-{TRACE}x{SPAN}-01"),
        format!("00_{TRACE}_{SPAN}_01"),
        format!("0x-{TRACE}-{SPAN}-01"),
        "-".repeat(55),
        "9".repeat(60_000),
    ] {
        let read = said(Propagation::TraceContext, &[("traceparent", &text)]);
        assert_eq!(read, Incoming::default(), "{text}");
    }
    let once = format!("00-{TRACE}-{SPAN}-01");
    let twice = [("traceparent", &*once), ("traceparent", &*once)];
    assert_eq!(said(Propagation::TraceContext, &twice), Incoming::default());
}

#[test]
fn b3_is_read_from_one_header_and_from_several() {
    let single = |text: &str| said(Propagation::B3, &[("b3", text)]);
    assert_eq!(single(&format!("{TRACE}-{SPAN}")), whole(None));
    assert_eq!(single(&format!("{TRACE}-{SPAN}-1")), whole(Some(true)));
    assert_eq!(
        single(&format!("{TRACE}-{SPAN}-0-{SPAN}")),
        whole(Some(false))
    );
    assert_eq!(single(&format!("{TRACE}-{SPAN}-d")), whole(Some(true)));
    assert_eq!(single("0").sampled, Some(false));
    let ids = [("x-b3-traceid", TRACE), ("x-b3-spanid", SPAN)];
    assert_eq!(said(Propagation::B3, &ids), whole(None));
    let sampled = [ids[0], ids[1], ("x-b3-sampled", "1")];
    assert_eq!(said(Propagation::B3, &sampled), whole(Some(true)));
    let debugged = [ids[0], ids[1], ("x-b3-flags", "1")];
    assert_eq!(said(Propagation::B3, &debugged), whole(Some(true)));
    let only_decided = said(Propagation::B3, &[("x-b3-sampled", "0")]);
    assert_eq!(
        (only_decided.span, only_decided.sampled),
        (None, Some(false))
    );
}

#[test]
fn traces_of_64_bits_are_b3_too() {
    let ids = [("x-b3-traceid", SPAN), ("x-b3-spanid", SPAN)];
    let (trace, _) = said(Propagation::B3, &ids).span.unwrap();
    assert_eq!(trace.to_string(), format!("{}{SPAN}", "0".repeat(16)));
}

#[test]
fn malformed_b3_says_nothing() {
    for text in [
        "",
        "2",
        TRACE,
        &format!("{TRACE}-"),
        &format!("{TRACE}-{SPAN}-2"),
        &format!("{TRACE}-{SPAN}-1-x"),
        &format!("{TRACE}-{SPAN}-1-{SPAN}-{SPAN}"),
        &format!("{TRACE}0-{SPAN}"),
        &format!("{}-{SPAN}", "0".repeat(32)),
        &format!("{TRACE}-{}", "0".repeat(16)),
        &"-".repeat(60_000),
    ] {
        let read = said(Propagation::B3, &[("b3", text)]);
        assert_eq!(read, Incoming::default(), "{text}");
    }
    for ids in [
        [("x-b3-traceid", "xyz"), ("x-b3-spanid", SPAN)],
        [("x-b3-traceid", TRACE), ("x-b3-spanid", "1")],
        [("x-b3-traceid", TRACE), ("x-b3-traceid", TRACE)],
    ] {
        assert_eq!(said(Propagation::B3, &ids), Incoming::default(), "{ids:?}");
    }
}

#[test]
fn datadogs_ids_are_decimal_with_the_upper_half_among_tags() {
    let lower = u64::from_str_radix(&TRACE[16..], 16).unwrap().to_string();
    let span = u64::from_str_radix(SPAN, 16).unwrap().to_string();
    let tags = format!("_dd.p.dm=-1,_dd.p.tid={}", &TRACE[..16]);
    let fields = [
        ("x-datadog-trace-id", &*lower),
        ("x-datadog-parent-id", &*span),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-tags", &*tags),
    ];
    assert_eq!(said(Propagation::Datadog, &fields), whole(Some(true)));
    for (name, value) in [
        ("x-datadog-trace-id", "0"),
        ("x-datadog-trace-id", "-1"),
        ("x-datadog-trace-id", "18446744073709551616"),
        ("x-datadog-parent-id", "0"),
        ("x-datadog-parent-id", "a"),
    ] {
        let mut fields = fields;
        for field in &mut fields {
            if field.0 == name {
                field.1 = value;
            }
        }
        assert_eq!(
            said(Propagation::Datadog, &fields).span,
            None,
            "{name}: {value}"
        );
    }
}

#[test]
fn the_first_way_that_names_a_trace_counts() {
    let both = headers(&[
        ("traceparent", &format!("00-{TRACE}-{SPAN}-01")),
        ("x-datadog-trace-id", "5"),
    ]);
    let ways = [Propagation::Datadog, Propagation::TraceContext];
    assert_eq!(extract(&ways, &both), whole(Some(true)));
}

#[test]
fn what_belongs_to_a_trace_that_is_not_continued_is_taken_away() {
    let came = [
        ("tracestate", "a=1"),
        ("b3", "odd"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.dm=-1"),
    ];
    let none = Companions::default();
    let new = told(&WAYS, &outgoing(none), headers(&came));
    for gone in ["tracestate", "b3", "x-datadog-origin"] {
        assert!(!new.contains_key(gone), "{gone}");
    }
    assert_eq!(new["x-datadog-tags"], format!("_dd.p.tid={}", &TRACE[..16]));
    let all = Companions {
        b3: true,
        trace_context: true,
        datadog: true,
        priority: None,
    };
    let continued = told(&WAYS, &outgoing(all), headers(&came));
    assert_eq!(continued["tracestate"], "a=1");
    assert_eq!(continued["x-datadog-tags"], "_dd.p.dm=-1");
    assert_eq!(continued["x-b3-parentspanid"], "0000000000000007");
}

/// What goes on of these fields, of a request that continues or begins a trace by them.
fn passed_on(ways: &[Propagation], fields: &[(&'static str, &str)]) -> HeaderMap {
    let headers = headers(fields);
    let incoming = extract(ways, &headers);
    let trace = incoming.span.map(|(trace, _)| trace);
    let outgoing = Outgoing {
        trace: trace.unwrap_or_else(|| TraceId::new(1).unwrap()),
        sampled: incoming.sampled.unwrap_or(true),
        ..outgoing(Companions::of(ways, &headers, trace))
    };
    told(ways, &outgoing, headers)
}

#[test]
fn what_belongs_to_another_trace_than_the_one_that_is_continued_is_taken_away() {
    let traceparent = format!("00-{TRACE}-{SPAN}-01");
    let of_datadog = [
        ("x-datadog-trace-id", "5"),
        ("x-datadog-parent-id", "6"),
        ("x-datadog-sampling-priority", "2"),
        ("x-datadog-origin", "rum"),
        ("x-datadog-tags", "_dd.p.dm=-1"),
    ];
    let of_w3c = [("traceparent", &*traceparent), ("tracestate", "a=1")];
    let of_b3 = [
        ("x-b3-traceid", SPAN),
        ("x-b3-spanid", SPAN),
        ("x-b3-flags", "1"),
    ];
    let fields = [&of_datadog[..], &of_w3c, &of_b3].concat();
    let by_w3c = [
        Propagation::TraceContext,
        Propagation::Datadog,
        Propagation::B3,
    ];
    let went = passed_on(&by_w3c, &fields);
    assert_eq!(went["tracestate"], "a=1");
    assert_eq!(
        went["x-datadog-tags"],
        format!("_dd.p.tid={}", &TRACE[..16])
    );
    assert_eq!(went["x-datadog-sampling-priority"], "1");
    for gone in ["x-datadog-origin", "x-b3-flags"] {
        assert!(!went.contains_key(gone), "{gone}");
    }
    let by_datadog = [Propagation::Datadog, Propagation::TraceContext];
    let went = passed_on(&by_datadog, &fields);
    assert_eq!(went["x-datadog-tags"], "_dd.p.dm=-1");
    assert_eq!(went["x-datadog-origin"], "rum");
    assert!(!went.contains_key("tracestate"));
}

#[test]
fn what_a_user_decided_goes_on_as_such() {
    for priority in ["-1", "0", "1", "2"] {
        let ids = [("x-datadog-trace-id", "5"), ("x-datadog-parent-id", "6")];
        let said = ("x-datadog-sampling-priority", priority);
        for fields in [&[said][..], &[ids[0], ids[1], said]] {
            let went = passed_on(&[Propagation::Datadog], fields);
            assert_eq!(went["x-datadog-sampling-priority"], priority);
        }
    }
}

#[test]
fn a_trace_is_named_in_any_way_unless_it_is_not_sampled() {
    let w3c = |flags| format!("00-{TRACE}-{SPAN}-{flags}");
    for (name, value, is_named) in [
        ("traceparent", w3c("01"), true),
        ("traceparent", w3c("00"), false),
        ("traceparent", format!("00-{TRACE}"), false),
        ("b3", format!("{TRACE}-{SPAN}"), true),
        ("b3", format!("{TRACE}-{SPAN}-0"), false),
        ("x-b3-traceid", TRACE.to_owned(), false),
    ] {
        let named = named_trace(&headers(&[(name, &value)]));
        let named = named.map(|trace| trace.to_string());
        assert_eq!(named.as_deref(), is_named.then_some(TRACE), "{value}");
    }
}

fn hostile_value() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        "[0-9a-fA-F]{0,40}(-[0-9a-f]{0,20}){0,4}".prop_map(String::into_bytes),
        "[-,=_.a-z0-9]{0,60}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..80),
    ]
}

proptest! {
    #[test]
    fn reading_headers_never_panics(
        fields in proptest::collection::vec((0..NAMES.len(), hostile_value()), 0..8),
    ) {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            if let Ok(value) = HeaderValue::from_bytes(&value) {
                headers.append(NAMES[name], value);
            }
        }
        for way in WAYS {
            extract(&[way], &headers);
        }
        let incoming = extract(&WAYS, &headers);
        Companions::of(&WAYS, &headers, incoming.span.map(|(trace, _)| trace));
    }

    #[test]
    fn what_is_told_is_read_again(
        trace in 1_u128..,
        narrow in any::<bool>(),
        span in 1_u64..,
        sampled in any::<bool>(),
    ) {
        let trace = if narrow { trace & u128::from(u64::MAX) } else { trace };
        // Datadog's lower half may not be zero.
        prop_assume!(trace & u128::from(u64::MAX) != 0);
        let outgoing = Outgoing {
            trace: TraceId::new(trace).unwrap(),
            span: SpanId::new(span).unwrap(),
            parent: None,
            sampled,
            companions: Companions::default(),
        };
        for way in WAYS {
            let read = extract(&[way], &told(&[way], &outgoing, HeaderMap::new()));
            prop_assert_eq!(read.span, Some((outgoing.trace, outgoing.span)));
            prop_assert_eq!(read.sampled, Some(sampled));
        }
    }
}
