//! A model of the rules that knows no index.
//!
//! It is written from the rules alone: Mappings are grouped by comparing texts, sorted by a key of
//! texts and numbers, given cumulative weights, and tried one after the other.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Mutex;

use regex::bytes::{Regex, RegexBuilder};

use crate::requests::Request;
use crate::written::{Written, exact, mapping, regex};

#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) path: Text,
    pub(crate) any_case: bool,
    pub(crate) host: Text,
    pub(crate) method: Option<Text>,
    pub(crate) headers: BTreeMap<&'static str, Text>,
    pub(crate) query: BTreeMap<&'static str, Text>,
    pub(crate) precedence: i64,
    pub(crate) weight: Option<i64>,
}

/// A text, and how it is compared.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Text {
    /// The beginning of a path, or all of anything else (a host may be a glob).
    Plain(String),
    /// All of a path.
    Exact(String),
    Regex(&'static str),
    Present,
}

impl Text {
    fn as_str(&self) -> &str {
        match self {
            Self::Plain(text) | Self::Exact(text) => text,
            Self::Regex(pattern) => pattern,
            Self::Present => "*",
        }
    }

    /// Whether a header or a parameter is as wanted.
    fn fits(&self, sent: Option<&str>) -> bool {
        match (self, sent) {
            (_, None) => false,
            (Self::Present, Some(_)) => true,
            (Self::Plain(text) | Self::Exact(text), Some(sent)) => text == sent,
            (Self::Regex(pattern), Some(sent)) => full_match(pattern, sent),
        }
    }
}

/// The nth Mapping is named by its number.
pub(crate) fn written(rules: &[Rule]) -> impl Iterator<Item = Written> {
    rules.iter().enumerate().map(|(number, rule)| {
        let name = number.to_string();
        let mut mapping = match &rule.path {
            Text::Plain(prefix) => mapping(&name, prefix),
            Text::Exact(path) => exact(&name, path),
            Text::Regex(pattern) => regex(&name, pattern),
            Text::Present => unreachable!("a path has a text"),
        };
        mapping = mapping.precedence(rule.precedence);
        if rule.any_case {
            mapping = mapping.any_case();
        }
        mapping = match &rule.host {
            Text::Regex(pattern) => mapping.host_regex(pattern),
            glob => mapping.host(glob.as_str()),
        };
        mapping = match &rule.method {
            None => mapping,
            Some(Text::Regex(pattern)) => mapping.method_regex(pattern),
            Some(method) => mapping.method(method.as_str()),
        };
        mapping = rule.weight.into_iter().fold(mapping, Written::weight);
        mapping = rule.headers.iter().fold(mapping, with_header);
        rule.query.iter().fold(mapping, with_parameter)
    })
}

fn with_header(mapping: Written, (name, wanted): (&&str, &Text)) -> Written {
    match wanted {
        Text::Present => mapping.has_header(name),
        Text::Regex(pattern) => mapping.header_regex(name, pattern),
        Text::Plain(text) | Text::Exact(text) => mapping.header(name, text),
    }
}

fn with_parameter(mapping: Written, (name, wanted): (&&str, &Text)) -> Written {
    match wanted {
        Text::Present => mapping.has_query(name),
        Text::Regex(pattern) => mapping.query_regex(name, pattern),
        Text::Plain(text) | Text::Exact(text) => mapping.query(name, text),
    }
}

/// A rule in the order of trying, with its cumulative percentage.
pub(crate) struct Tried<'r> {
    pub(crate) rule: usize,
    wanted: &'r Rule,
    pub(crate) below: i64,
}

impl Tried<'_> {
    /// Whether the rule alone would take the request, at some Draw.
    pub(crate) fn fits(&self, request: &Request) -> bool {
        let Rule {
            path,
            any_case,
            host,
            method,
            headers,
            query,
            ..
        } = self.wanted;
        takes_path(path, *any_case, &request.path)
            && match host {
                Text::Regex(pattern) => full_match(pattern, &request.host),
                glob => fits_glob(&glob.as_str().to_lowercase(), &request.host.to_lowercase()),
            }
            && method
                .as_ref()
                .is_none_or(|method| method.fits(Some(request.method.as_str())))
            && headers
                .iter()
                .all(|(name, wanted)| wanted.fits(sent(request, name).as_deref()))
            && query
                .iter()
                .all(|(name, wanted)| wanted.fits(parameter(request, name)))
    }
}

fn takes_path(wanted: &Text, any_case: bool, path: &str) -> bool {
    let spelled = |text: &str| match any_case {
        true => text.to_ascii_lowercase(),
        false => text.to_owned(),
    };
    match wanted {
        Text::Plain(prefix) => spelled(path).starts_with(&spelled(prefix)),
        Text::Exact(text) => spelled(path) == spelled(text),
        Text::Regex(pattern) => full_match(pattern, path),
        Text::Present => true,
    }
}

/// All values of a header as one list.
fn sent(request: &Request, name: &str) -> Option<String> {
    let values = request.headers.get_all(name).iter();
    let values: Vec<_> = values.map(|value| value.to_str().unwrap()).collect();
    (!values.is_empty()).then(|| values.join(","))
}

/// The first parameter of a name.
fn parameter<'q>(request: &'q Request, name: &str) -> Option<&'q str> {
    let mut parameters =
        request
            .query
            .as_deref()?
            .split('&')
            .map(|parameter| match parameter.find('=') {
                Some(at) => (&parameter[..at], &parameter[at + 1..]),
                None => (parameter, ""),
            });
    parameters
        .find(|(sent, _)| *sent == name)
        .map(|(_, value)| value)
}

fn fits_glob(pattern: &str, host: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(suffix), _) => host.ends_with(suffix),
        (None, Some(prefix)) => host.starts_with(prefix),
        (None, None) => host == pattern,
    }
}

/// Another engine than the one under test; it forgets what it compiled at the end.
fn full_match(pattern: &'static str, text: &str) -> bool {
    static COMPILED: Mutex<BTreeMap<&'static str, Regex>> = Mutex::new(BTreeMap::new());
    let regex = || {
        let anchored = format!("^(?:{pattern})$");
        RegexBuilder::new(&anchored).unicode(false).build().unwrap()
    };
    let mut compiled = COMPILED.lock().unwrap();
    compiled
        .entry(pattern)
        .or_insert_with(regex)
        .is_match(text.as_bytes())
}

pub(crate) fn tried(rules: &[Rule]) -> Vec<Tried<'_>> {
    let mut groups = Vec::<(&Rule, Vec<usize>)>::new();
    for (number, rule) in rules.iter().enumerate() {
        match groups
            .iter_mut()
            .find(|(first, _)| texts(first) == texts(rule))
        {
            // What means something else cannot share.
            Some((first, _)) if !means_the_same(first, rule) => {}
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

/// What decides which Mappings belong together.
fn texts(rule: &Rule) -> impl PartialEq {
    let all = |wanted: &BTreeMap<&'static str, Text>| {
        let texts = wanted
            .iter()
            .map(|(name, text)| (*name, text.as_str().to_owned()));
        texts.collect::<Vec<_>>()
    };
    (
        rule.path.as_str().to_owned(),
        host_text(rule),
        rule.method
            .as_ref()
            .map(|method| method.as_str().to_owned()),
        all(&rule.headers),
        all(&rule.query),
        rule.precedence,
    )
}

fn means_the_same(a: &Rule, b: &Rule) -> bool {
    let is_regex = |rule: &Rule| matches!(rule.host, Text::Regex(_));
    a.path == b.path
        && is_regex(a) == is_regex(b)
        && a.method == b.method
        && a.headers == b.headers
        && a.query == b.query
}

fn host_text(rule: &Rule) -> String {
    match &rule.host {
        Text::Regex(pattern) => (*pattern).to_owned(),
        glob => glob.as_str().to_lowercase(),
    }
}

fn key(rule: &Rule) -> impl Ord + use<> {
    let term = |name: &str, text: &Text| {
        let len = name.len() + text.as_str().len() + usize::from(matches!(text, Text::Regex(_)));
        (len, format!("{name}-{}", text.as_str()))
    };
    let host = match &rule.host {
        Text::Regex(pattern) => Text::Regex(pattern),
        _ => Text::Plain(host_text(rule)),
    };
    let named = rule.headers.iter().map(|(name, text)| term(name, text));
    let method = rule.method.iter().map(|method| term(":method", method));
    let headers: Vec<_> = named
        .chain([term(":authority", &host)])
        .chain(method)
        .collect();
    let query: Vec<_> = rule
        .query
        .iter()
        .map(|(name, text)| term(name, text))
        .collect();
    let sum = |terms: &[(usize, String)]| terms.iter().map(|(len, _)| len).sum::<usize>();
    let path = rule.path.as_str();
    (
        rule.precedence,
        path.len(),
        sum(&headers),
        sum(&query),
        path.to_owned(),
        headers
            .into_iter()
            .chain(query)
            .map(|(_, key)| key)
            .collect::<Vec<_>>(),
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
