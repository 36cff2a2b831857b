//! The Gateway: a listener for each port, and one for each name with a certificate.

use nuncio_config::{Host, HostMatch, Kind, Listener, Resource, TlsContext};

use super::{GatewayOptions, Grants, VERSION, rule};
use crate::remark::{Remark, Weight};
use crate::survey::Survey;
use crate::written::{Head, Names, Object};
use crate::yaml::Yaml;

/// Where HTTP and HTTPS are listened on where no Listener says.
const PORTS: [i64; 2] = [80, 443];

/// A certificate for a name.
struct Certificate {
    hostname: Option<String>,
    secret: String,
    namespace: String,
}

/// Writes the Gateway.
pub(super) fn write(survey: &mut Survey, options: &GatewayOptions, grants: &mut Grants) -> Object {
    let namespace = survey.identity.namespace.to_string();
    let (mut ports, mut certificates) = (Vec::new(), Vec::new());
    for entry in &mut survey.entries {
        if entry.unit.account.is_dead() {
            continue;
        }
        let account = &mut entry.unit.account;
        for resource in &entry.resources {
            let (found, remarks) = certificates_of(resource);
            certificates.extend(found);
            remarks.into_iter().for_each(|it| account.add(it));
            let (port, remark) = listener(resource);
            ports.extend(port);
            remark.into_iter().for_each(|it| account.add(it));
        }
    }
    let mut names = Names::default();
    let listeners = listeners(&ports, &certificates, (&mut names, &namespace));
    for certificate in certificates.iter().filter(|it| it.namespace != namespace) {
        let to = certificate.namespace.clone();
        grants.insert(("Gateway", namespace.clone(), "Secret", to));
    }
    let head = Head {
        version: VERSION,
        kind: "Gateway",
        namespace: &namespace,
        name: &options.name,
        labels: Vec::new(),
    };
    let spec = Yaml::map([
        ("gatewayClassName", Yaml::text(options.class.as_str())),
        ("listeners", Yaml::List(listeners)),
    ]);
    head.with(spec, "Listeners, Hosts and TLSContexts")
}

fn listeners(
    ports: &[(i64, bool)],
    certificates: &[Certificate],
    (names, namespace): (&mut Names, &str),
) -> Vec<Yaml> {
    let [http, https] = PORTS;
    let or = |ports: Vec<i64>, otherwise| match ports.is_empty() {
        true => vec![otherwise],
        false => ports,
    };
    let plain: Vec<i64> = ports.iter().filter(|it| !it.1).map(|it| it.0).collect();
    let secure: Vec<i64> = ports.iter().filter(|it| it.1).map(|it| it.0).collect();
    let mut listeners = Vec::new();
    if !plain.is_empty() || ports.is_empty() {
        for port in or(plain, http) {
            let name = names.take("listener", "", &format!("http-{port}"));
            listeners.push(written(&name, (port, "HTTP"), None, None));
        }
    }
    let secure = or(secure, https);
    for (certificate, port) in certificates
        .iter()
        .flat_map(|it| secure.iter().map(move |p| (it, *p)))
    {
        let hostname = certificate.hostname.as_deref();
        let wanted = format!(
            "https-{port}-{}",
            hostname.unwrap_or("any").replace(['*', '.'], "-")
        );
        let name = names.take("listener", "", &wanted.replace("--", "-"));
        let mut reference = vec![("name".to_owned(), Yaml::text(certificate.secret.as_str()))];
        if certificate.namespace != namespace {
            let of = Yaml::text(certificate.namespace.as_str());
            reference.push(("namespace".to_owned(), of));
        }
        let tls = Yaml::map([
            ("mode", Yaml::text("Terminate")),
            ("certificateRefs", Yaml::List(vec![Yaml::Map(reference)])),
        ]);
        listeners.push(written(&name, (port, "HTTPS"), hostname, Some(tls)));
    }
    listeners
}

fn written(
    name: &str,
    (port, protocol): (i64, &str),
    hostname: Option<&str>,
    tls: Option<Yaml>,
) -> Yaml {
    let mut listener = vec![
        ("name".to_owned(), Yaml::text(name)),
        ("port".to_owned(), Yaml::Int(port)),
        ("protocol".to_owned(), Yaml::text(protocol)),
    ];
    listener.extend(hostname.map(|it| ("hostname".to_owned(), Yaml::text(it))));
    listener.extend(tls.map(|tls| ("tls".to_owned(), tls)));
    let all = Yaml::map([("namespaces", Yaml::map([("from", Yaml::text("All"))]))]);
    listener.push(("allowedRoutes".to_owned(), all));
    Yaml::Map(listener)
}

/// The port of a Listener, and whether it terminates TLS.
fn listener(resource: &Resource) -> (Option<(i64, bool)>, Option<Remark>) {
    let Kind::Listener(listener) = &resource.kind else {
        return (None, None);
    };
    let line = resource.at.line;
    let Listener { port, stack, .. } = &**listener;
    if !stack.http {
        let reason = "cannot be said in Gateway API: TCPRoute is experimental";
        return (None, Some(Remark::whole(Weight::Lost, line, reason)));
    }
    let reason = "`securityModel`, `l7Depth`, `hostBinding` and PROXY headers are the implementation's \
                  affair";
    let remark = Remark::whole(Weight::Lost, line, reason);
    (Some(((*port).into(), stack.tls)), Some(remark))
}

fn certificates_of(resource: &Resource) -> (Vec<Certificate>, Vec<Remark>) {
    match &resource.kind {
        Kind::Host(host) => of_host(host, resource),
        Kind::TlsContext(context) => of_context(context, resource),
        Kind::TlsModule(_)
        | Kind::Mapping(_)
        | Kind::Module(_)
        | Kind::CircuitBreaker(_)
        | Kind::OutlierDetection(_)
        | Kind::Resolver(_)
        | Kind::TracingService(_)
        | Kind::Listener(_)
        | Kind::TcpMapping(_) => (Vec::new(), Vec::new()),
    }
}

fn of_host(host: &Host, resource: &Resource) -> (Vec<Certificate>, Vec<Remark>) {
    let line = resource.at.line;
    let lost = |key: &str, why: &str| {
        let reason = format!("cannot be said in Gateway API: {why}");
        Remark::on(Weight::Lost, line, key, reason)
    };
    let mut remarks = Vec::new();
    let said = [
        (
            host.mapping_selector.is_some(),
            "mappingSelector",
            "routes name their Gateway themselves",
        ),
        (
            host.tls.is_some(),
            "tls",
            "terms of TLS are the implementation's affair",
        ),
        (
            host.tls_context.is_some(),
            "tlsContext",
            "its certificate alone is written, with the TLSContext",
        ),
        (
            host.acme.is_some(),
            "acmeProvider",
            "certificates are for another controller to get",
        ),
    ];
    let said = said.into_iter().filter(|(is_said, ..)| *is_said);
    remarks.extend(said.map(|(_, key, why)| lost(key, why)));
    let Some(secret) = &host.tls_secret else {
        return (Vec::new(), remarks);
    };
    remarks.push(lost(
        "requestPolicy",
        "what is asked for without TLS is served, too; an HTTPRoute on the HTTP listener could redirect it",
    ));
    let hostname = host.hostname.parse::<HostMatch>();
    let hostname = hostname
        .map_err(|_| "host")
        .and_then(|it| rule::hostname(&it));
    let Ok(hostname) = hostname else {
        remarks.push(lost(
            "hostname",
            "hostnames are exact or `*.suffix`, without a port",
        ));
        return (Vec::new(), remarks);
    };
    let namespace = secret.namespace.as_deref().unwrap_or(&resource.namespace);
    let certificate = Certificate {
        hostname,
        secret: secret.name.as_ref().into(),
        namespace: namespace.into(),
    };
    (vec![certificate], remarks)
}

fn of_context(context: &TlsContext, resource: &Resource) -> (Vec<Certificate>, Vec<Remark>) {
    let line = resource.at.line;
    let lost = |key: &str, why: &str| {
        let reason = format!("cannot be said in Gateway API: {why}");
        Remark::on(Weight::Lost, line, key, reason)
    };
    let Some(secret) = context.secret.as_deref() else {
        let why = "certificates are Secrets; of upstreams a BackendTLSPolicy speaks";
        return (Vec::new(), vec![lost("secret", why)]);
    };
    let mut remarks = vec![lost(
        "TLSContext",
        "terms of TLS, and whom clients are verified by, are not written",
    )];
    let (secret, namespace) = match secret.split_once('.') {
        Some(parts) if context.secret_namespacing != Some(false) => parts,
        Some(_) | None => (secret, &*resource.namespace),
    };
    let mut certificates = Vec::new();
    for host in context.hosts.iter().flatten() {
        match host
            .parse::<HostMatch>()
            .map_err(|_| "host")
            .and_then(|it| rule::hostname(&it))
        {
            Ok(hostname) => certificates.push(Certificate {
                hostname,
                secret: secret.to_owned(),
                namespace: namespace.to_owned(),
            }),
            Err(_) => remarks.push(lost(
                "hosts",
                "hostnames are exact or `*.suffix`, without a port",
            )),
        }
    }
    (certificates, remarks)
}
