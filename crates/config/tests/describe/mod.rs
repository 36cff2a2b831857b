//! What was read, in a form that is pleasant to review.

use nuncio_config::{Diagnostic, Kind, Mapping, Parsed, Qualifier, Resource, Service};

/// Every resource and every diagnostic.
pub(crate) fn parsed(parsed: &Parsed) -> String {
    let resources: String = parsed.resources.iter().map(describe_resource).collect();
    resources + &diagnostics(&parsed.diagnostics)
}

/// Every diagnostic in a line of its own.
pub(crate) fn diagnostics(diagnostics: &[Diagnostic]) -> String {
    diagnostics
        .iter()
        .map(|diagnostic| format!("{}: {diagnostic}\n", diagnostic.severity))
        .collect()
}

fn describe_resource(resource: &Resource) -> String {
    let Resource {
        namespace,
        at,
        kind,
        ..
    } = resource;
    let head = format!(
        "{resource} in {namespace}, document {} line {}\n",
        at.document, at.line
    );
    head + &match kind {
        Kind::Mapping(mapping) => describe_mapping(mapping, namespace),
        Kind::Module(module) => format!("  {module:?}\n"),
        Kind::CircuitBreaker(breaker) => format!("  {breaker:?}\n"),
        Kind::OutlierDetection(detection) => format!("  {detection:?}\n"),
    }
}

fn describe_mapping(mapping: &Mapping, namespace: &str) -> String {
    let Mapping {
        path,
        host,
        method,
        headers,
        precedence,
        service,
        weight,
        ..
    } = mapping;
    let Mapping {
        rewrite,
        host_rewrite,
        timeout,
        ..
    } = mapping;
    let mut lines = vec![format!(
        "{} -> {rewrite:?}, host {host:?} -> {host_rewrite:?}",
        path.as_str()
    )];
    for header in headers {
        lines.push(format!("header {}: {:?}", header.name, header.value));
    }
    lines.push(format!(
        "method {method:?}, precedence {precedence}, weight {weight:?}, timeout {timeout:?}"
    ));
    lines.push(describe_service(service, namespace));
    lines
        .into_iter()
        .map(|line| format!("  {line}\n"))
        .collect()
}

fn describe_service(service: &Service, namespace: &str) -> String {
    let Service {
        written,
        scheme,
        tls,
        tls_context,
        port,
        ..
    } = service;
    let qualified = service.qualified(Qualifier::between(namespace, "ambassador"));
    let scheme = scheme.map_or("", |scheme| scheme.as_str());
    let tls = match (tls, tls_context) {
        (_, Some(context)) => format!(", TLS with {context}"),
        (true, None) => ", TLS".to_owned(),
        (false, None) => String::new(),
    };
    let (host, authority) = (&qualified.host, &qualified.authority);
    format!("service {written:?} = {host}:{port}, named {scheme}{authority}{tls}")
}
