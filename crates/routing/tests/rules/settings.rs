//! The Module `ambassador`.

use std::time::Duration;

use nuncio_config::{InternalMapping, Mapping, PathMatch, Pattern};
use nuncio_routing::{Action, HeaderCase, Settings, Snapshot};

use crate::requests::get;
use crate::written::{Written, compiled, compiled_in, complaints, exact, mapping, module};

fn timeout(snapshot: &Snapshot) -> Option<Duration> {
    match &get("/").route(snapshot).unwrap().action {
        Action::Forward(forward) => forward.timeout,
        Action::Redirect(_) | Action::Probe(_) => panic!("a probe"),
    }
}

fn named(name: &'static str) -> Written {
    module("{}").with_module(|m| m.server_name = Some(http::HeaderValue::from_static(name)))
}

#[test]
fn without_a_module_the_defaults_hold() {
    let settings = &*compiled([]).settings;
    assert_eq!(*settings, Settings::default());
    assert_eq!(
        settings.cluster_request_timeout,
        Some(Duration::from_millis(3_000))
    );
    assert_eq!(settings.server_name, "envoy");
    assert!(!settings.suppress_envoy_headers);
    assert!(settings.liveness_probe && settings.readiness_probe);
}

#[test]
fn the_timeout_comes_from_the_mapping_then_the_module_then_the_default() {
    let second = || module("{cluster_request_timeout_ms: 1000}");
    let mapping = || mapping("m", "/");
    assert_eq!(
        timeout(&compiled([mapping()])),
        Some(Duration::from_secs(3))
    );
    assert_eq!(
        timeout(&compiled([mapping(), second()])),
        Some(Duration::from_secs(1))
    );
    let own = mapping().timeout_ms(5);
    assert_eq!(
        timeout(&compiled([own, second()])),
        Some(Duration::from_millis(5))
    );
}

#[test]
fn a_timeout_of_zero_is_no_timeout() {
    assert_eq!(timeout(&compiled([mapping("m", "/").timeout_ms(0)])), None);
    let module = module("{cluster_request_timeout_ms: 0}");
    assert_eq!(timeout(&compiled([mapping("m", "/"), module])), None);
}

#[test]
fn of_several_modules_the_one_in_the_gateways_namespace_counts() {
    let snapshot = compiled_in(
        "edge",
        [
            named("a").namespace("a"),
            named("edge").namespace("edge"),
            named("z").namespace("z"),
        ],
    );
    assert_eq!(snapshot.settings.server_name, "edge");
    let ignored = "error: Module ambassador: ignored: the Module at Service default/web, document \
                   2, line 1 counts";
    assert_eq!(complaints(&snapshot), [ignored; 2]);
}

#[test]
fn of_several_modules_in_one_namespace_the_later_counts() {
    let snapshot = compiled([named("first"), named("second")]);
    assert_eq!(snapshot.settings.server_name, "second");
    assert_eq!(complaints(&snapshot).len(), 1);
}

#[test]
fn diagnostics_on_the_data_port_are_refused_aloud() {
    let enabled = |enabled| {
        module("{}").with_module(|m| {
            let prefix = None;
            m.diagnostics = Some(InternalMapping { enabled, prefix });
        })
    };
    assert_eq!(
        complaints(&compiled([enabled(Some(true))])),
        [
            "warning: Module ambassador: diagnostics: the pages are on the admin port only, never \
             on the ports of requests"
        ]
    );
    assert_eq!(complaints(&compiled([enabled(Some(false))])), [""; 0]);
    assert_eq!(complaints(&compiled([enabled(None)])), [""; 0]);
}

#[test]
fn two_ways_to_spell_headers_are_one_too_many() {
    let snapshot = compiled([module("{}").with_module(|m| {
        m.connections.proper_case = Some(true);
        m.connections.header_case_overrides = Some(["X-My".into()].into());
    })]);
    let overrides = HeaderCase::Overrides(["X-My".into()].into());
    assert_eq!(snapshot.settings.connections.header_case, overrides);
    assert_eq!(
        complaints(&snapshot),
        ["warning: Module ambassador: proper_case has no effect beside header_case_overrides"]
    );
}

#[test]
fn a_pattern_larger_than_the_module_allows_is_an_error() {
    let large = |m: &mut Mapping| {
        m.path = PathMatch::Regex(Pattern::parse("/(alpha|beta|gamma){9}").unwrap());
    };
    let limited = |size| module("{}").with_module(|m| m.regex_max_size = size);
    let mapping = || mapping("m", "/").with(large);
    let refused = compiled([mapping(), limited(Some(100))]);
    assert_eq!(refused.clusters.len(), 0);
    let complaint = &complaints(&refused)[0];
    let start = "error: Mapping m: prefix_regex \"/(alpha|beta|gamma){9}\" is too large: it has ";
    assert!(complaint.starts_with(start), "{complaint}");
    for size in [None, Some(1_000)] {
        assert_eq!(complaints(&compiled([mapping(), limited(size)])), [""; 0]);
    }
}

#[test]
fn a_prefix_that_no_path_is_spelled_like_is_an_error() {
    let errors = |config: &str, prefix: &str| {
        complaints(&compiled([module(config), mapping("m", prefix)])).len()
            + complaints(&compiled([module(config), exact("m", prefix)])).len()
    };
    for prefix in [
        "/a/../b", "/a/./b/", "/%7Euser", r"/a\b", "/a%00b", "/..;x/",
    ] {
        assert_eq!(errors("{}", prefix), 2, "{prefix}");
    }
    for prefix in [
        "/a//b", "/a%2fb", "/a%2Fb/", "/a..", "/%C3%A9/", "/~user", "/100%",
    ] {
        assert_eq!(errors("{}", prefix), 0, "{prefix}");
    }
    assert_eq!(errors("{merge_slashes: true}", "/a//b"), 2);
    let refuses = "{reject_requests_with_escaped_slashes: true}";
    assert_eq!(errors(refuses, "/a%2Fb"), 2);
    // What begins like a dot segment may go on as a name.
    assert_eq!(complaints(&compiled([mapping("m", "/a/.")])), [""; 0]);
    assert_eq!(
        complaints(&compiled([mapping("m", "/%7Euser/")])),
        [
            r#"error: Mapping m: prefix "/%7Euser/" can never match: such paths are read as "/~user/""#
        ]
    );
}
