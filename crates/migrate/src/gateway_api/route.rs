//! One HTTPRoute for each group of Mappings that match the same.

use std::time::Duration;

use nuncio_config::{Kind, Mapping, Resource};

use super::backend::{Backend, shares};
use super::{GatewayOptions, Grants, VERSION, rule, unsaid};
use crate::remark::{Remark, Weight};
use crate::survey::Survey;
use crate::written::{Head, Names, Object};
use crate::yaml::Yaml;

/// A Mapping that is live, and the entry it stands in.
struct Member {
    entry: usize,
    resource: Resource,
    from: String,
}

impl Member {
    fn mapping(&self) -> Option<&Mapping> {
        match &self.resource.kind {
            Kind::Mapping(mapping) => Some(mapping),
            Kind::Module(_)
            | Kind::CircuitBreaker(_)
            | Kind::OutlierDetection(_)
            | Kind::Resolver(_)
            | Kind::TracingService(_)
            | Kind::TlsContext(_)
            | Kind::TlsModule(_)
            | Kind::Host(_)
            | Kind::Listener(_)
            | Kind::TcpMapping(_) => None,
        }
    }

    /// Whether both match the same requests.
    fn is_beside(&self, other: &Self) -> bool {
        let (Some(a), Some(b)) = (self.mapping(), other.mapping()) else {
            return false;
        };
        self.resource.namespace == other.resource.namespace
            && (&a.path, a.case, &a.host, &a.method) == (&b.path, b.case, &b.host, &b.method)
            && (&a.headers, &a.query_parameters) == (&b.headers, &b.query_parameters)
            && (a.precedence, a.redirect.is_some()) == (b.precedence, b.redirect.is_some())
    }
}

/// What is written, and of what it takes notice.
struct Writer<'w> {
    options: &'w GatewayOptions,
    gateway: String,
    /// For Mappings without a timeout.
    timeout: Duration,
    names: &'w mut Names,
    grants: &'w mut Grants,
    remarks: Vec<(usize, Remark)>,
}

/// Writes all HTTPRoutes.
pub(super) fn write(
    survey: &mut Survey,
    options: &GatewayOptions,
    (names, grants): (&mut Names, &mut Grants),
) -> Vec<Object> {
    let mut writer = Writer {
        options,
        gateway: survey.identity.namespace.as_ref().into(),
        timeout: timeout(survey),
        names,
        grants,
        remarks: Vec::new(),
    };
    let objects = groups(survey)
        .iter()
        .filter_map(|group| writer.route(group))
        .collect();
    for (entry, remark) in writer.remarks {
        if let Some(entry) = survey.entries.get_mut(entry) {
            entry.unit.account.add(remark);
        }
    }
    objects
}

fn timeout(survey: &Survey) -> Duration {
    let resources = survey.entries.iter().flat_map(|entry| &entry.resources);
    let mut said = resources.filter_map(|resource| match &resource.kind {
        Kind::Module(module) => module.cluster_request_timeout,
        Kind::Mapping(_)
        | Kind::CircuitBreaker(_)
        | Kind::OutlierDetection(_)
        | Kind::Resolver(_)
        | Kind::TracingService(_)
        | Kind::TlsContext(_)
        | Kind::TlsModule(_)
        | Kind::Host(_)
        | Kind::Listener(_)
        | Kind::TcpMapping(_) => None,
    });
    said.next_back().unwrap_or(Duration::from_secs(3))
}

fn groups(survey: &Survey) -> Vec<Vec<Member>> {
    let mut groups: Vec<Vec<Member>> = Vec::new();
    for (index, entry) in survey.entries.iter().enumerate() {
        if entry.unit.account.is_dead() {
            continue;
        }
        for resource in &entry.resources {
            let member = Member {
                entry: index,
                resource: resource.clone(),
                from: entry.unit.account.to_string(),
            };
            if member.mapping().is_none() {
                continue;
            }
            let group = groups
                .iter_mut()
                .find(|group| group.iter().any(|it| it.is_beside(&member)));
            match group {
                Some(group) => group.push(member),
                None => groups.push(vec![member]),
            }
        }
    }
    groups
}

impl Writer<'_> {
    fn route(&mut self, group: &[Member]) -> Option<Object> {
        for member in group {
            for key in unsaid::of(member.mapping()?) {
                self.lose(member, key);
            }
        }
        let first = group
            .iter()
            .find(|it| it.mapping().is_some_and(|it| !it.shadow))?;
        let mapping = first.mapping()?;
        let (hostname, matched) = match conditions(mapping) {
            Ok(said) => said,
            Err(key) => {
                group.iter().for_each(|member| self.lose(member, key));
                return None;
            }
        };
        if let Some(reason) = rule::path_differs(&mapping.path) {
            let line = first.resource.at.line;
            let remark = Remark::on(Weight::Differs, line, "prefix", reason);
            self.remarks.push((first.entry, remark));
        }
        let rule = self.rule(group, first, matched)?;
        let namespace = &*first.resource.namespace;
        let name = self
            .names
            .take("HTTPRoute", namespace, &first.resource.name);
        let mut spec = vec![("parentRefs".to_owned(), self.parent(namespace))];
        spec.extend(hostname.map(|it| ("hostnames".to_owned(), Yaml::texts([it]))));
        spec.push(("rules".to_owned(), Yaml::List(vec![rule])));
        let head = Head {
            version: VERSION,
            kind: "HTTPRoute",
            namespace,
            name: &name,
            labels: Vec::new(),
        };
        let from: Vec<&str> = group.iter().map(|it| it.from.as_str()).collect();
        Some(head.with(Yaml::Map(spec), &from.join("; ")))
    }

    fn parent(&self, namespace: &str) -> Yaml {
        let mut parent = vec![("name".to_owned(), Yaml::text(self.options.name.as_str()))];
        if self.gateway != namespace {
            parent.push(("namespace".to_owned(), Yaml::text(self.gateway.as_str())));
        }
        Yaml::List(vec![Yaml::Map(parent)])
    }

    fn rule(&mut self, group: &[Member], first: &Member, matched: Yaml) -> Option<Yaml> {
        let mapping = first.mapping()?;
        let mut filters = rule::filters(mapping);
        let mut rule = vec![("matches".to_owned(), Yaml::List(vec![matched]))];
        if mapping.redirect.is_some() {
            rule.push(("filters".to_owned(), Yaml::List(filters)));
            return Some(Yaml::Map(rule));
        }
        filters.extend(group.iter().filter_map(|member| self.mirror(member)));
        let backends = self.backends(group, first)?;
        if !filters.is_empty() {
            rule.push(("filters".to_owned(), Yaml::List(filters)));
        }
        rule.push(("backendRefs".to_owned(), Yaml::List(backends)));
        let timeout = rule::duration(mapping.timeout.unwrap_or(self.timeout));
        rule.push(("timeouts".to_owned(), Yaml::map([("request", timeout)])));
        Some(Yaml::Map(rule))
    }

    fn mirror(&mut self, member: &Member) -> Option<Yaml> {
        let mapping = member.mapping().filter(|it| it.shadow)?;
        let backend = self.backend(member)?;
        let reference = backend.reference(&member.resource.namespace);
        let mut mirror = vec![("backendRef".to_owned(), Yaml::Map(reference))];
        let percent = mapping.weight.map(|it| it.clamp(0, 100));
        mirror.extend(percent.map(|it| ("percent".to_owned(), Yaml::Int(it))));
        Some(rule::filter(
            "RequestMirror",
            "requestMirror",
            Yaml::Map(mirror),
        ))
    }

    /// The members that take requests, with their shares if there are several.
    fn backends(&mut self, group: &[Member], first: &Member) -> Option<Vec<Yaml>> {
        let serving = |it: &&Member| it.mapping().is_some_and(|it| !it.shadow);
        let members: Vec<&Member> = group.iter().filter(serving).collect();
        let written: Vec<_> = members.iter().map(|it| it.mapping()?.weight).collect();
        let (shares, is_less) = shares(&written);
        let mut backends = Vec::new();
        for (member, share) in members.iter().zip(shares) {
            if is_less && members.len() > 1 {
                self.lose(member, "weight");
            }
            let same = |a: &Mapping, b: &Mapping| rule::filters(a) == rule::filters(b);
            if !same(member.mapping()?, first.mapping()?) {
                let reason = "members of a group have the filters of the first one";
                let line = member.resource.at.line;
                let remark = Remark::whole(Weight::Lost, line, reason);
                self.remarks.push((member.entry, remark));
            }
            let backend = self.backend(member)?;
            let mut reference = backend.reference(&member.resource.namespace);
            if members.len() > 1 {
                reference.push(("weight".to_owned(), Yaml::Int(share)));
            }
            backends.push(Yaml::Map(reference));
        }
        Some(backends)
    }

    fn backend(&mut self, member: &Member) -> Option<Backend> {
        let service = &member.mapping()?.service;
        let from = &member.resource.namespace;
        let Some(backend) = Backend::of(service, &member.resource, &self.gateway) else {
            self.lose(member, "service");
            return None;
        };
        if backend.namespace != **from {
            let to = backend.namespace.clone();
            let reason = format!(
                "taken for Service {} of namespace {to}, which a ReferenceGrant lets be named",
                backend.name
            );
            let remark = Remark::on(Weight::Note, member.resource.at.line, "service", reason);
            self.remarks.push((member.entry, remark));
            self.grants
                .insert(("HTTPRoute", from.as_ref().into(), "Service", to));
        }
        Some(backend)
    }

    fn lose(&mut self, member: &Member, key: &str) {
        let line = member.resource.at.line;
        let remark = Remark::on(Weight::Lost, line, key, unsaid::why(key));
        self.remarks.push((member.entry, remark));
    }
}

/// The hostname and what else is matched; an error names the key that cannot be said.
fn conditions(mapping: &Mapping) -> Result<(Option<String>, Yaml), &'static str> {
    if let Some(key) = unsaid::condition(mapping) {
        return Err(key);
    }
    Ok((rule::hostname(&mapping.host)?, rule::matched(mapping)?))
}
