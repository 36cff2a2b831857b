//! Attributes of members and of groups.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use nuncio_config::{
    CircuitBreaker, Cors, DomainLabels, ErrorResponseOverride, Format, HeaderAddition, Keepalive,
    LoadBalancer, Mapping, OverrideBody, PathMatch, Pattern, Piece, Priority, RetryOn, RetryPolicy,
    Rewrite, Substitution,
};
use nuncio_routing::{Action, Forward, HostRewrite, Retry, Route, Snapshot};

use crate::requests::get;
use crate::written::{Written, compiled, compiled_in, complaints, mapping, module};

/// The Routes of Mappings, in the order of trying.
fn routes(snapshot: &Snapshot) -> Vec<&Route> {
    let routes = snapshot.routes.iter().map(|route| &**route);
    routes.filter(|route| route.at.is_some()).collect()
}

fn forwards(snapshot: &Snapshot) -> Vec<&Forward> {
    routes(snapshot).into_iter().map(forward).collect()
}

fn forward(route: &Route) -> &Forward {
    match &route.action {
        Action::Forward(forward) => forward,
        Action::Redirect(_) | Action::Probe(_) => panic!("{} forwards nothing", route.mapping),
    }
}

fn adds(name: &'static str, value: &str) -> HeaderAddition {
    HeaderAddition {
        name: HeaderName::from_static(name),
        value: Format([Piece::Text(value.into())].into()),
        append: true,
    }
}

fn added(additions: &[HeaderAddition]) -> Vec<(&str, &str)> {
    let text = |addition: &HeaderAddition| match &addition.value.0[..] {
        [Piece::Text(text)] => Some(text.len()),
        _ => None,
    };
    additions
        .iter()
        .filter(|addition| text(addition).is_some())
        .map(|addition| match &addition.value.0[0] {
            Piece::Text(text) => (addition.name.as_str(), &**text),
            Piece::Operator(..) => panic!("no text"),
        })
        .collect()
}

const STOPS_AT_TWO: CircuitBreaker = CircuitBreaker {
    priority: None,
    max_connections: Some(2),
    max_pending_requests: None,
    max_requests: None,
    max_retries: None,
};

const ON_5XX: RetryPolicy = RetryPolicy {
    on: RetryOn::FiveXx,
    num_retries: None,
    per_try_timeout: None,
};

fn labels() -> Box<[DomainLabels]> {
    let domain = DomainLabels {
        domain: "ambassador".into(),
        groups: [].into(),
    };
    [domain].into()
}

type Change = fn(&mut Mapping);

/// What belongs to a group, and a way to say something about it.
const OF_THE_GROUP: [(&str, Change); 8] = [
    ("bypass_auth", |m| m.bypass_auth = true),
    ("circuit_breakers", |m| {
        m.cluster.circuit_breakers = Some([STOPS_AT_TWO].into());
    }),
    ("cluster_idle_timeout_ms", |m| {
        m.cluster.cluster_idle_timeout = Some(Duration::from_secs(1));
    }),
    ("cluster_max_connection_lifetime_ms", |m| {
        m.cluster.cluster_max_connection_lifetime = Some(Duration::from_secs(1));
    }),
    ("connect_timeout_ms", |m| {
        m.cluster.connect_timeout = Some(Duration::from_secs(1));
    }),
    ("keepalive", |m| {
        m.cluster.keepalive = Some(Keepalive::default());
    }),
    ("labels", |m| m.labels = labels()),
    ("load_balancer", |m| {
        m.cluster.load_balancer = Some(LoadBalancer::LeastRequest);
    }),
];

#[test]
fn a_later_mapping_that_differs_in_what_belongs_to_the_group_is_an_error() {
    for (attribute, change) in OF_THE_GROUP {
        let snapshot = compiled([mapping("first", "/"), mapping("later", "/").with(change)]);
        assert_eq!(get("/").takers(&snapshot), [("first", 100)], "{attribute}");
        assert_eq!(
            complaints(&snapshot),
            [format!(
                "error: Mapping later: differs in {attribute} from Mapping first at Service \
                 default/web, document 1, line 1, which matches the same requests: these must be \
                 the same for all Mappings of a group"
            )]
        );
    }
}

#[test]
fn a_later_mapping_that_says_the_same_or_nothing_is_welcome() {
    for (attribute, change) in OF_THE_GROUP {
        let snapshot = compiled([
            mapping("first", "/").with(change),
            mapping("same", "/").with(change),
            mapping("silent", "/"),
        ]);
        assert_eq!(complaints(&snapshot), [""; 0], "{attribute}");
        assert_eq!(get("/").takers(&snapshot).len(), 3, "{attribute}");
    }
}

#[test]
fn all_attributes_that_differ_are_named_at_once() {
    let everything = OF_THE_GROUP
        .into_iter()
        .fold(mapping("later", "/"), |later, (_, change)| {
            later.with(change)
        });
    let names: Vec<_> = OF_THE_GROUP.iter().map(|(name, _)| *name).collect();
    let snapshot = compiled([mapping("first", "/"), everything]);
    let expected = format!("differs in {} from", names.join(", "));
    assert!(complaints(&snapshot)[0].contains(&expected));
}

#[test]
fn a_group_has_one_kind_of_path() {
    let exact = |m: &mut Mapping| m.path = PathMatch::Exact("/a".parse().unwrap());
    let regex = |m: &mut Mapping| m.path = PathMatch::Regex(Pattern::parse("/a").unwrap());
    let kinds: [(&str, Written); 2] = [
        ("prefix_exact", mapping("later", "/a").with(exact)),
        ("prefix_regex", mapping("later", "/a").with(regex)),
    ];
    for (attribute, later) in kinds {
        let snapshot = compiled([mapping("first", "/a"), later]);
        assert_eq!(get("/a").takers(&snapshot), [("first", 100)]);
        let complaint = &complaints(&snapshot)[0];
        let start = format!("error: Mapping later: differs in {attribute} from Mapping first at ");
        assert!(complaint.starts_with(&start), "{complaint}");
    }
}

#[test]
fn a_mapping_that_was_refused_leaves_its_weight_to_the_others() {
    let snapshot = compiled([
        mapping("first", "/"),
        mapping("second", "/"),
        mapping("refused", "/")
            .weight(90)
            .with(|m| m.bypass_auth = true),
    ]);
    assert_eq!(get("/").takers(&snapshot), [("first", 50), ("second", 50)]);
}

#[test]
fn every_member_keeps_what_is_its_own() {
    let snapshot = compiled([
        mapping("a", "/").service("a").weight(50).with(|m| {
            m.rewrite = Rewrite::Prefix("/a/".into());
            m.host_rewrite = Some(Box::new(HeaderValue::from_static("a")));
            m.timeout = Some(Duration::from_secs(1));
            m.idle_timeout = Some(Duration::from_secs(2));
        }),
        mapping("b", "/").service("b").with(|m| {
            m.auto_host_rewrite = true;
            m.timeout = Some(Duration::ZERO);
            m.idle_timeout = Some(Duration::ZERO);
        }),
    ]);
    let [a, b] = forwards(&snapshot)[..] else {
        panic!("two Mappings")
    };
    assert_eq!(a.rewrite, Rewrite::Prefix("/a/".into()));
    assert_eq!(b.rewrite, Rewrite::Prefix("/".into()));
    assert_eq!(
        a.host,
        HostRewrite::To(Box::new(HeaderValue::from_static("a")))
    );
    assert_eq!(b.host, HostRewrite::Upstream);
    assert_eq!(a.timeout, Some(Duration::from_secs(1)));
    assert_eq!(b.timeout, None);
    assert_eq!(a.idle_timeout, Some(Duration::from_secs(2)));
    assert_eq!(b.idle_timeout, None);
    assert_ne!(a.cluster, b.cluster);
}

#[test]
fn what_a_later_member_says_of_the_group_replaces_what_an_earlier_one_said() {
    let substitution = |to: &str| Some(Box::new(Substitution::parse("a", to).unwrap()));
    let snapshot = compiled([
        mapping("a", "/").with(|m| {
            m.regex_rewrite = substitution("first");
            m.priority = Priority::High;
            m.cors = Some(Box::new(Cors::default()));
            m.retry_policy = Some(Box::new(ON_5XX));
            m.allow_upgrade = ["websocket".into()].into();
            m.request_headers.remove = Some([HeaderName::from_static("x-first")].into());
            m.response_headers.remove = Some([HeaderName::from_static("x-first")].into());
        }),
        mapping("b", "/").with(|m| {
            m.regex_rewrite = substitution("second");
            m.retry_policy = Some(Box::new(RetryPolicy {
                on: RetryOn::Retriable4xx,
                num_retries: Some(7),
                per_try_timeout: Some(Duration::from_secs(1)),
            }));
            m.request_headers.remove = Some([HeaderName::from_static("x-second")].into());
        }),
        mapping("c", "/"),
    ]);
    for route in routes(&snapshot) {
        let forward = forward(route);
        assert_eq!(forward.regex_rewrite, substitution("second"));
        assert_eq!(forward.priority, Priority::High);
        assert_eq!(*forward.upgrades, ["websocket".into()]);
        let retry = Retry {
            on: RetryOn::Retriable4xx,
            num_retries: 7,
            per_try_timeout: Some(Duration::from_secs(1)),
        };
        assert_eq!(forward.retry, Some(retry));
        assert_eq!(*forward.request_headers.remove, ["x-second"]);
        assert_eq!(*route.response.headers.remove, ["x-first"]);
        assert!(route.response.cors.is_some());
    }
}

#[test]
fn headers_to_be_added_are_merged_over_the_group_and_the_last_of_a_name_counts() {
    let snapshot = compiled([
        mapping("a", "/").with(|m| {
            m.request_headers.add = Some([adds("x-a", "1"), adds("x-both", "a")].into());
            m.response_headers.add = Some([adds("x-a", "1")].into());
        }),
        mapping("b", "/").with(|m| {
            m.request_headers.add = Some([adds("x-both", "b"), adds("x-b", "2")].into());
        }),
    ]);
    for route in routes(&snapshot) {
        assert_eq!(
            added(&forward(route).request_headers.add),
            [("x-a", "1"), ("x-both", "b"), ("x-b", "2")]
        );
        assert_eq!(added(&route.response.headers.add), [("x-a", "1")]);
    }
}

#[test]
fn the_modules_default_headers_are_those_of_mappings_that_say_nothing() {
    let module = || {
        module("{}").with_module(|m| {
            m.defaults.add_request_headers = Some([adds("x-d", "d"), adds("x-both", "d")].into());
            m.defaults.remove_response_headers = Some([HeaderName::from_static("x-gone")].into());
        })
    };
    let own = || {
        mapping("own", "/own/").with(|m| m.request_headers.add = Some([adds("x-both", "o")].into()))
    };
    let snapshot = compiled([mapping("silent", "/silent/"), own(), module()]);
    let of = |path| forward(get(path).route(&snapshot).unwrap());
    assert_eq!(
        added(&of("/silent/").request_headers.add),
        [("x-d", "d"), ("x-both", "d")]
    );
    assert_eq!(added(&of("/own/").request_headers.add), [("x-both", "o")]);
    let removed = &get("/own/")
        .route(&snapshot)
        .unwrap()
        .response
        .headers
        .remove;
    assert_eq!(**removed, ["x-gone"]);

    let group = compiled([
        own(),
        own().with(|m| m.request_headers.add = None).named("other"),
        module(),
    ]);
    assert_eq!(
        added(&forwards(&group)[0].request_headers.add),
        [("x-d", "d"), ("x-both", "o")],
        "what a member says goes before the Module"
    );
}

#[test]
fn a_mapping_without_a_word_of_its_own_has_the_modules_policies() {
    let cors = |origin: &str| Cors {
        origins: [origin.into()].into(),
        ..Cors::default()
    };
    let answer = |status| ErrorResponseOverride {
        status,
        body: OverrideBody::Text(Format::default()),
        content_type: HeaderValue::from_static("text/plain"),
    };
    let module = module("{}").with_module(|m| {
        m.cors = Some(cors("module"));
        m.retry_policy = Some(ON_5XX);
        m.error_response_overrides = Some([answer(404), answer(503), answer(404)].into());
    });
    let snapshot = compiled([
        mapping("silent", "/silent/"),
        mapping("own", "/own/").with(|m| {
            m.cors = Some(Box::new(cors("own")));
            m.retry_policy = Some(Box::new(RetryPolicy {
                on: RetryOn::GatewayError,
                ..ON_5XX
            }));
            m.error_response_overrides = Some([answer(500)].into());
        }),
        mapping("bypass", "/bypass/").with(|m| m.bypass_error_response_overrides = true),
        module,
    ]);
    let origin = |path| {
        let response = &get(path).route(&snapshot).unwrap().response;
        response.cors.as_ref().unwrap().origins[0].to_string()
    };
    let on = |path| forward(get(path).route(&snapshot).unwrap()).retry.unwrap();
    let statuses = |path| {
        let response = &get(path).route(&snapshot).unwrap().response;
        let overrides = response.error_overrides.iter();
        overrides.map(|own| own.status).collect::<Vec<_>>()
    };
    assert_eq!(origin("/silent/"), "module");
    assert_eq!(origin("/own/"), "own");
    assert_eq!(
        (on("/silent/").on, on("/silent/").num_retries),
        (RetryOn::FiveXx, 1)
    );
    assert_eq!(on("/own/").on, RetryOn::GatewayError);
    assert_eq!(statuses("/silent/"), [404, 503]);
    assert_eq!(statuses("/own/"), [500], "the Module's are replaced");
    assert_eq!(statuses("/bypass/"), [0; 0]);
}

#[test]
fn without_a_word_from_anybody_envoys_defaults_hold() {
    let snapshot = compiled([mapping("m", "/")]);
    let forward = forwards(&snapshot)[0];
    assert_eq!(forward.timeout, Some(Duration::from_secs(3)));
    assert_eq!(forward.idle_timeout, Some(Duration::from_secs(300)));
    assert_eq!(forward.retry, None);
    assert_eq!(forward.priority, Priority::Default);
    assert_eq!(forward.host, HostRewrite::Keep);
}

#[test]
fn linkerd_is_told_the_service_as_the_gateway_sees_it() {
    let linkerd = |service: &str, own, of_module| {
        let module = module("{}").with_module(|m| m.add_linkerd_headers = of_module);
        let mapping = mapping("m", "/").service(service);
        let mapping = mapping.with(|m| m.add_linkerd_headers = own);
        let snapshot = compiled_in("ambassador", [mapping, module]);
        let additions = &forwards(&snapshot)[0].request_headers.add;
        added(additions).first().map(|(name, value)| {
            assert_eq!(*name, "l5d-dst-override");
            (*value).to_owned()
        })
    };
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(linkerd("web", Some(true), None), told("web.default:80"));
    assert_eq!(
        linkerd("https://web.x", None, Some(true)),
        told("web.x:443")
    );
    assert_eq!(linkerd("web", Some(false), Some(true)), None);
    assert_eq!(linkerd("web", None, None), None);
}

#[test]
fn a_pattern_is_not_rewritten() {
    let regex = |m: &mut Mapping| m.path = PathMatch::Regex(Pattern::parse("/a/[0-9]+").unwrap());
    let snapshot = compiled([mapping("m", "/").with(regex)]);
    assert_eq!(forwards(&snapshot)[0].rewrite, Rewrite::Untouched);
    assert_eq!(complaints(&snapshot), [""; 0]);
    let snapshot = compiled([mapping("m", "/").rewrite("/b/").with(regex)]);
    assert_eq!(forwards(&snapshot)[0].rewrite, Rewrite::Untouched);
}

#[test]
fn who_repeats_the_breakers_of_the_module_says_nothing_new() {
    let breakers = || Some([STOPS_AT_TWO].into());
    let snapshot = compiled([
        module("{}").with_module(|m| m.circuit_breakers = breakers()),
        mapping("first", "/a/"),
        mapping("later", "/a/").with(|m| m.cluster.circuit_breakers = breakers()),
    ]);
    assert!(
        complaints(&snapshot).is_empty(),
        "{:?}",
        complaints(&snapshot)
    );
    assert_eq!(get("/a/").takers(&snapshot), [("first", 50), ("later", 50)]);
}
