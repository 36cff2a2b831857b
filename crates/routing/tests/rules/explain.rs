//! What is said of a request.

use std::sync::Arc;

use nuncio_config::{
    Format, HeaderAddition, InsecureAction, Mapping, Operator, Piece, Redirect, RedirectPath,
    RetryOn, RetryPolicy, SecurityModel,
};
use nuncio_routing::{
    Admission, Candidate, ClientVerification, Explanation, Forwarded, Outcome, Question, Snapshot,
    Verdict,
};

use crate::edge::{host, selector};
use crate::written::{compiled, mapping, module};

fn explained(snapshot: &Snapshot, method: &str, url: &str, headers: &[&str]) -> Explanation {
    let question = Question::parse(method, url, headers.iter().copied()).unwrap();
    snapshot.explain(&question)
}

fn asked(snapshot: &Snapshot, url: &str) -> Explanation {
    explained(snapshot, "GET", url, &[])
}

fn answers(explanation: &Explanation) -> Vec<(&str, u8)> {
    let answers = explanation.answers.iter();
    answers
        .map(|answer| (&*answer.mapping, answer.percent))
        .collect()
}

fn forwarded(explanation: &Explanation) -> &Forwarded {
    match &explanation.answers[0].outcome {
        Outcome::Forward(forwarded) => forwarded,
        Outcome::Redirect { .. } | Outcome::Probe => panic!("nothing is forwarded"),
    }
}

/// Name and verdict of every candidate.
fn verdicts(explanation: &Explanation) -> Vec<(&str, String)> {
    let verdict = |candidate: &Candidate| match &candidate.verdict {
        Verdict::Takes(percent) => format!("takes {percent}"),
        Verdict::NoShare => "no share".to_owned(),
        Verdict::TooLate => "too late".to_owned(),
        Verdict::Fails { condition, reason } => format!("{condition}: {reason}"),
    };
    explanation
        .candidates
        .iter()
        .map(|candidate| {
            (
                candidate.mapping.split_once('/').unwrap().1,
                verdict(candidate),
            )
        })
        .collect()
}

#[test]
fn the_winner_is_shown_with_what_happens_to_the_request() {
    let text = Format(
        [
            Piece::Text("v=".into()),
            Piece::Operator(Operator::Protocol, None),
        ]
        .into(),
    );
    let busy = |m: &mut Mapping| {
        m.request_headers.remove = Some(["x-gone".parse().unwrap()].into());
        m.request_headers.add = Some(
            [HeaderAddition {
                name: "x-new".parse().unwrap(),
                value: text,
                append: false,
            }]
            .into(),
        );
        m.retry_policy = Some(Box::new(RetryPolicy {
            on: RetryOn::GatewayError,
            num_retries: Some(2),
            per_try_timeout: None,
        }));
        m.auto_host_rewrite = true;
    };
    let snapshot = compiled([
        mapping("m", "/old/")
            .rewrite("/new/")
            .service("web:81")
            .with(busy),
        mapping("copy", "/old/")
            .service("copy")
            .weight(5)
            .with(|m| m.shadow = true),
    ]);
    let explanation = asked(&snapshot, "http://example.com/old/./a?b=1");
    assert_eq!(answers(&explanation), [("default/m", 100)]);
    assert_eq!(
        explanation.answers[0].at.as_deref(),
        Some("Service default/web, document 1, line 1")
    );
    let forwarded = forwarded(&explanation);
    assert_eq!(forwarded.target, "/new/a?b=1");
    assert_eq!(forwarded.host, "web");
    assert_eq!(forwarded.upstream.address, "web:81");
    assert_eq!(forwarded.remove_request_headers, ["x-gone"]);
    assert_eq!(
        forwarded.add_request_headers,
        ["x-new: v=%PROTOCOL% (replaces)"]
    );
    assert_eq!(forwarded.timeout_ms, Some(3_000));
    assert_eq!(forwarded.retries.as_deref(), Some("2 on gateway-error"));
    let shadow = forwarded.shadow.as_ref().unwrap();
    assert_eq!((shadow.percent, &*shadow.upstream.address), (5, "copy:80"));
}

#[test]
fn members_of_a_group_are_shown_with_their_shares() {
    let snapshot = compiled([
        mapping("a", "/").weight(20),
        mapping("b", "/").weight(30),
        mapping("none", "/").weight(0),
    ]);
    let explanation = asked(&snapshot, "/x");
    assert_eq!(
        answers(&explanation),
        [("default/a", 20), ("default/b", 30)]
    );
    assert_eq!(explanation.unanswered_percent, 50);
    assert_eq!(
        verdicts(&explanation),
        [
            ("a", "takes 20".to_owned()),
            ("b", "takes 30".to_owned()),
            ("none", "no share".to_owned())
        ]
    );
}

#[test]
fn every_candidate_tells_the_first_condition_that_failed() {
    let snapshot = compiled([
        mapping("host", "/a/").host("a.com"),
        mapping("method", "/a/").method("POST"),
        mapping("missing", "/a/").header("x-a", "1"),
        mapping("other", "/a/").header("x-b", "1"),
        mapping("slash", "/a/b/"),
        mapping("winner", "/a/"),
        mapping("late", "/"),
        mapping("elsewhere", "/z/"),
    ]);
    let explanation = explained(&snapshot, "GET", "http://a.com:80/a/b", &["X-B: 2"]);
    assert_eq!(answers(&explanation), [("default/winner", 100)]);
    let mut verdicts = verdicts(&explanation);
    verdicts.sort_unstable();
    let expected = [
        (
            "host",
            r#"host: "a.com:80" has a port, and "a.com" has none"#,
        ),
        ("late", "too late"),
        ("method", "method: GET is not POST"),
        ("missing", r#"header x-a: it is missing and must be "1""#),
        ("other", r#"header x-b: "2" is not "1""#),
        ("slash", r#"path: "/a/b" lacks the final slash of "/a/b/""#),
        ("winner", "takes 100"),
    ];
    assert_eq!(verdicts, expected.map(|(name, why)| (name, why.to_owned())));
    assert_eq!(explanation.others, 3, "one Mapping and two probes");
}

#[test]
fn candidates_are_in_the_order_in_which_they_are_tried() {
    let snapshot = compiled([mapping("short", "/"), mapping("long", "/a/b/")]);
    let explanation = asked(&snapshot, "/a/b/c");
    let ranks: Vec<_> = explanation.candidates.iter().map(|c| c.rank).collect();
    assert_eq!(ranks, [3, 4], "after the probes");
    assert_eq!(explanation.candidates[0].mapping, "default/long");
}

#[test]
fn a_request_that_nobody_takes_gets_404() {
    let explanation = asked(&compiled([mapping("m", "/a/")]), "/b");
    assert_eq!(answers(&explanation), []);
    assert_eq!(explanation.unanswered_percent, 100);
    assert!(explanation.to_string().contains("404: no Mapping takes it"));
}

#[test]
fn a_redirect_shows_its_location() {
    let away = mapping("m", "/a/").with(|m| {
        m.redirect = Some(Box::new(Redirect {
            host: "example.com".into(),
            path: RedirectPath::Prefix("/b/".into()),
            status: 308,
        }));
    });
    let explanation = asked(&compiled([away]), "https://x/a/c?d");
    assert_eq!(
        explanation.answers[0].outcome,
        Outcome::Redirect {
            status: 308,
            location: "https://example.com/b/c?d".to_owned()
        }
    );
}

#[test]
fn a_probe_is_the_gateways_own() {
    let explanation = asked(&compiled([]), "/ambassador/v0/check_ready");
    assert_eq!(explanation.answers[0].outcome, Outcome::Probe);
    assert_eq!(explanation.answers[0].at, None);
}

#[test]
fn a_path_that_is_refused_is_not_routed() {
    let module = module("{}").with_module(|m| {
        m.connections.reject_requests_with_escaped_slashes = Some(true);
    });
    let explanation = asked(&compiled([mapping("m", "/"), module]), "/a%00b");
    assert!(explanation.refused.is_some());
    assert_eq!(answers(&explanation), []);
    assert!(explanation.to_string().contains("400: "));
}

#[test]
fn what_is_said_is_bounded_and_the_winner_is_always_in_it() {
    let many = (0..500).map(|n| mapping(&n.to_string(), "/").header("x-n", &n.to_string()));
    let winner = mapping("winner", "/").precedence(-1);
    let snapshot = compiled(many.chain([winner]));
    let explanation = asked(&snapshot, "/");
    assert_eq!(explanation.candidates.len(), 33);
    assert_eq!(
        explanation.candidates.last().unwrap().mapping,
        "default/winner"
    );
    assert_eq!(explanation.others, 503 - 33);
}

#[test]
fn an_explanation_survives_json() {
    let snapshot = compiled([mapping("a", "/").weight(20), mapping("b", "/").host("x")]);
    let explanation = asked(&snapshot, "/");
    let json = serde_json::to_string(&explanation).unwrap();
    assert_eq!(
        serde_json::from_str::<Explanation>(&json).unwrap(),
        explanation
    );
}

#[test]
fn strangers_cannot_write_to_the_terminal() {
    let snapshot = compiled([mapping("m\u{1b}[31m\n", "/")]);
    let text = asked(&snapshot, "/").to_string();
    assert!(text.contains("default/m\\u{1b}[31m\\n"), "{text}");
    assert!(!text.contains('\u{1b}'));
}

#[test]
fn the_text_tells_the_same_for_people() {
    let snapshot = compiled([
        mapping("web", "/httpbin/").service("web:8080"),
        mapping("other", "/httpbin/").host("a.com"),
    ]);
    let text = asked(&snapshot, "http://localhost/httpbin/get?x=1").to_string();
    let expected = "\
GET http://localhost/httpbin/get?x=1

default/web (Service default/web, document 1, line 1)
  cluster     cluster_web_8080_default at web:8080, HTTP/1.1, round_robin
  path        /get?x=1
  host        localhost
  timeouts    3000 ms whole, 300000 ms idle, 3000 ms to connect

in the order in which they are tried:
     3  default/other (Service default/web, document 2, line 1): host a.com, prefix /httpbin/
        not taken: host: \"localhost\" is not \"a.com\"
     4  default/web (Service default/web, document 1, line 1): prefix /httpbin/
        takes it
and 2 others that are for something else
";
    assert_eq!(text, expected);
}

#[test]
fn the_host_says_whether_a_request_is_let_in() {
    let action = |action| move |h: &mut nuncio_config::Host| h.insecure = Some(action);
    let snapshot = compiled([
        host("a", "a.org").secret("a"),
        host("b", "b.org").with_host(action(InsecureAction::Reject)),
        host("c", "c.org").with_host(action(InsecureAction::Route)),
        mapping("m", "/"),
        mapping("acme", "/.well-known/acme-challenge/"),
        mapping("under", "/.well-known/acme-challenge/x/"),
    ]);
    let admission = |url| {
        let explanation = asked(&snapshot, url);
        (explanation.host.unwrap_or_default(), explanation.admission)
    };
    let of = |host: &str, admission| (host.to_owned(), admission);
    assert_eq!(
        admission("http://a.org/"),
        of("a.org", Admission::Redirected)
    );
    assert_eq!(admission("https://a.org/"), of("a.org", Admission::Served));
    assert_eq!(admission("http://b.org/"), of("b.org", Admission::Ignored));
    assert_eq!(admission("http://c.org/"), of("c.org", Admission::Served));
    assert_eq!(admission("http://d.org/"), of("", Admission::Unknown));
    let challenge = "http://a.org/.well-known/acme-challenge/x";
    assert_eq!(admission(challenge), of("a.org", Admission::Served));
    let another = "http://a.org/.well-known/acme-challenge/x/y";
    assert_eq!(admission(another), of("a.org", Admission::Redirected));
    assert_eq!(answers(&asked(&snapshot, "http://d.org/")), []);
    let text = asked(&snapshot, "http://a.org/").to_string();
    assert!(text.contains("301: Host a.org sends to https"), "{text}");
}

#[test]
fn nothing_is_secure_without_tls_where_clients_are_verified() {
    let mut snapshot = compiled([host("a", "a.org").secret("a"), mapping("m", "/")]);
    for (required, admission) in [(false, Admission::Served), (true, Admission::Redirected)] {
        let listening = Arc::make_mut(&mut snapshot.listening);
        let implied = listening.implied.as_mut().unwrap();
        Arc::make_mut(&mut implied.http).security = SecurityModel::Secure;
        Arc::make_mut(&mut listening.terminations[0]).clients =
            Some(Arc::new(ClientVerification {
                authorities: None,
                revocations: None,
                required,
            }));
        assert_eq!(asked(&snapshot, "http://a.org/").admission, admission);
        let secure = asked(&snapshot, "https://a.org/");
        assert_eq!(secure.admission, Admission::Served);
    }
}

#[test]
fn what_a_host_does_not_select_is_told() {
    let selecting = host("a", "*").with_host(|h| {
        h.insecure = Some(InsecureAction::Route);
        h.mapping_selector = Some(selector(["app=shop"]));
    });
    let snapshot = compiled([selecting, mapping("m", "/a/")]);
    let explanation = asked(&snapshot, "/a/");
    assert_eq!(answers(&explanation), []);
    let expected = ("m", "labels: the Host does not select it".to_owned());
    assert!(verdicts(&explanation).contains(&expected));
}
