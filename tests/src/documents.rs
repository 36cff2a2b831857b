//! Documents that say who is listened to, as they are understood.

use std::sync::Arc;

use nuncio_config::{
    Alpn, BindingNamespace, Host, HostBinding, Identity, InsecureAction, Kind, Listener, ObjectRef,
    Origin, Resource, SecretRef, SecurityModel, Stack, TlsContext, parse_annotation,
};

/// A TLSContext that terminates TLS for `hosts` by the Secret `secret`, for HTTP/2 and HTTP/1.1.
pub fn tls_context(name: &str, secret: &str, hosts: &[&str]) -> Resource {
    let context = TlsContext {
        hosts: Some(hosts.iter().map(|host| Box::from(*host)).collect()),
        secret: Some(secret.into()),
        alpn_protocols: Some([Alpn::H2, Alpn::Http11].into()),
        ..TlsContext::default()
    };
    resource(name, Kind::TlsContext(Box::new(context)))
}

/// A Listener for all Hosts.
pub fn listener(name: &str, port: u16, stack: Stack) -> Resource {
    let listener = Listener {
        port,
        stack,
        security_model: SecurityModel::ForwardedProto,
        l7_depth: 0,
        host_binding: HostBinding {
            from: Some(BindingNamespace::All),
            selector: None,
        },
        stats_prefix: None,
        http2_max_concurrent_streams: None,
    };
    resource(name, Kind::Listener(Box::new(listener)))
}

/// A Host with the Secret `secret`, served without TLS too.
pub fn host(name: &str, hostname: &str, secret: Option<&str>) -> Resource {
    let host = Host {
        hostname: hostname.into(),
        mapping_selector: None,
        tls_secret: secret.map(|secret| SecretRef {
            name: secret.into(),
            namespace: None,
        }),
        tls_context: None,
        tls: None,
        acme: None,
        insecure: Some(InsecureAction::Route),
        insecure_additional_port: None,
    };
    resource(name, Kind::Host(Box::new(host)))
}

/// Changes a TLSContext.
///
/// # Panics
/// When it is none.
pub fn with_context(mut resource: Resource, change: impl FnOnce(&mut TlsContext)) -> Resource {
    let Kind::TlsContext(context) = &mut resource.kind else {
        panic!("{resource} is no TLSContext");
    };
    change(context);
    resource
}

/// Changes a Listener.
///
/// # Panics
/// When it is none.
pub fn with_listener(mut resource: Resource, change: impl FnOnce(&mut Listener)) -> Resource {
    let Kind::Listener(listener) = &mut resource.kind else {
        panic!("{resource} is no Listener");
    };
    change(listener);
    resource
}

fn resource(name: &str, kind: Kind) -> Resource {
    let object = ObjectRef {
        kind: "Service".into(),
        namespace: "default".into(),
        name: name.into(),
    };
    let text =
        format!("apiVersion: getambassador.io/v2\nkind: KubernetesServiceResolver\nname: {name}\n");
    let origin = Origin::api(Arc::new(object));
    let mut parsed = parse_annotation(&text, &origin, &Identity::default());
    let resource = parsed.resources.pop().unwrap();
    Resource { kind, ..resource }
}
