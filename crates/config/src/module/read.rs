//! Reads the `ambassador` Module from its keys.
//!
//! Invariant: either every key was understood, or there is an error and no Module.

use http::HeaderValue;

use super::{InternalMapping, Module, keys};
use crate::fields::Fields;
use crate::quote::quoted;
use crate::{document, yaml};

/// Reads the Module's `config`; `None` after an error.
pub(crate) fn read(document: &mut Fields<'_, '_>) -> Option<Module> {
    for entry in document.entries() {
        if entry.key != "config" && !document::is_envelope(&entry.key) {
            let key = quoted(&entry.key);
            document.warning(entry.line, format!("{key} has no effect outside `config`"));
        }
    }
    let Some(written) = document.entry("config") else {
        return Some(Module::default());
    };
    let Some(entries) = written.value.entries() else {
        document.wrong_type(written, "a mapping");
        return None;
    };
    let mut fields = document.nested(entries, written.line);
    keys::review(&mut fields);
    let module = Module {
        cluster_request_timeout: fields.milliseconds("cluster_request_timeout_ms"),
        server_name: fields.parsed_by("server_name", |text| {
            HeaderValue::from_str(text).map_err(|_| "is no header value")
        }),
        suppress_envoy_headers: fields.boolean("suppress_envoy_headers"),
        use_ambassador_namespace_for_service_resolution: fields
            .boolean("use_ambassador_namespace_for_service_resolution"),
        service_port: port(&mut fields),
        liveness_probe: probe(&mut fields, "liveness_probe", "/ambassador/v0/check_alive"),
        readiness_probe: probe(&mut fields, "readiness_probe", "/ambassador/v0/check_ready"),
        ..Module::default()
    };
    (!fields.failed()).then_some(module)
}

fn port(fields: &mut Fields<'_, '_>) -> Option<u16> {
    fields.read("service_port", "a port from 1 to 65535", |entry| {
        let port = u16::try_from(entry.value.integer()?).ok()?;
        (port > 0).then_some(port)
    })
}

/// A probe can be switched off. Its path and its service are ours to choose: the values that
/// Ambassador's documentation writes out are tolerated, others are not honoured.
fn probe(fields: &mut Fields<'_, '_>, key: &str, path: &str) -> Option<InternalMapping> {
    let written = fields.entry(key)?;
    let Some(entries) = written.value.entries() else {
        fields.wrong_type(written, "a mapping");
        return None;
    };
    let mut probe = fields.nested(entries, written.line);
    for (name, default) in [
        ("prefix", path),
        ("rewrite", path),
        ("service", PROBE_SERVICE),
    ] {
        let Some(entry) = yaml::find(entries, name) else {
            continue;
        };
        if entry.value.text() != Some(default) {
            probe.warning(entry.line, format!("`{name}` of `{key}` is not honoured"));
        }
    }
    for entry in entries {
        if !matches!(&*entry.key, "enabled" | "prefix" | "rewrite" | "service") {
            let name = quoted(&entry.key);
            probe.warning(entry.line, format!("{name} of `{key}` is not known"));
        }
    }
    Some(InternalMapping {
        enabled: probe.boolean("enabled"),
        prefix: None,
    })
}

const PROBE_SERVICE: &str = "127.0.0.1:8877";
