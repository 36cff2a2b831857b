//! What was read, in a form that is pleasant to review.

mod said;

use nuncio_config::{
    Diagnostic, Kind, Mapping, Module, Parsed, Qualifier, Resource, Service, TlsContext,
    parse_annotation,
};
use said::differences;

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
    let lines = match kind {
        Kind::Mapping(mapping) => mapping_lines(mapping, namespace),
        Kind::Module(module) => differences(&**module, &Module::default()),
        Kind::CircuitBreaker(breaker) => vec![format!("{breaker:?}")],
        Kind::OutlierDetection(detection) => vec![format!("{detection:?}")],
        Kind::Resolver(resolver) => vec![format!("{resolver:?}")],
        Kind::TracingService(service) => whole(service),
        Kind::TlsContext(context) => differences(&**context, &TlsContext::default()),
        Kind::TlsModule(module) => whole(module),
        Kind::Host(host) => whole(host),
        Kind::Listener(listener) => whole(listener),
        Kind::TcpMapping(mapping) => whole(mapping),
    };
    let lines = lines.into_iter().map(|line| format!("  {line}\n"));
    head + &lines.collect::<String>()
}

fn whole(value: &impl std::fmt::Debug) -> Vec<String> {
    vec![format!("{value:#?}").replace('\n', "\n  ")]
}

/// What is unlike a Mapping that says no more than it must.
fn mapping_lines(mapping: &Mapping, namespace: &str) -> Vec<String> {
    let text = "{apiVersion: ambassador/v1, kind: Mapping, name: a, prefix: /, service: a}";
    let silent = parse_annotation(text, &crate::origin(), &crate::identity());
    let mut lines = vec![describe_service(&mapping.service, namespace)];
    for resource in silent.resources {
        let Kind::Mapping(mut silent) = resource.kind else {
            continue;
        };
        silent.service = mapping.service.clone();
        lines.extend(differences(mapping, &silent));
    }
    lines
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
