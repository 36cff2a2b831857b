//! The routes of a snapshot, members of one group together, in the order they are tried.

use std::collections::BTreeMap;

use nuncio_config::{
    HeaderMatch, HeaderValueMatch, HostMatch, PathMatch, Pattern, QueryMatch, QueryValueMatch,
    RedirectPath, Rewrite,
};
use nuncio_routing::{Action, Route, Snapshot};
use serde::Serialize;

use super::{clusters, source_key};

/// One group: Mappings that match the same requests and share them by weight.
#[derive(Debug, Serialize)]
pub(super) struct RouteInfo<'a> {
    /// The first member, as `namespace/name`.
    #[serde(rename = "_route")]
    route: String,
    #[serde(rename = "_source")]
    pub(super) source: String,
    #[serde(rename = "_group_id")]
    group_id: String,
    /// Host and prefix, for people.
    pub(super) key: String,
    prefix: &'a str,
    /// What [`Self::prefix`] is if no prefix.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prefix_kind: Option<&'static str>,
    pub(super) rewrite: String,
    pub(super) method: &'a str,
    pub(super) headers: Vec<Header<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) query_parameters: Vec<Header<'a>>,
    pub(super) host: String,
    pub(super) precedence: i64,
    pub(super) clusters: BTreeMap<&'a str, WeightedCluster>,
    /// Who gets copies, and of how many percent of the requests.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) shadows: BTreeMap<&'a str, WeightedCluster>,
    /// Where the client is sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<String>,
    #[serde(skip)]
    mappings: usize,
}

#[derive(Debug, Serialize)]
pub(super) struct Header<'a> {
    pub(super) name: &'a str,
    pub(super) value: String,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) regex: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct WeightedCluster {
    /// Percent of the group's requests.
    pub(super) weight: u32,
    pub(super) service: String,
}

/// All groups of a snapshot; members of a group stand next to one another.
pub(super) fn route_info(snapshot: &Snapshot) -> Vec<RouteInfo<'_>> {
    let routes: Vec<&Route> = snapshot.routes.iter().map(|route| &**route).collect();
    let groups = routes.chunk_by(|a, b| matches_same(a, b));
    groups
        .filter_map(|members| RouteInfo::of(members, snapshot))
        .collect()
}

impl<'a> RouteInfo<'a> {
    /// How many Mappings users wrote for it.
    pub(super) fn mappings(&self) -> usize {
        self.mappings
    }

    fn of(members: &[&'a Route], snapshot: &'a Snapshot) -> Option<Self> {
        let first: &'a Route = members.first()?;
        let host = host(&first.host);
        Some(Self {
            route: first.mapping.to_string(),
            source: first
                .at
                .as_ref()
                .map_or_else(|| INTERNAL.into(), source_key),
            group_id: format!("{:016x}", group_id(first)),
            key: if first.host == HostMatch::Any {
                String::new()
            } else {
                host.clone()
            } + first.path.as_str(),
            prefix: first.path.as_str(),
            prefix_kind: match &first.path {
                PathMatch::Prefix(_) => None,
                PathMatch::Exact(_) => Some("exact"),
                PathMatch::Regex(_) => Some("regex"),
            },
            rewrite: rewrite(&first.action),
            method: first.method.as_ref().map_or("*", |method| method.as_str()),
            headers: first.headers.iter().map(Header::of).collect(),
            query_parameters: first
                .query_parameters
                .iter()
                .map(Header::of_query)
                .collect(),
            host,
            precedence: first.precedence,
            clusters: weights(members, snapshot),
            shadows: shadows(first, snapshot),
            redirect: redirect(&first.action),
            mappings: members.iter().filter(|member| member.at.is_some()).count(),
        })
    }
}

impl<'a> Header<'a> {
    fn of(header: &'a HeaderMatch) -> Self {
        let name = header.name.as_str();
        match &header.value {
            HeaderValueMatch::Exact(value) => {
                Self::plain(name, &String::from_utf8_lossy(value.as_bytes()))
            }
            HeaderValueMatch::Present => Self::plain(name, "*"),
            HeaderValueMatch::Regex(pattern) => Self::regex(name, pattern),
        }
    }

    fn of_query(parameter: &'a QueryMatch) -> Self {
        let name = &*parameter.name;
        match &parameter.value {
            QueryValueMatch::Exact(value) => Self::plain(name, value),
            QueryValueMatch::Present => Self::plain(name, "*"),
            QueryValueMatch::Regex(pattern) => Self::regex(name, pattern),
        }
    }

    fn plain(name: &'a str, value: &str) -> Self {
        Self {
            name,
            value: value.to_owned(),
            regex: false,
        }
    }

    fn regex(name: &'a str, pattern: &Pattern) -> Self {
        Self {
            name,
            value: pattern.as_str().to_owned(),
            regex: true,
        }
    }
}

/// Two members that go to the same cluster add up.
fn weights<'a>(
    members: &[&'a Route],
    snapshot: &'a Snapshot,
) -> BTreeMap<&'a str, WeightedCluster> {
    let mut clusters = BTreeMap::new();
    for member in members {
        let Action::Forward(forward) = &member.action else {
            continue;
        };
        let Some(cluster) = snapshot.cluster(forward.cluster) else {
            continue;
        };
        let entry = clusters
            .entry(&*cluster.name)
            .or_insert_with(|| WeightedCluster {
                weight: 0,
                service: clusters::service(cluster),
            });
        entry.weight += u32::from(member.share.percent());
    }
    clusters
}

/// What is copied of the requests of a group is the same for all members.
fn shadows<'a>(first: &'a Route, snapshot: &'a Snapshot) -> BTreeMap<&'a str, WeightedCluster> {
    let Action::Forward(forward) = &first.action else {
        return BTreeMap::new();
    };
    let shadow = forward.shadow.and_then(|shadow| {
        let cluster = snapshot.cluster(shadow.cluster)?;
        let copied = WeightedCluster {
            weight: u32::from(shadow.percent),
            service: clusters::service(cluster),
        };
        Some((&*cluster.name, copied))
    });
    shadow.into_iter().collect()
}

fn redirect(action: &Action) -> Option<String> {
    let Action::Redirect(redirect) = action else {
        return None;
    };
    let path = match &redirect.path {
        RedirectPath::Unchanged => "the same path".to_owned(),
        RedirectPath::Whole(path) => path.to_string(),
        RedirectPath::Prefix(prefix) => format!("{prefix} for the prefix"),
        RedirectPath::Regex(regex) => format!("{} -> {}", regex.pattern(), regex.substitution()),
    };
    Some(format!("{} to {}, {path}", redirect.status, redirect.host))
}

fn matches_same(a: &Route, b: &Route) -> bool {
    a.precedence == b.precedence
        && a.path == b.path
        && a.host == b.host
        && a.method == b.method
        && a.headers == b.headers
        && a.query_parameters == b.query_parameters
}

/// FNV-1a over what a group's members have in common: stable for as long as that is.
fn group_id(route: &Route) -> u64 {
    let host = host(&route.host);
    let method = route.method.as_ref().map_or("*", |method| method.as_str());
    let precedence = route.precedence.to_le_bytes();
    let mut parts = vec![
        route.path.as_str().as_bytes(),
        host.as_bytes(),
        method.as_bytes(),
        &precedence,
    ];
    for header in &route.headers {
        parts.push(header.name.as_str().as_bytes());
        match &header.value {
            HeaderValueMatch::Exact(value) => parts.push(value.as_bytes()),
            HeaderValueMatch::Regex(pattern) => parts.push(pattern.as_str().as_bytes()),
            HeaderValueMatch::Present => {}
        }
    }
    for parameter in &route.query_parameters {
        parts.push(parameter.name.as_bytes());
        match &parameter.value {
            QueryValueMatch::Exact(value) => parts.push(value.as_bytes()),
            QueryValueMatch::Regex(pattern) => parts.push(pattern.as_str().as_bytes()),
            QueryValueMatch::Present => {}
        }
    }
    let bytes = parts.into_iter().flat_map(|part| part.iter().chain(&[0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn host(host: &HostMatch) -> String {
    match host {
        HostMatch::Any => "*".into(),
        HostMatch::Exact(text) => text.to_string(),
        HostMatch::Suffix(text) => format!("*{text}"),
        HostMatch::Prefix(text) => format!("{text}*"),
        HostMatch::Regex(pattern) => pattern.as_str().to_owned(),
    }
}

/// `""` for a path that goes on as it came, which is how a Mapping says so.
fn rewrite(action: &Action) -> String {
    let Action::Forward(forward) = action else {
        return String::new();
    };
    match (&forward.regex_rewrite, &forward.rewrite) {
        (Some(regex), _) => format!("{} -> {}", regex.pattern(), regex.substitution()),
        (None, Rewrite::Prefix(prefix)) => prefix.to_string(),
        (None, Rewrite::Untouched) => String::new(),
    }
}

/// Emissary's source for what nobody wrote.
const INTERNAL: &str = "--internal--";
