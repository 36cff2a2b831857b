//! Random tables against a model that knows no index.
//!
//! The model is written from the rules alone: Mappings are grouped by comparing texts, sorted by a
//! key of texts and numbers, given cumulative weights, and tried one after the other.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use http::Method;
use nuncio_config::Identity;
use nuncio_routing::{Draw, compile};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::requests::{Request, get};
use crate::written::{Written, mapping, numbered};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_048))]

    #[test]
    fn find_agrees_with_the_model_for_every_draw(
        rules in prop::collection::vec(rule(), 0..12),
        requests in prop::collection::vec(request(), 1..4),
    ) {
        let table = tried(&rules);
        let snapshot = compile(&numbered(written(&rules)), [], &Identity::default(), 1);
        for request in &requests {
            for (draw, drawn) in Draw::all().zip(0..) {
                let found = snapshot.routes.find(&request.head(), draw);
                let expected = table.iter().find(|tried| tried.takes(request, drawn));
                let expected = expected.map(|tried| tried.rule.to_string());
                prop_assert_eq!(found.map(|route| route.mapping.name.to_string()), expected);
            }
        }
    }

    #[test]
    fn find_is_the_first_route_that_matches(
        rules in prop::collection::vec(rule(), 0..40),
        request in request(),
        random in any::<u64>(),
    ) {
        let snapshot = compile(&numbered(written(&rules)), [], &Identity::default(), 1);
        let (head, draw) = (request.head(), Draw::from_random(random));
        let scanned = snapshot.routes.iter().find(|route| route.matches(&head, draw));
        prop_assert_eq!(snapshot.routes.find(&head, draw), scanned);
    }

    #[test]
    fn explanations_name_who_answers_for_every_draw(
        rules in prop::collection::vec(rule(), 0..12),
        request in request(),
    ) {
        let snapshot = compile(&numbered(written(&rules)), [], &Identity::default(), 1);
        let explanation = snapshot.explain(&request.question());
        for draw in Draw::all() {
            let found = snapshot.routes.find(&request.head(), draw);
            let found = found.map(|route| route.mapping.to_string());
            let told = explanation.answer(draw).map(|answer| answer.mapping.clone());
            prop_assert_eq!(told, found);
        }
    }

    #[test]
    fn the_order_of_the_input_does_not_matter(
        rules in prop::collection::vec(rule(), 0..12),
        swaps in prop::collection::vec(any::<(Index, Index)>(), 0..12),
        same_names in any::<bool>(),
    ) {
        let mut resources = numbered(written(&rules));
        if same_names {
            resources.iter_mut().for_each(|resource| resource.name = "m".into());
        }
        let in_order = compile(&resources, [], &Identity::default(), 1);
        for (a, b) in swaps {
            if !resources.is_empty() {
                let (a, b) = (a.index(resources.len()), b.index(resources.len()));
                resources.swap(a, b);
            }
        }
        prop_assert_eq!(compile(&resources, [], &Identity::default(), 1), in_order);
    }
}

#[derive(Clone, Debug)]
struct Rule {
    prefix: String,
    host: String,
    method: Option<&'static str>,
    /// No value = any.
    headers: BTreeMap<&'static str, Option<&'static str>>,
    precedence: i64,
    weight: Option<i64>,
}

/// The nth Mapping is named by its number.
fn written(rules: &[Rule]) -> impl Iterator<Item = Written> {
    rules.iter().enumerate().map(|(number, rule)| {
        let mut mapping = mapping(&number.to_string(), &rule.prefix).precedence(rule.precedence);
        mapping = mapping.host(&rule.host);
        mapping = rule.method.into_iter().fold(mapping, Written::method);
        mapping = rule.weight.into_iter().fold(mapping, Written::weight);
        rule.headers
            .iter()
            .fold(mapping, |mapping, (name, value)| match value {
                Some(value) => mapping.header(name, value),
                None => mapping.has_header(name),
            })
    })
}

/// A rule in the order of trying, with its cumulative percentage.
struct Tried<'r> {
    rule: usize,
    wanted: &'r Rule,
    below: i64,
}

impl Tried<'_> {
    fn takes(&self, request: &Request, drawn: i64) -> bool {
        let Rule {
            prefix,
            host,
            method,
            headers,
            ..
        } = self.wanted;
        let sent = |name: &str| {
            request
                .headers
                .get(name)
                .map(|value| value.to_str().unwrap())
        };
        drawn < self.below
            && request.path.starts_with(prefix.as_str())
            && glob(&host.to_lowercase(), &request.host.to_lowercase())
            && method.is_none_or(|method| method == request.method.as_str())
            && headers.iter().all(|(name, value)| match value {
                Some(value) => sent(name) == Some(value),
                None => sent(name).is_some(),
            })
    }
}

fn glob(pattern: &str, host: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => host.ends_with(suffix),
        (None, Some(prefix)) => host.starts_with(prefix),
        (None, None) => host == pattern,
    }
}

fn tried(rules: &[Rule]) -> Vec<Tried<'_>> {
    let mut groups = Vec::<(&Rule, Vec<usize>)>::new();
    for (number, rule) in rules.iter().enumerate() {
        match groups
            .iter_mut()
            .find(|(first, _)| belong_together(first, rule))
        {
            Some((_, members)) => members.push(number),
            None => groups.push((rule, vec![number])),
        }
    }
    groups.reverse();
    groups.sort_by_key(|(rule, _)| Reverse(key(rule)));
    groups
        .iter()
        .flat_map(|(_, members)| shared(members, rules))
        .collect()
}

fn belong_together(a: &Rule, b: &Rule) -> bool {
    let matching = |rule: &Rule| {
        let Rule {
            prefix,
            host,
            method,
            headers,
            precedence,
            ..
        } = rule.clone();
        (prefix, host.to_lowercase(), method, headers, precedence)
    };
    matching(a) == matching(b)
}

fn key(rule: &Rule) -> (i64, usize, usize, String, Vec<String>) {
    let host = rule.host.to_lowercase();
    let mut headers: Vec<(&str, &str)> = rule
        .headers
        .iter()
        .map(|(name, value)| (*name, value.unwrap_or("*")))
        .collect();
    headers.push((":authority", &host));
    headers.extend(rule.method.map(|method| (":method", method)));
    let sum = headers
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    let keys = headers
        .iter()
        .map(|(name, value)| format!("{name}-{value}"))
        .collect();
    (
        rule.precedence,
        rule.prefix.len(),
        sum,
        rule.prefix.clone(),
        keys,
    )
}

fn shared<'r>(members: &[usize], rules: &'r [Rule]) -> Vec<Tried<'r>> {
    let member = |rule: usize, below: i64| Tried {
        rule,
        wanted: &rules[rule],
        below,
    };
    if let [only] = members {
        return vec![member(*only, 100)];
    }
    let (weighted, others): (Vec<usize>, Vec<usize>) = members
        .iter()
        .partition(|rule| rules[**rule].weight.is_some());
    let mut total = 0;
    let mut split = Vec::new();
    for rule in weighted {
        total += rules[rule].weight.unwrap().min(100);
        split.push(member(rule, total.min(100)));
    }
    total = total.min(100);
    let each = (f64::from(100 - total as i32) / others.len() as f64).round_ties_even() as i64;
    for rule in &others {
        total = if Some(rule) == others.last() {
            100
        } else {
            total + each
        };
        split.push(member(*rule, total));
    }
    split
}

/// Few values, so that Mappings overlap, hide one another and form groups.
fn rule() -> impl Strategy<Value = Rule> {
    let hosts = &[
        "*", "*", "a.com", "A.com", "b.a.com", "*.a.com", "*a.com", "a.*", "b*",
    ];
    let headers = prop::collection::btree_map(
        select(&["x-a", "x-b"]),
        select(&[None, Some("1"), Some("22")]),
        0..3,
    );
    let weights = select(&[
        None,
        None,
        Some(0),
        Some(10),
        Some(50),
        Some(60),
        Some(100),
        Some(150),
    ]);
    let methods = select(&[None, None, Some("GET"), Some("POST")]);
    let precedence = select(&[0, 0, 0, 1, -1]);
    (
        "/[ab/]{0,3}",
        select(hosts),
        methods,
        headers,
        precedence,
        weights,
    )
        .prop_map(|(prefix, host, method, headers, precedence, weight)| {
            let host = host.to_owned();
            Rule {
                prefix,
                host,
                method,
                headers,
                precedence,
                weight,
            }
        })
}

fn request() -> impl Strategy<Value = Request> {
    let hosts = &[
        "a.com",
        "A.COM",
        "b.a.com",
        "x.b.a.com",
        "a.com:80",
        "b",
        "a.",
        ".a.com",
        "",
    ];
    let values = || select(&[None, Some("1"), Some("22"), Some("")]);
    (
        "/[ab/]{0,5}",
        select(hosts),
        any::<bool>(),
        values(),
        values(),
    )
        .prop_map(|(path, host, posts, a, b)| {
            let method = if posts { Method::POST } else { Method::GET };
            let request = get(&path).host(host).method(method);
            let request = a
                .into_iter()
                .fold(request, |request, a| request.header("x-a", a));
            b.into_iter()
                .fold(request, |request, b| request.header("x-b", b))
        })
}
