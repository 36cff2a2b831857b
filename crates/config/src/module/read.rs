//! Reads the `ambassador` Module from its keys.
//!
//! Invariant: a key that was not understood is an error and is left out, all of it. The rest of the
//! Module stays live, as in Emissary: a mistake in one setting must not take all others away from
//! every Mapping. `ip_allow` alone is not left out (see `ip_rules`).

mod access_log;
mod client_certificates;
mod connections;
mod defaults;
mod gzip;
mod internal;
mod ip_rules;

use http::HeaderValue;

use super::{Module, keys};
use crate::TlsModule;
use crate::document;
use crate::fields::Fields;
use crate::mapping::read::{breakers, cluster, cors, load_balancer, overrides, retry};
use crate::tls_context::read::contexts;

/// Reads the Module's `config`; `None` when there is none to read.
pub(crate) fn read(document: &mut Fields<'_, '_>) -> Option<Module> {
    in_config(document, |fields| {
        keys::review(fields);
        config(fields)
    })
}

/// What `read` makes of the `config` of a Module; `None` after an error.
pub(crate) fn in_config<'n, T: Default>(
    document: &mut Fields<'n, '_>,
    read: impl FnOnce(&mut Fields<'n, '_>) -> T,
) -> Option<T> {
    for entry in document.entries() {
        if entry.key != "config" && !document::is_envelope(&entry.key) {
            let reason = format!(
                "{} has no effect outside `config`",
                document.name(&entry.key)
            );
            document.warning(entry.line, reason);
        }
    }
    let Some(written) = document.entry("config") else {
        return Some(T::default());
    };
    let Some(entries) = written.value.entries() else {
        document.wrong_type(written, "a mapping");
        return None;
    };
    Some(read(&mut document.nested(entries, written.line, "")))
}

fn config(fields: &mut Fields<'_, '_>) -> Module {
    Module {
        cluster_request_timeout: fields.milliseconds("cluster_request_timeout_ms"),
        cluster_idle_timeout: fields.milliseconds("cluster_idle_timeout_ms"),
        cluster_max_connection_lifetime: fields.milliseconds("cluster_max_connection_lifetime_ms"),
        circuit_breakers: breakers::read(fields),
        load_balancer: load_balancer::read(fields),
        keepalive: cluster::keepalive(fields),
        retry_policy: retry::read(fields),
        cors: cors::read(fields),
        resolver: cluster::resolver(fields),
        add_linkerd_headers: fields.boolean("add_linkerd_headers"),
        enable_ipv4: fields.boolean("enable_ipv4"),
        enable_ipv6: fields.boolean("enable_ipv6"),
        error_response_overrides: overrides::read(fields),
        defaults: defaults::read(fields),
        server_name: fields.parsed_by("server_name", |text| {
            HeaderValue::from_str(text).map_err(|_| "is no header value")
        }),
        suppress_envoy_headers: fields.boolean("suppress_envoy_headers"),
        use_ambassador_namespace_for_service_resolution: fields
            .boolean("use_ambassador_namespace_for_service_resolution"),
        service_port: fields.port("service_port"),
        liveness_probe: internal::read(fields, "liveness_probe", "/ambassador/v0/check_alive"),
        readiness_probe: internal::read(fields, "readiness_probe", "/ambassador/v0/check_ready"),
        diagnostics: internal::read(fields, "diagnostics", "/ambassador/v0/"),
        diagnostics_allow_non_local: internal::allow_non_local(fields),
        default_label_domain: fields.text("default_label_domain").map(Box::from),
        connections: connections::read(fields),
        access_log: access_log::read(fields),
        gzip: gzip::read(fields),
        buffer_max_request_bytes: buffer(fields),
        ip_rules: ip_rules::read(fields),
        regex_max_size: fields.number("regex_max_size", 1..=u32::MAX).map(u64::from),
        tls_secret_namespacing: defaults::tls_secret_namespacing(fields),
        tls: tls(fields),
        use_proxy_proto: fields.boolean("use_proxy_proto"),
    }
}

fn tls(fields: &mut Fields<'_, '_>) -> Option<TlsModule> {
    let module = fields.section("tls", contexts);
    module.filter(|module| !module.contexts.is_empty())
}

fn buffer(fields: &mut Fields<'_, '_>) -> Option<u64> {
    let bytes = fields.section("buffer", |fields| {
        fields.review(&["max_request_bytes", "max_request_time"]);
        fields.in_vain("max_request_time", ": it went away with Envoy 1.12");
        fields.require(&["max_request_bytes"]);
        fields
            .number("max_request_bytes", 1..=u32::MAX)
            .map(u64::from)
    });
    bytes.flatten()
}
