//! What the connection manager is told.

use http::HeaderName;

use super::client_certificates;
use crate::fields::Fields;
use crate::module::{ConnectionOptions, UnderscoresAction};
use crate::quote::quoted;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> ConnectionOptions {
    let proper_case = fields.boolean("proper_case");
    ConnectionOptions {
        allow_chunked_length: fields.boolean("allow_chunked_length"),
        reject_ambiguous_paths: fields.boolean("reject_ambiguous_paths"),
        buffer_limit_bytes: fields
            .number("buffer_limit_bytes", 1..=u32::MAX)
            .map(u64::from),
        enable_http10: fields.boolean("enable_http10"),
        header_case_overrides: header_case_overrides(fields, proper_case),
        forward_client_cert: client_certificates::forward(fields),
        client_cert_details: client_certificates::details(fields),
        headers_with_underscores_action: underscores(fields),
        listener_idle_timeout: fields.milliseconds("listener_idle_timeout_ms"),
        max_request_headers_kb: fields.number("max_request_headers_kb", 1..=8192),
        merge_slashes: fields.boolean("merge_slashes"),
        preserve_external_request_id: fields.boolean("preserve_external_request_id"),
        proper_case,
        reject_requests_with_escaped_slashes: fields
            .boolean("reject_requests_with_escaped_slashes"),
        strip_matching_host_port: fields.boolean("strip_matching_host_port"),
        use_remote_address: fields.boolean("use_remote_address"),
        x_forwarded_proto_redirect: fields.boolean("x_forwarded_proto_redirect"),
        xff_num_trusted_hops: fields.number("xff_num_trusted_hops", 0..=u32::MAX),
    }
}

/// As in Emissary, `proper_case` goes before.
fn header_case_overrides(
    fields: &mut Fields<'_, '_>,
    proper_case: Option<bool>,
) -> Option<Box<[Box<str>]>> {
    let names = fields.texts("header_case_overrides")?;
    let overrides = fields.whole(|fields| {
        for name in &names {
            if HeaderName::from_bytes(name.text.as_bytes()).is_err() {
                let name_written = quoted(name.text);
                let reason = format!("`header_case_overrides`: {name_written} is no header name");
                fields.error(name.line, reason);
            }
        }
        names.iter().map(|name| name.text.into()).collect()
    })?;
    if proper_case == Some(true) {
        let reason = "`header_case_overrides` and `proper_case` exclude each other; \
                      `proper_case` is honoured";
        fields.error(fields.line_of("header_case_overrides"), reason);
        return None;
    }
    Some(overrides)
}

fn underscores(fields: &mut Fields<'_, '_>) -> Option<UnderscoresAction> {
    let expected = "`ALLOW`, `REJECT_REQUEST` or `DROP_HEADER`";
    fields.read("headers_with_underscores_action", expected, |entry| {
        Some(match entry.value.text()? {
            "ALLOW" => UnderscoresAction::Allow,
            "REJECT_REQUEST" => UnderscoresAction::RejectRequest,
            "DROP_HEADER" => UnderscoresAction::DropHeader,
            _ => return None,
        })
    })
}
