//! Reads a Listener from its keys.

use super::{BindingNamespace, HostBinding, Listener, SecurityModel, Stack};
use crate::fields::{Fields, Line};
use crate::labels::read::{Expressions, selector};
use crate::mapping::keys;

/// The Listener; `None` when something in it was an error.
pub(crate) fn read(fields: &mut Fields<'_, '_>) -> Option<Listener> {
    keys::review_kind(fields, &KNOWN);
    fields.require(&["port", "securityModel", "hostBinding"]);
    let port = fields.port("port");
    let stack = stack(fields);
    let security_model = security_model(fields);
    let l7_depth = fields.number("l7Depth", 0..=u32::MAX);
    let host_binding = fields.section("hostBinding", host_binding);
    let stats_prefix = fields.named("statsPrefix");
    let streams = fields.number("http2MaxConcurrentStreams", 1..=u32::MAX);
    if fields.failed() {
        return None;
    }
    Some(Listener {
        port: port?,
        stack: stack?,
        security_model: security_model?,
        l7_depth: l7_depth.unwrap_or(0),
        host_binding: host_binding?,
        stats_prefix,
        http2_max_concurrent_streams: streams,
    })
}

const KNOWN: [&str; 8] = [
    "hostBinding",
    "http2MaxConcurrentStreams",
    "l7Depth",
    "port",
    "protocol",
    "protocolStack",
    "securityModel",
    "statsPrefix",
];

/// As in Emissary, `protocolStack` goes before; an empty one is none.
fn stack(fields: &mut Fields<'_, '_>) -> Option<Stack> {
    let written = match fields.entry("protocolStack") {
        Some(_) => Some(fields.texts("protocolStack")?),
        None => None,
    };
    let written = written.filter(|stack| !stack.is_empty());
    let is_named = fields.text("protocol").is_some_and(|text| !text.is_empty());
    match (written, is_named) {
        (Some(stack), named) => {
            if named {
                fields.in_vain("protocol", " beside `protocolStack`");
            }
            protocol_stack(fields, &stack)
        }
        (None, true) => protocol(fields),
        (None, false) => {
            fields.error_here("one of `protocol` and `protocolStack` must be specified");
            None
        }
    }
}

fn protocol(fields: &mut Fields<'_, '_>) -> Option<Stack> {
    if fields.text("protocol") == Some("UDP") {
        refuse_udp(fields, "protocol", fields.line_of("protocol"));
        return None;
    }
    let expected = "`HTTP`, `HTTPS`, `HTTPPROXY`, `HTTPSPROXY`, `TCP` or `TLS`";
    let proxied = |stack| Stack {
        proxy: true,
        ..stack
    };
    fields.read("protocol", expected, |entry| {
        Some(match entry.value.text()? {
            "HTTP" => Stack::HTTP,
            "HTTPS" => Stack::HTTPS,
            "HTTPPROXY" => proxied(Stack::HTTP),
            "HTTPSPROXY" => proxied(Stack::HTTPS),
            "TCP" => Stack::TCP,
            "TLS" => Stack::TLS,
            _ => return None,
        })
    })
}

/// `PROXY`, `TLS` and `HTTP`, those that are spoken, and `TCP`. A PROXY header always comes first, also
/// where it stands behind `TLS`, as in what `HTTPSPROXY` is short for.
fn protocol_stack(fields: &mut Fields<'_, '_>, written: &[Line<'_>]) -> Option<Stack> {
    if let Some(udp) = written
        .iter()
        .find(|line| matches!(line.text, "UDP" | "HTTP3"))
    {
        refuse_udp(fields, "protocolStack", udp.line);
        return None;
    }
    let names: Vec<_> = written.iter().map(|line| line.text).collect();
    let Some((&"TCP", above)) = names.split_last() else {
        let reason = "`protocolStack`: `TCP` must be the last protocol";
        fields.error(fields.line_of("protocolStack"), reason);
        return None;
    };
    let (http, outer) = match above.split_last() {
        Some((&"HTTP", outer)) => (true, outer),
        Some(_) | None => (false, above),
    };
    let (proxy, tls) = match outer {
        [] => (false, false),
        ["TLS"] => (false, true),
        ["PROXY"] => (true, false),
        ["PROXY", "TLS"] | ["TLS", "PROXY"] => (true, true),
        _ => {
            refuse_order(fields, written);
            return None;
        }
    };
    Some(Stack { proxy, tls, http })
}

fn refuse_order(fields: &mut Fields<'_, '_>, written: &[Line<'_>]) {
    let known = ["PROXY", "TLS", "HTTP", "TCP"];
    if let Some(unknown) = written.iter().find(|line| !known.contains(&line.text)) {
        let reason = format!(
            "`protocolStack`: {} is none of `PROXY`, `TLS`, `HTTP` and `TCP`",
            crate::quote::quoted(unknown.text)
        );
        fields.error(unknown.line, reason);
        return;
    }
    let reason = "`protocolStack`: expected `PROXY`, `TLS`, `HTTP`, `TCP` in this order, each at most \
                  once; all but `TCP` may be left out";
    fields.error(fields.line_of("protocolStack"), reason);
}

fn refuse_udp(fields: &mut Fields<'_, '_>, key: &str, line: u32) {
    let reason = format!("`{key}`: HTTP/3 and other protocols over UDP are not supported");
    fields.error(line, reason);
}

fn security_model(fields: &mut Fields<'_, '_>) -> Option<SecurityModel> {
    let expected = "`XFP`, `SECURE` or `INSECURE`";
    fields.read("securityModel", expected, |entry| {
        Some(match entry.value.text()? {
            "XFP" => SecurityModel::ForwardedProto,
            "SECURE" => SecurityModel::Secure,
            "INSECURE" => SecurityModel::Insecure,
            _ => return None,
        })
    })
}

fn host_binding(fields: &mut Fields<'_, '_>) -> HostBinding {
    fields.review(&["namespace", "selector"]);
    if fields.entry("namespace").is_none() && fields.entry("selector").is_none() {
        fields.error_here("must have at least one of namespace or selector");
    }
    let from = fields.section("namespace", |fields| {
        fields.review(&["from"]);
        fields.require(&["from"]);
        from(fields)
    });
    HostBinding {
        from: from.flatten(),
        selector: selector(fields, "selector", Expressions::Refused),
    }
}

/// In any case, as in Emissary.
fn from(fields: &mut Fields<'_, '_>) -> Option<BindingNamespace> {
    let text = fields.text("from")?.to_ascii_uppercase();
    match &*text {
        "SELF" => Some(BindingNamespace::Own),
        "ALL" => Some(BindingNamespace::All),
        "SELECTOR" => {
            let reason =
                "`hostBinding.namespace.from`: `SELECTOR` is not supported; read as `SELF`";
            fields.warning(fields.line_of("from"), reason);
            Some(BindingNamespace::Own)
        }
        _ => {
            fields.read("from", "`SELF` or `ALL`", |_| None::<()>);
            None
        }
    }
}
