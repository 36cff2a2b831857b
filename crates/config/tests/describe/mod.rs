//! What was read, in a form that is pleasant to review.

mod said;

use nuncio_config::{
    Diagnostic, Host, Kind, Mapping, Module, Parsed, Qualifier, Rare, Resource, Service,
    TcpMapping, TlsContext, parse_annotation,
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
        Kind::TlsModule(module) => module.contexts.iter().flat_map(context_lines).collect(),
        Kind::Host(host) => differences(&**host, &silent_host()),
        Kind::Listener(listener) => vec![format!("{listener:?}")],
        Kind::TcpMapping(mapping) => tcp_mapping_lines(mapping, namespace),
    };
    let labels = resource.labels.iter();
    let labels: Vec<_> = labels
        .map(|(key, value)| format!("{key}: {value}"))
        .collect();
    let labelled = (!labels.is_empty()).then(|| format!("labels {}", labels.join(", ")));
    let lines = labelled.into_iter().chain(lines);
    head + &lines.map(|line| format!("  {line}\n")).collect::<String>()
}

fn context_lines((name, context): &(Box<str>, TlsContext)) -> Vec<String> {
    let said = differences(context, &TlsContext::default());
    let said = said.into_iter().map(|line| format!("  {line}"));
    std::iter::once(format!("{name}:")).chain(said).collect()
}

fn silent_host() -> Host {
    Host {
        hostname: "*".into(),
        mapping_selector: None,
        tls_secret: None,
        tls_context: None,
        tls: None,
        acme: None,
        insecure: None,
        insecure_additional_port: None,
    }
}

fn tcp_mapping_lines(mapping: &TcpMapping, namespace: &str) -> Vec<String> {
    let silent = TcpMapping {
        port: 0,
        address: None,
        host: None,
        service: mapping.service.clone(),
        cluster: Rare::default(),
        weight: None,
        idle_timeout: None,
    };
    let service = describe_service(&mapping.service, namespace);
    let said = differences(mapping, &silent);
    std::iter::once(service).chain(said).collect()
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
