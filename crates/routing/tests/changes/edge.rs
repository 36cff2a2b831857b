//! Random Hosts, Listeners, TCPMappings and contexts of TLS of few words.

use std::sync::Arc;

use fastrand::Rng;
use nuncio_config::{
    BindingNamespace, Host, HostBinding, InsecureAction, Kind, Labels, Listener, Location, Origin,
    Resource, SecretRef, SecurityModel, Selector, Stack, TcpMapping, TlsContext, TlsModule,
};

use crate::documents::NAMESPACES;

/// One resource, on a line that no other has.
pub(crate) fn resource(random: &mut Rng, origin: &Origin, nth: u32) -> Resource {
    let (name, kind) = match random.u8(..10) {
        0..=3 => (["h0", "h1", "h2", "h3"][random.usize(..4)], host(random)),
        4..=5 => (
            ["c0", "c1", "h0-context"][random.usize(..3)],
            context(random),
        ),
        6 => ("tls", tls_module(random)),
        7..=8 => (["l0", "l1"][random.usize(..2)], listener(random)),
        _ => (["t0", "t1", "t2"][random.usize(..3)], tcp_mapping(random)),
    };
    Resource {
        name: name.into(),
        namespace: match random.u8(..6) {
            0 => random.choice(NAMESPACES).unwrap().into(),
            _ => origin.object.namespace.clone(),
        },
        labels: labels(random),
        at: Location {
            object: Arc::clone(&origin.object),
            file: None,
            document: 100 + nth,
            line: 1,
        },
        kind,
    }
}

pub(crate) fn labels(random: &mut Rng) -> Labels {
    pairs(random).into_iter().collect()
}

fn selector(random: &mut Rng) -> Option<Selector> {
    let is_written = random.bool();
    is_written.then(|| pairs(random).into_iter().collect())
}

fn pairs(random: &mut Rng) -> Vec<(Box<str>, Box<str>)> {
    let count = random.choice([0, 1, 1, 2]).unwrap();
    let mut pair = || {
        let key = ["app", "tier"][random.usize(..2)];
        let value = ["1", "2"][random.usize(..2)];
        (key.into(), value.into())
    };
    (0..count).map(|_| pair()).collect()
}

fn host(random: &mut Rng) -> Kind {
    let hostnames = ["*", "a.example", "*.example", "a.example:80", "a.*"];
    Kind::Host(Box::new(Host {
        hostname: random.choice(hostnames).unwrap().into(),
        mapping_selector: selector(random),
        tls_secret: random.bool().then(|| SecretRef {
            name: random.choice(SECRETS).unwrap().into(),
            namespace: None,
        }),
        tls_context: match random.u8(..5) {
            0 => Some(random.choice(CONTEXTS).unwrap().into()),
            _ => None,
        },
        tls: (random.u8(..6) == 0).then(|| Box::new(tls(random))),
        acme: None,
        insecure: random
            .choice([
                None,
                Some(InsecureAction::Route),
                Some(InsecureAction::Reject),
            ])
            .unwrap(),
        insecure_additional_port: None,
    }))
}

fn context(random: &mut Rng) -> Kind {
    let mut context = tls(random);
    let hosts = ["a.example", "*.example", "*"];
    let hosts = random
        .bool()
        .then(|| [random.choice(hosts).unwrap().into()].into());
    context.hosts = hosts;
    Kind::TlsContext(Box::new(context))
}

fn tls(random: &mut Rng) -> TlsContext {
    let secret = |random: &mut Rng| {
        let is_written = random.u8(..3) > 0;
        is_written.then(|| Box::from(random.choice(SECRETS).unwrap()))
    };
    TlsContext {
        secret: secret(random),
        ca_secret: secret(random).filter(|_| random.bool()),
        sni: random.bool().then(|| "inner".into()),
        redirect_cleartext_from: random.bool().then_some(80),
        cert_chain_file: (random.u8(..9) == 0).then(|| "/c".into()),
        ..TlsContext::default()
    }
}

fn tls_module(random: &mut Rng) -> Kind {
    let mut contexts = Vec::new();
    for name in ["server", "client", "up"] {
        if random.bool() {
            contexts.push((name.into(), tls(random)));
        }
    }
    Kind::TlsModule(Box::new(TlsModule {
        contexts: contexts.into(),
    }))
}

fn listener(random: &mut Rng) -> Kind {
    let stacks = [Stack::HTTP, Stack::HTTPS, Stack::TCP, Stack::TLS];
    let froms = [
        Some(BindingNamespace::All),
        Some(BindingNamespace::Own),
        None,
    ];
    Kind::Listener(Box::new(Listener {
        port: random.choice(PORTS).unwrap(),
        stack: random.choice(stacks).unwrap(),
        security_model: SecurityModel::default(),
        l7_depth: u32::from(random.u8(..2)),
        host_binding: HostBinding {
            from: random.choice(froms).unwrap(),
            selector: selector(random),
        },
        stats_prefix: None,
        http2_max_concurrent_streams: None,
    }))
}

fn tcp_mapping(random: &mut Rng) -> Kind {
    let services = ["web", "https://web", "web:8080", "db.a"];
    let hosts = [
        None,
        None,
        Some("a.example"),
        Some("*.example"),
        Some("b.example"),
    ];
    let mut service: nuncio_config::Service = random.choice(services).unwrap().parse().unwrap();
    if service.tls && random.bool() {
        service.tls_context = Some(random.choice(CONTEXTS).unwrap().into());
    }
    let mut mapping = TcpMapping {
        port: random.choice(PORTS).unwrap(),
        address: random.bool().then(|| [127, 0, 0, 1].into()),
        host: random.choice(hosts).unwrap().map(Box::from),
        service,
        cluster: Default::default(),
        weight: random.choice([None, Some(0), Some(30), Some(100)]).unwrap(),
        idle_timeout: None,
    };
    if random.u8(..4) == 0 {
        let resolvers = ["endpoint", "mine"];
        mapping.cluster.resolver = Some(random.choice(resolvers).unwrap().into());
    }
    Kind::TcpMapping(Box::new(mapping))
}

const SECRETS: [&str; 3] = ["s0", "s1", "s2.a"];
const CONTEXTS: [&str; 4] = ["c0", "c1", "up", "server"];
const PORTS: [u16; 2] = [8080, 9000];
