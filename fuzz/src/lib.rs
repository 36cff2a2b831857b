//! Annotations and requests made of few words, so that Mappings collide and requests find them.
//!
//! Invariant: the same bytes make the same annotation and the same requests.

pub mod guarded;

use libfuzzer_sys::arbitrary::{Result, Unstructured};

/// The text of some Mappings, at times with a Module: mostly valid, of every kind of matcher.
pub fn annotation(bytes: &mut Unstructured<'_>) -> Result<String> {
    let mut text = String::new();
    for number in 0..bytes.int_in_range(1..=12)? {
        let version = bytes.choose(&[
            "ambassador/v0",
            "getambassador.io/v2",
            "getambassador.io/v3alpha1",
        ])?;
        text += &format!("---\napiVersion: {version}\nkind: Mapping\nname: m{number}\n");
        text += &format!("prefix: {}\n", bytes.choose(&PREFIXES)?);
        text += &format!("service: {}\n", bytes.choose(&SERVICES)?);
        for _ in 0..bytes.int_in_range(0..=4)? {
            text += bytes.choose(&LINES)?;
            text.push('\n');
        }
    }
    if bytes.ratio(1, 4)? {
        text += "---\napiVersion: getambassador.io/v2\nkind: Module\nname: ambassador\nconfig:\n";
        for _ in 0..bytes.int_in_range(1..=4)? {
            text += "  ";
            text += bytes.choose(&SETTINGS)?;
            text.push('\n');
        }
    }
    Ok(text)
}

/// One request.
#[derive(Debug)]
pub struct Asked {
    /// `GET`, …
    pub method: &'static str,
    /// With its port, if it has one.
    pub host: &'static str,
    /// Without its query.
    pub path: String,
    /// Without its `?`.
    pub query: Option<&'static str>,
    /// Names and values.
    pub headers: Vec<(&'static str, &'static str)>,
}

impl Asked {
    /// A request that Mappings of [`annotation`] may well be meant for.
    pub fn from(bytes: &mut Unstructured<'_>) -> Result<Self> {
        let mut path = String::from("/");
        for _ in 0..bytes.int_in_range(0..=4)? {
            path += bytes.choose(&PIECES)?;
        }
        let mut headers = Vec::new();
        for _ in 0..bytes.int_in_range(0..=3)? {
            headers.push((
                *bytes.choose(&["x-a", "x-b"])?,
                *bytes.choose(&["", "1", "12", "A"])?,
            ));
        }
        Ok(Self {
            method: bytes.choose(&["GET", "POST", "PUT", "get"])?,
            host: bytes.choose(&HOSTS)?,
            path,
            query: *bytes.choose(&[
                None,
                Some(""),
                Some("a=1"),
                Some("a"),
                Some("b=12&a=1"),
                Some("a=&a=1"),
            ])?,
            headers,
        })
    }
}

const PREFIXES: [&str; 14] = [
    "/",
    "/a",
    "/a/",
    "/a/b",
    "/a/b/",
    "/A",
    "/ab",
    "/b",
    "/a//",
    "/é",
    "\"/[a-z]+/\"",
    "\"/a.*\"",
    "\"/(a|b)/.*\"",
    "\"/.{0,3}\"",
];

const SERVICES: [&str; 6] = [
    "a",
    "b:8080",
    "https://c",
    "10.0.0.1",
    "\"[::1]:80\"",
    "d.e",
];

const LINES: [&str; 44] = [
    "prefix_regex: true",
    "prefix_exact: true",
    "case_sensitive: false",
    "method: GET",
    "method: \"G.T|P.*\"\nmethod_regex: true",
    "host: a.example",
    "host: A.example:80",
    "host: \"*.example\"",
    "host: \"a.*\"",
    "host: \"[ab]+\\\\.example\"\nhost_regex: true",
    "hostname: \"*\"",
    "hostname: b.example",
    "headers: {x-a: \"1\"}",
    "headers: {x-a: true, x-b: \"12\"}",
    "headers: {\":authority\": a.example}",
    "regex_headers: {x-a: \"1.?\"}",
    "regex_headers: {x-b: \"[A-Z]+\"}",
    "query_parameters: {a: \"1\"}",
    "query_parameters: {a: true}",
    "regex_query_parameters: {b: \"1.\"}",
    "precedence: 1",
    "precedence: -1",
    "weight: 0",
    "weight: 10",
    "weight: 50",
    "weight: 100",
    "weight: 101",
    "shadow: true",
    "host_redirect: true",
    "host_redirect: true\npath_redirect: /r",
    "rewrite: \"\"",
    "rewrite: /r/",
    "regex_rewrite: {pattern: \"/(.*)\", substitution: '/r/\\1'}",
    "grpc: true",
    "timeout_ms: 1",
    "retry_policy: {retry_on: 5xx}",
    "circuit_breakers: [{max_requests: 1}]",
    "load_balancer: {policy: ring_hash, header: x-a}",
    "cors: {origins: \"*\"}",
    "add_request_headers: {x-c: \"%PROTOCOL%\"}",
    "remove_response_headers: [x-d]",
    "cluster_tag: t",
    "add_linkerd_headers: true",
    "ambassador_id: other",
];

const SETTINGS: [&str; 10] = [
    "server_name: s",
    "merge_slashes: true",
    "reject_requests_with_escaped_slashes: true",
    "cluster_request_timeout_ms: 0",
    "defaults: {add_request_headers: {x-e: f}}",
    "liveness_probe: {enabled: false}",
    "strip_matching_host_port: true",
    "load_balancer: {policy: least_request}",
    "ip_deny: [{peer: 10.0.0.0/8}]",
    "use_ambassador_namespace_for_service_resolution: true",
];

const PIECES: [&str; 10] = ["a", "b", "A", "/", "a/", "ab/", "é", "c", "//", "."];

const HOSTS: [&str; 8] = [
    "a.example",
    "A.Example",
    "a.example:80",
    "b.example",
    "c.a.example",
    "a.other",
    "",
    "[::1]:80",
];
