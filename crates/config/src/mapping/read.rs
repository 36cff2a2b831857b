//! Reads a Mapping from its keys.
//!
//! Invariant: either every key was understood, or there is an error and no Mapping.

use http::{HeaderName, HeaderValue, Method};

use super::host::check_host;
use super::{
    Case, ClusterOptions, HeaderMatch, HeaderOptions, HeaderValueMatch, HostMatch, InvalidHost,
    Mapping, MethodMatch, PathMatch, Priority, keys,
};
use crate::Service;
use crate::fields::Fields;
use crate::quote::quoted;
use crate::service::{self, Scheme};
use crate::yaml::Entry;

/// Reads a Mapping; `None` after an error.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Mapping> {
    keys::review(fields);
    fields.require(&["prefix", "service"]);
    if fields.failed() {
        return None;
    }
    let headers = headers(fields);
    let mapping = Mapping {
        headers: headers.matches,
        host: host(fields, headers.authority),
        method: method(fields).map(MethodMatch::Exact),
        precedence: fields.integer("precedence").unwrap_or(0),
        weight: fields.integer("weight"),
        rewrite: fields.parsed("rewrite").unwrap_or_default(),
        host_rewrite: fields.parsed_by("host_rewrite", authority),
        timeout: fields.milliseconds("timeout_ms"),
        service: service(fields)?,
        path: PathMatch::Prefix(fields.parsed_by("prefix", |text| {
            text.parse()
                .map_err(|why| format!("can never match: it {why}"))
        })?),
        case: Case::Sensitive,
        query_parameters: Vec::new(),
        cluster: ClusterOptions::default(),
        shadow: false,
        redirect: None,
        regex_rewrite: None,
        auto_host_rewrite: false,
        request_headers: HeaderOptions::default(),
        response_headers: HeaderOptions::default(),
        add_linkerd_headers: None,
        idle_timeout: None,
        retry_policy: None,
        priority: Priority::Default,
        cors: None,
        allow_upgrade: Box::default(),
        error_response_overrides: None,
        bypass_error_response_overrides: false,
        bypass_auth: false,
        auth_context_extensions: Box::default(),
        labels: Box::default(),
    };
    (!fields.failed()).then_some(mapping)
}

fn service(fields: &mut Fields<'_, '_>) -> Option<Service> {
    let (service, path) = fields.parsed_by("service", service::parse)?;
    if let Some(path) = path {
        let reason = format!("`service`: the path {} is ignored", quoted(path));
        fields.warning(fields.line_of("service"), reason);
    }
    let Some(tls) = fields.entry("tls") else {
        return Some(service);
    };
    let service = with_tls(service, tls, fields)?;
    if service.tls && service.scheme == Some(Scheme::Http) {
        let reason = "`tls` contradicts `http://` in `service`; TLS is used";
        fields.warning(tls.line, reason);
    }
    Some(service)
}

fn with_tls(service: Service, tls: &Entry<'_>, fields: &mut Fields<'_, '_>) -> Option<Service> {
    match (tls.value.plain_boolean(), tls.value.text()) {
        (Some(false), _) | (None, Some("")) => Some(service),
        (Some(true), _) => Some(service.with_tls()),
        (None, Some(context)) => {
            let context_name = quoted(context);
            let reason = format!(
                "`tls`: TLS is used, but the TLSContext {context_name} is not honoured yet"
            );
            fields.warning(tls.line, reason);
            Some(service.with_tls_context(context))
        }
        (None, None) => {
            fields.wrong_type(tls, "true, false or the name of a TLSContext");
            None
        }
    }
}

fn method(fields: &mut Fields<'_, '_>) -> Option<Method> {
    let method = fields.parsed_by("method", |text| {
        text.parse::<Method>().map_err(|_| "is no method")
    })?;
    let written = method.as_str();
    if written.contains(|c: char| c.is_ascii_lowercase()) {
        let reason = format!(
            "`method`: {} matches only in these letters, methods are case-sensitive",
            quoted(written)
        );
        fields.warning(fields.line_of("method"), reason);
    }
    Some(method)
}

/// `hostname` goes before `host`, as in Emissary, and either before a header named `:authority`.
fn host(fields: &mut Fields<'_, '_>, authority: Option<HostMatch>) -> HostMatch {
    let written = [
        ("hostname", fields.parsed("hostname")),
        ("host", fields.parsed("host")),
        (":authority", authority),
    ];
    let mut written = written
        .into_iter()
        .filter_map(|(key, host)| Some((key, host?)));
    let Some((first, host)) = written.next() else {
        return HostMatch::Any;
    };
    for (key, other) in written {
        if other != host {
            let line = fields.line_of(first);
            fields.warning(
                line,
                format!("`{first}` goes before `{key}`, which is ignored"),
            );
        }
    }
    host
}

fn authority(text: &str) -> Result<HeaderValue, InvalidHost> {
    check_host(text)?;
    HeaderValue::from_str(text).map_err(|_| InvalidHost::Empty)
}

#[derive(Default)]
struct Headers {
    matches: Vec<HeaderMatch>,
    authority: Option<HostMatch>,
}

fn headers(fields: &mut Fields<'_, '_>) -> Headers {
    let mut headers = Headers::default();
    let Some(written) = fields.entry("headers") else {
        return headers;
    };
    let Some(entries) = written.value.entries() else {
        fields.wrong_type(written, "a mapping of header names to texts or true");
        return headers;
    };
    let mut fields = fields.nested(entries, written.line);
    for entry in entries {
        match &*entry.key {
            ":authority" if entry.value.plain_boolean() == Some(true) => {}
            ":authority" if !entry.value.is_null() => {
                headers.authority = fields.parsed(":authority");
            }
            _ => headers.matches.extend(header(&mut fields, entry)),
        }
    }
    headers
}

fn header(fields: &mut Fields<'_, '_>, entry: &Entry<'_>) -> Option<HeaderMatch> {
    let Ok(name) = HeaderName::try_from(&*entry.key) else {
        fields.error(
            entry.line,
            format!("{} is no header name", quoted(&entry.key)),
        );
        return None;
    };
    let value = match (entry.value.plain_boolean(), entry.value.text()) {
        // Emissary takes an empty value for a header that must be present.
        (Some(true), _) | (None, Some("")) => HeaderValueMatch::Present,
        (None, Some(text)) => match HeaderValue::from_bytes(text.as_bytes()) {
            Ok(value) => HeaderValueMatch::Exact(value),
            Err(_) => {
                let reason = format!(
                    "{}: {} is no header value",
                    quoted(&entry.key),
                    quoted(text)
                );
                fields.error(entry.line, reason);
                return None;
            }
        },
        (Some(false), _) | (None, None) => {
            fields.wrong_type(entry, "text or true");
            return None;
        }
    };
    Some(HeaderMatch { name, value })
}
