//! What the annotations of an Ingress say, as keys of Mappings.
//!
//! Invariant: an annotation that is said to work has its value in here, or there is a remark on it.

use std::collections::BTreeMap;

use super::annotations::{Fate, known};
use super::{redirect, snippet};
use crate::remark::{Remark, Weight, shown};
use crate::yaml::Yaml;
use nuncio_config::Tree;

/// Before every name.
pub(super) const PREFIX: &str = "nginx.ingress.kubernetes.io/";

/// What is said of an Ingress as a whole.
#[derive(Debug, Default)]
pub(super) struct Settings {
    /// Annotations without their prefix: value and line.
    said: BTreeMap<String, (String, u32)>,
    pub(super) remarks: Vec<Remark>,
}

impl Settings {
    /// Reads the annotations; those that cannot be said are told of.
    pub(super) fn read(annotations: Option<&Tree>) -> Self {
        let mut settings = Self::default();
        for entry in annotations.map(Tree::entries).unwrap_or_default() {
            let Some(name) = entry.key.strip_prefix(PREFIX) else {
                continue;
            };
            let Some(value) = entry.value.text() else {
                settings.lose(&entry.key, entry.line, "expected text");
                continue;
            };
            settings
                .said
                .insert(name.to_owned(), (value.to_owned(), entry.line));
            match known(name) {
                None => settings.lose(&entry.key, entry.line, "is not known, and not translated"),
                Some(it) => {
                    let (weight, reason) = match it.fate {
                        Fate::Works => continue,
                        Fate::Differs => (Weight::Differs, it.becomes.to_owned()),
                        Fate::Cannot => (
                            Weight::Lost,
                            format!("cannot be translated: {}", it.becomes),
                        ),
                    };
                    let remark = Remark::on(weight, entry.line, &entry.key, reason);
                    settings.remarks.push(remark);
                }
            }
        }
        settings
    }

    /// What an annotation says.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.said.get(name).map(|(value, _)| value.trim())
    }

    /// Whether an annotation says `true`, or `false`.
    pub(super) fn flag(&self, name: &str) -> Option<bool> {
        match self.get(name)?.to_ascii_lowercase().as_str() {
            "true" | "1" | "t" => Some(true),
            "false" | "0" | "f" => Some(false),
            _ => None,
        }
    }

    pub(super) fn line_of(&self, name: &str) -> u32 {
        self.said.get(name).map_or(0, |(_, line)| *line)
    }

    fn lose(&mut self, key: &str, line: u32, reason: &str) {
        self.remarks
            .push(Remark::on(Weight::Lost, line, key, reason));
    }

    /// Tells of a value that cannot be said.
    pub(super) fn refuse(&mut self, name: &str, reason: &str) {
        let key = format!("{PREFIX}{name}");
        let line = self.line_of(name);
        self.lose(&key, line, reason);
    }

    /// A value that cannot be read.
    fn invalid(&mut self, name: &str) {
        let value = shown(self.get(name).unwrap_or_default());
        self.refuse(name, &format!("not translated: {value} is no value of it"));
    }

    fn number(&mut self, name: &str) -> Option<i64> {
        let written = self.get(name)?.trim_end_matches('s').to_owned();
        let number = written
            .parse::<i64>()
            .ok()
            .filter(|it| (0..=31_536_000).contains(it));
        if number.is_none() {
            self.invalid(name);
        }
        number
    }

    /// How the backend is spoken to: the scheme, and whether by gRPC.
    pub(super) fn protocol(&mut self) -> (&'static str, bool) {
        let protocol = self.get("backend-protocol").map(str::to_ascii_uppercase);
        match protocol.as_deref() {
            None | Some("HTTP" | "AUTO_HTTP") => ("", false),
            Some("HTTPS") => ("https://", false),
            Some("GRPC") => ("", true),
            Some("GRPCS") => ("https://", true),
            Some(_) => {
                self.invalid("backend-protocol");
                ("", false)
            }
        }
    }

    /// What every Mapping of the Ingress says of its requests and its upstream.
    pub(super) fn common(&mut self) -> Vec<(String, Yaml)> {
        let mut spec: Vec<(&str, Yaml)> = Vec::new();
        let (_, grpc) = self.protocol();
        match grpc {
            true => spec.push(("grpc", Yaml::Bool(true))),
            false => spec.push(("allow_upgrade", Yaml::texts(["websocket"]))),
        }
        let host = self.get("upstream-vhost").map(Yaml::text);
        spec.extend(host.map(|host| ("host_rewrite", host)));
        spec.extend(self.balancer());
        spec.extend(self.times());
        spec.extend(self.retries().map(|it| ("retry_policy", it)));
        spec.extend(self.cors().map(|it| ("cors", it)));
        let mut spec: Vec<(String, Yaml)> = spec
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value))
            .collect();
        spec.extend(self.headers());
        spec
    }

    /// nginx limits silence, and no request as a whole.
    fn times(&mut self) -> Vec<(&'static str, Yaml)> {
        let read = self.number("proxy-read-timeout").unwrap_or(60);
        let send = self.number("proxy-send-timeout").unwrap_or(60);
        let connect = self.number("proxy-connect-timeout").unwrap_or(5);
        vec![
            ("connect_timeout_ms", Yaml::Int(connect.max(1) * 1000)),
            ("timeout_ms", Yaml::Int(0)),
            ("idle_timeout_ms", Yaml::Int(read.max(send) * 1000)),
        ]
    }

    fn retries(&mut self) -> Option<Yaml> {
        let conditions = self.get("proxy-next-upstream").map(str::to_owned);
        let tries = self.number("proxy-next-upstream-tries");
        let timeout = self
            .number("proxy-next-upstream-timeout")
            .filter(|it| *it > 0);
        if conditions.is_none() && tries.is_none() && timeout.is_none() {
            return None;
        }
        let conditions = conditions.unwrap_or_default();
        let mut words = conditions.split_whitespace();
        let has = |word: &str| conditions.split_whitespace().any(|it| it == word);
        if has("off") || tries == Some(1) {
            return None;
        }
        let on = match () {
            () if has("http_500") => "5xx",
            () if words.any(|it| it.starts_with("http_5")) => "gateway-error",
            () => "connect-failure",
        };
        let retries = tries.filter(|it| *it > 0).unwrap_or(3) - 1;
        let mut policy = vec![
            ("retry_on".to_owned(), Yaml::text(on)),
            ("num_retries".to_owned(), Yaml::Int(retries)),
        ];
        let timeout = timeout.map(|it| Yaml::text(format!("{it}s")));
        policy.extend(timeout.map(|it| ("per_try_timeout".to_owned(), it)));
        Some(Yaml::Map(policy))
    }

    fn cors(&mut self) -> Option<Yaml> {
        if self.flag("enable-cors") != Some(true) {
            return None;
        }
        let list = |text: &str| -> Vec<String> {
            let elements = text.split(',').map(str::trim).filter(|it| !it.is_empty());
            elements.map(str::to_owned).collect()
        };
        let said = |name: &str, otherwise: &str| list(self.get(name).unwrap_or(otherwise));
        let origins = said("cors-allow-origin", "*");
        let methods = said(
            "cors-allow-methods",
            "GET, PUT, POST, DELETE, PATCH, OPTIONS",
        );
        let headers = said("cors-allow-headers", HEADERS);
        let exposed = said("cors-expose-headers", "");
        let (exact, globs): (Vec<_>, Vec<_>) = origins
            .into_iter()
            .partition(|it| it == "*" || !it.contains('*'));
        if !globs.is_empty() {
            let reason = format!("not translated: {}", shown(&globs.join(", ")));
            self.refuse("cors-allow-origin", &reason);
        }
        let age = self.number("cors-max-age").unwrap_or(1_728_000);
        let mut cors = vec![
            ("origins".to_owned(), Yaml::texts(exact)),
            ("methods".to_owned(), Yaml::texts(methods)),
            ("headers".to_owned(), Yaml::texts(headers)),
            ("max_age".to_owned(), Yaml::text(age.to_string())),
        ];
        let credentials = self.flag("cors-allow-credentials").unwrap_or(true);
        cors.push(("credentials".to_owned(), Yaml::Bool(credentials)));
        if !exposed.is_empty() {
            cors.push(("exposed_headers".to_owned(), Yaml::texts(exposed)));
        }
        Some(Yaml::Map(cors))
    }

    /// Stickiness, by endpoint.
    fn balancer(&mut self) -> Vec<(&'static str, Yaml)> {
        let ring = |on: &'static str, value: Yaml| {
            Yaml::map([("policy", Yaml::text("ring_hash")), (on, value)])
        };
        let balancer = match (self.get("affinity"), self.get("upstream-hash-by")) {
            (Some("cookie"), _) => Some(ring("cookie", self.cookie())),
            (Some(_), _) => {
                self.invalid("affinity");
                None
            }
            (None, Some(variable)) => {
                let variable = variable.trim_start_matches("${").trim_start_matches('$');
                let variable = variable.trim_end_matches('}').to_owned();
                let hashed = hash_on(&variable);
                if hashed.is_none() {
                    self.invalid("upstream-hash-by");
                }
                hashed.map(|(on, value)| ring(on, value))
            }
            (None, None) if self.get("load-balance") == Some("ewma") => {
                Some(Yaml::map([("policy", Yaml::text("least_request"))]))
            }
            (None, None) => None,
        };
        let resolver = ("resolver", Yaml::text("endpoint"));
        let balancer = balancer.map(|it| [resolver, ("load_balancer", it)]);
        balancer.into_iter().flatten().collect()
    }

    fn cookie(&mut self) -> Yaml {
        let name = self.get("session-cookie-name").unwrap_or("INGRESSCOOKIE");
        let mut cookie = vec![("name".to_owned(), Yaml::text(name))];
        let path = self.get("session-cookie-path").unwrap_or("/");
        cookie.push(("path".to_owned(), Yaml::text(path)));
        let ttl = self.number("session-cookie-max-age").unwrap_or(0);
        cookie.push(("ttl".to_owned(), Yaml::text(format!("{ttl}s"))));
        Yaml::Map(cookie)
    }

    fn headers(&mut self) -> Vec<(String, Yaml)> {
        let written = self
            .get("configuration-snippet")
            .unwrap_or_default()
            .to_owned();
        let mut snippet = snippet::read(&written);
        if let Some(prefix) = self.get("x-forwarded-prefix") {
            let header = ("X-Forwarded-Prefix".to_owned(), prefix.to_owned());
            snippet.request.push(header);
        }
        for left in &snippet.left {
            let reason = format!("not translated: {}", shown(left));
            self.refuse("configuration-snippet", &reason);
        }
        snippet.keys()
    }

    /// Where all requests are sent, if they are.
    pub(super) fn redirect(&mut self) -> Option<redirect::Redirect> {
        let (name, code, default) = match self.get("temporal-redirect") {
            Some(_) => ("temporal-redirect", "temporal-redirect-code", 302),
            None => ("permanent-redirect", "permanent-redirect-code", 301),
        };
        let target = self.get(name)?.to_owned();
        let status = self.number(code).unwrap_or(default);
        match redirect::Redirect::of(&target, status) {
            Ok(redirect) => Some(redirect),
            Err(why) => {
                self.refuse(name, &format!("not translated: {why}"));
                None
            }
        }
    }
}

/// nginx's variables.
fn hash_on(variable: &str) -> Option<(&'static str, Yaml)> {
    let is_name = |it: &&str| !it.is_empty() && !it.contains('$');
    if let "remote_addr" | "binary_remote_addr" = variable {
        return Some(("source_ip", Yaml::Bool(true)));
    }
    if let Some(header) = variable.strip_prefix("http_").filter(is_name) {
        return Some(("header", Yaml::text(header.replace('_', "-"))));
    }
    let cookie = variable.strip_prefix("cookie_").filter(is_name)?;
    Some(("cookie", Yaml::map([("name", Yaml::text(cookie))])))
}

/// What ingress-nginx allows where nothing is said.
const HEADERS: &str = "DNT,Keep-Alive,User-Agent,X-Requested-With,If-Modified-Since,Cache-Control,\
                       Content-Type,Range,Authorization";
