//! Redirects to a URL.

use crate::remark::shown;
use crate::yaml::Yaml;

/// Where all requests of an Ingress are sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Redirect {
    host: String,
    path: Option<String>,
    status: i64,
}

impl Redirect {
    /// To a URL with a host; variables other than the request's own path cannot be said.
    pub(super) fn of(target: &str, status: i64) -> Result<Self, String> {
        if !matches!(status, 301 | 302 | 303 | 307 | 308) {
            return Err(format!("{status} is no status of a redirect"));
        }
        let rest = target.split_once("://").map(|(_, rest)| rest);
        let rest = rest.ok_or_else(|| format!("{} names no host", shown(target)))?;
        let end = rest.find(['/', '$', '?']).unwrap_or(rest.len());
        let (host, path) = rest.split_at(end);
        let path = match path {
            "$request_uri" => None,
            "" => Some("/".to_owned()),
            path if path.starts_with('/') && !path.contains('$') => Some(path.to_owned()),
            _ => return Err(format!("{} has variables of nginx", shown(target))),
        };
        match host.is_empty() {
            true => Err(format!("{} names no host", shown(target))),
            false => Ok(Self {
                host: host.to_owned(),
                path,
                status,
            }),
        }
    }

    /// To a path of this host, or to another host.
    pub(super) fn to(host: &str, path: Option<&str>, status: i64) -> Self {
        Self {
            host: host.to_owned(),
            path: path.map(str::to_owned),
            status,
        }
    }

    /// As keys of a Mapping.
    pub(super) fn keys(&self) -> Vec<(String, Yaml)> {
        let mut keys = vec![
            ("service".to_owned(), Yaml::text(self.host.as_str())),
            ("host_redirect".to_owned(), Yaml::Bool(true)),
        ];
        let path = self.path.as_deref().map(Yaml::text);
        keys.extend(path.map(|path| ("path_redirect".to_owned(), path)));
        let status = Yaml::Int(self.status);
        keys.push(("redirect_response_code".to_owned(), status));
        keys
    }
}
