//! Reads a Mapping from its keys.
//!
//! Invariant: either every key was understood, or there is an error and no Mapping.

use http::{HeaderName, HeaderValue, Method};

use super::host::check_host;
use super::{HeaderMatch, HeaderValueMatch, HostMatch, InvalidHost, Mapping, keys};
use crate::Service;
use crate::fields::Fields;
use crate::quote::quoted;
use crate::service;
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
        method: method(fields),
        precedence: fields.integer("precedence").unwrap_or(0),
        weight: fields.integer("weight"),
        rewrite: fields.parsed("rewrite").unwrap_or_default(),
        host_rewrite: fields.parsed_by("host_rewrite", authority),
        timeout: fields.milliseconds("timeout_ms"),
        service: service(fields)?,
        prefix: fields.parsed_by("prefix", |text| {
            text.parse()
                .map_err(|why| format!("can never match: it {why}"))
        })?,
    };
    (!fields.failed()).then_some(mapping)
}

fn service(fields: &mut Fields<'_, '_>) -> Option<Service> {
    let (service, path) = fields.parsed_by("service", service::parse)?;
    let line = fields.line_of("service");
    if let Some(path) = path {
        fields.warning(
            line,
            format!("`service`: the path {} is ignored", quoted(path)),
        );
    }
    let Some(tls) = fields.entry("tls") else {
        return Some(service);
    };
    let contradicts = service.scheme == Some(service::Scheme::Http);
    let service = match (tls.value.plain_boolean(), tls.value.text()) {
        (Some(false), _) => return Some(service),
        (Some(true), _) => service.with_tls(),
        (None, Some(context)) => {
            let reason = format!(
                "`tls`: TLS is used, but the TLSContext {} is not honoured yet",
                quoted(context)
            );
            fields.warning(tls.line, reason);
            service.with_tls_context(context)
        }
        (None, None) => {
            fields.wrong_type(tls, "true, false or the name of a TLSContext");
            return None;
        }
    };
    if contradicts {
        fields.warning(
            tls.line,
            "`tls` contradicts `http://` in `service`; TLS is used",
        );
    }
    Some(service)
}

fn method(fields: &mut Fields<'_, '_>) -> Option<Method> {
    let method = fields.parsed_by("method", |text| {
        text.parse::<Method>().map_err(|_| "is no method")
    })?;
    if method
        .as_str()
        .bytes()
        .any(|byte| byte.is_ascii_lowercase())
    {
        let line = fields.line_of("method");
        let reason = format!(
            "`method`: {} matches only in these letters, methods are case-sensitive",
            quoted(method.as_str())
        );
        fields.warning(line, reason);
    }
    Some(method)
}

/// `hostname` goes before `host`, as in Emissary, and either before a header named `:authority`.
fn host(fields: &mut Fields<'_, '_>, authority: Option<HostMatch>) -> HostMatch {
    let host = fields.parsed::<HostMatch>("host").or(authority);
    let Some(hostname) = fields.parsed::<HostMatch>("hostname") else {
        return host.unwrap_or(HostMatch::Any);
    };
    if host.is_some_and(|host| host != hostname) {
        let line = fields.line_of("hostname");
        fields.warning(line, "`hostname` goes before `host`, which is ignored");
    }
    hostname
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
