use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use http::header::{HeaderMap, HeaderName};
use http::{Method, Version};
use nuncio_config::{FieldName, Operator};

use super::*;
use crate::exchange::facts::{
    Clock, ConnectionFacts, RequestFacts, ResponseFacts, Started, UpstreamFacts,
};
use crate::exchange::forwarding::{Forwarding, Scheme};

/// What an exchange with an upstream came to.
struct Exchange {
    request: HeaderMap,
    response: HeaderMap,
    forwarding: Forwarding,
}

impl Exchange {
    fn new() -> Self {
        let mut request = HeaderMap::new();
        request.append("user-agent", HeaderValue::from_static("curl/8"));
        request.append("x-two", HeaderValue::from_static("first"));
        request.append("x-two", HeaderValue::from_static("second"));
        request.append("x-odd", HeaderValue::from_bytes(b"\xff\"").unwrap());
        let mut response = HeaderMap::new();
        response.append("content-type", HeaderValue::from_static("text/html"));
        let forwarding = Forwarding::unread("10.0.0.9:55555".parse().unwrap(), Scheme::Http);
        Self {
            request,
            response,
            forwarding,
        }
    }

    fn facts(&self) -> Facts<'_> {
        let local: SocketAddr = "[::1]:8080".parse().unwrap();
        Facts {
            request: RequestFacts {
                method: &Method::GET,
                path: "/after?x=1",
                original_path: Some(b"/before?x=1"),
                host: b"example.com",
                version: Version::HTTP_2,
                headers: &self.request,
                forwarding: &self.forwarding,
                body_bytes: 5,
            },
            connection: ConnectionFacts {
                id: 7,
                client: "192.0.2.1:0".parse().unwrap(),
                peer: "10.0.0.9:55555".parse().unwrap(),
                local,
            },
            route: Some("httpbin"),
            upstream: UpstreamFacts {
                cluster_name: Some("cluster_web"),
                cluster: Some("cluster_httpbin_default"),
                address: Some("10.1.2.3:80".parse().unwrap()),
                local: None,
                failure: None,
                attempts: 2,
            },
            response: ResponseFacts {
                status: Some(201),
                headers: Some(&self.response),
                trailers: None,
                flags: "",
                details: Some("via_upstream"),
                local_body: b"",
                body_bytes: 1234,
            },
            clock: Clock {
                started: Started::On(SystemTime::UNIX_EPOCH),
                request_end: Some(Duration::from_millis(2)),
                response_start: Some(Duration::from_millis(10)),
                end: Some(Duration::from_millis(25)),
            },
            trace: None,
        }
    }
}

fn field(name: &'static str) -> FieldName {
    FieldName::Field(HeaderName::from_static(name))
}

fn only(operator: Operator) -> Format {
    Format(Box::new([Piece::Operator(operator, None)]))
}

fn logged(operator: Operator) -> String {
    let exchange = Exchange::new();
    let mut out = Vec::new();
    write(&only(operator), &exchange.facts(), Unknown::Dash, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn request_headers_are_those_that_were_sent_on() {
    for (name, expected) in [
        (field("user-agent"), "curl/8"),
        (field("x-two"), "first"),
        (field("host"), "example.com"),
        (field("x-envoy-original-path"), "/before?x=1"),
        (FieldName::Path, "/after?x=1"),
        (FieldName::Authority, "example.com"),
        (FieldName::Method, "GET"),
        (FieldName::Scheme, "http"),
        (field("x-absent"), "-"),
    ] {
        assert_eq!(logged(Operator::RequestHeader(name, None)), expected);
    }
}

#[test]
fn the_second_name_stands_in_for_the_first() {
    let path = || Some(FieldName::Path);
    let original = Operator::RequestHeader(field("x-envoy-original-path"), path());
    assert_eq!(logged(original), "/before?x=1");
    assert_eq!(
        logged(Operator::RequestHeader(field("x-absent"), path())),
        "/after?x=1"
    );
    let neither = Operator::ResponseHeader(field("x-absent"), Some(field("content-type")));
    assert_eq!(logged(neither), "text/html");
}

#[test]
fn every_other_operator_says_what_envoys_does() {
    for (operator, expected) in [
        (Operator::StartTime(None), "1970-01-01T00:00:00.000Z"),
        (Operator::StartTime(Some("%Y".into())), "1970"),
        (Operator::Protocol, "HTTP/2"),
        (Operator::ResponseCode, "201"),
        (Operator::ResponseCodeDetails, "via_upstream"),
        (Operator::ResponseFlags, "-"),
        (Operator::BytesReceived, "5"),
        (Operator::BytesSent, "1234"),
        (Operator::Duration, "25"),
        (Operator::RequestDuration, "2"),
        (Operator::ResponseDuration, "10"),
        (Operator::ResponseTxDuration, "15"),
        (Operator::UpstreamHost, "10.1.2.3:80"),
        (Operator::UpstreamRemoteAddress, "10.1.2.3:80"),
        (Operator::UpstreamLocalAddress, "-"),
        (Operator::UpstreamCluster, "cluster_httpbin_default"),
        (Operator::UpstreamTransportFailureReason, "-"),
        (Operator::UpstreamRequestAttemptCount, "2"),
        (Operator::DownstreamRemoteAddress, "192.0.2.1:0"),
        (Operator::DownstreamRemoteAddressWithoutPort, "192.0.2.1"),
        (Operator::DownstreamRemotePort, "0"),
        (Operator::DownstreamDirectRemoteAddress, "10.0.0.9:55555"),
        (
            Operator::DownstreamDirectRemoteAddressWithoutPort,
            "10.0.0.9",
        ),
        (Operator::DownstreamDirectRemotePort, "55555"),
        (Operator::UpstreamRemoteAddressWithoutPort, "10.1.2.3"),
        (Operator::UpstreamRemotePort, "80"),
        (Operator::ResponseFlagsLong, "-"),
        (Operator::TraceId, "-"),
        (Operator::DownstreamLocalAddress, "[::1]:8080"),
        (Operator::DownstreamLocalAddressWithoutPort, "::1"),
        (Operator::DownstreamLocalPort, "8080"),
        (Operator::RouteName, "httpbin"),
        (Operator::ConnectionId, "7"),
        (Operator::LocalReplyBody, "-"),
        (Operator::Absent("DOWNSTREAM_TLS_VERSION".into()), "-"),
        (Operator::ResponseHeader(FieldName::Status, None), "201"),
        (Operator::ResponseTrailer(field("grpc-status"), None), "-"),
    ] {
        let name = format!("{operator:?}");
        assert_eq!(logged(operator), expected, "{name}");
    }
}

#[test]
fn a_value_is_cut_to_its_length() {
    let exchange = Exchange::new();
    let mut out = Vec::new();
    let agent = Operator::RequestHeader(field("user-agent"), None);
    let format = Format(Box::new([
        Piece::Operator(agent, Some(4)),
        Piece::Text("|".into()),
        Piece::Operator(Operator::BytesSent, Some(2)),
        Piece::Text("|".into()),
        Piece::Operator(Operator::ResponseCode, Some(9)),
    ]));
    write(&format, &exchange.facts(), Unknown::Dash, &mut out);
    assert_eq!(out, b"curl|12|201");
}

#[test]
fn nothing_is_known_of_what_is_not_over() {
    let exchange = Exchange::new();
    let mut facts = exchange.facts();
    facts.clock = Clock::started(std::time::Instant::now());
    facts.response = ResponseFacts::default();
    for operator in [
        Operator::Duration,
        Operator::ResponseDuration,
        Operator::ResponseCodeDetails,
    ] {
        assert_eq!(facts.of(&operator), None, "{operator:?}");
    }
    assert_eq!(facts.of(&Operator::ResponseCode), Some(Fact::Number(0)));
}

#[test]
fn a_header_without_a_value_is_none() {
    let exchange = Exchange::new();
    let facts = exchange.facts();
    let absent = only(Operator::RequestHeader(field("x-absent"), None));
    assert_eq!(header_value(&absent, &facts), None);
    let mixed = Format(Box::new([
        Piece::Text("a=".into()),
        Piece::Operator(Operator::RequestHeader(field("x-absent"), None), None),
    ]));
    assert_eq!(header_value(&mixed, &facts).unwrap(), "a=");
}

#[test]
fn what_is_no_header_value_is_not_sent() {
    let exchange = Exchange::new();
    let facts = exchange.facts();
    let broken = Format(Box::new([Piece::Text("a\r\nset-cookie: b".into())]));
    assert_eq!(header_value(&broken, &facts), None);
    // Bytes beyond ASCII are a header's value like any other (RFC 9110 section 5.5).
    let odd = only(Operator::RequestHeader(field("x-odd"), None));
    assert_eq!(header_value(&odd, &facts).unwrap().as_bytes(), b"\xff\"");
}

#[test]
fn a_lone_operator_keeps_its_type() {
    let exchange = Exchange::new();
    let facts = exchange.facts();
    let code = only(Operator::ResponseCode);
    let number = single(&code, &facts).unwrap();
    assert_eq!(number.fact, Some(Fact::Number(201)));
    let address = only(Operator::UpstreamLocalAddress);
    let unknown = single(&address, &facts).unwrap();
    assert_eq!(unknown.fact, None);
    let mixed = Format(Box::new([
        Piece::Text("x".into()),
        Piece::Operator(Operator::ResponseCode, None),
    ]));
    assert!(single(&mixed, &facts).is_none());
}

#[test]
fn a_format_that_repeats_a_long_header_ends_somewhere() {
    let mut exchange = Exchange::new();
    let long = HeaderValue::from_str(&"x".repeat(50_000)).unwrap();
    exchange.request.insert("x-long", long);
    let again = Piece::Operator(Operator::RequestHeader(field("x-long"), None), None);
    let format = Format(vec![again; 10_000].into());
    let mut out = Vec::new();
    write(&format, &exchange.facts(), Unknown::Dash, &mut out);
    assert_eq!(out.len(), 300_000);
}

#[test]
fn what_a_client_sent_is_text_in_a_page() {
    let mut exchange = Exchange::new();
    let script = HeaderValue::from_static("\"><script>a('&')</script>");
    exchange.request.insert("user-agent", script);
    let page: Format = "<p>%REQ(user-agent)%</p>".parse().unwrap();
    let mut out = Vec::new();
    write_markup(&page, &exchange.facts(), &mut out);
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "<p>&#34;&gt;&lt;script&gt;a(&#39;&amp;&#39;)&lt;/script&gt;</p>"
    );
}
