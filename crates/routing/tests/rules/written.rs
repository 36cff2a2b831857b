//! Resources as users write them: `mapping("a", "/a/").host("x")`.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, Mutex};

use nuncio_config::{
    Case, CircuitBreaker, Diagnostic, HeaderMatch, HeaderValueMatch, HostMatch, Identity, Kind,
    Mapping, MethodMatch, Module, ObjectRef, Origin, OutlierDetection, PathMatch, Pattern,
    QueryMatch, QueryValueMatch, Resource, Rewrite, Trust, parse_annotation,
};
use nuncio_routing::{Snapshot, compile};

/// A resource of Service `default/web` until something else is said; its document number is given
/// by its place in [`compiled`].
#[derive(Clone, Debug)]
pub(crate) struct Written(Resource);

pub(crate) fn mapping(name: &str, prefix: &str) -> Written {
    static PLAIN: LazyLock<Resource> = LazyLock::new(|| {
        parsed("{apiVersion: ambassador/v1, kind: Mapping, name: m, prefix: /, service: web}")
    });
    let mapping = Written(Resource {
        name: name.into(),
        ..PLAIN.clone()
    });
    mapping.with(|mapping| mapping.path = PathMatch::Prefix(prefix.parse().unwrap()))
}

/// A Mapping with `prefix_exact: true`.
pub(crate) fn exact(name: &str, path: &str) -> Written {
    mapping(name, path).with(|mapping| mapping.path = PathMatch::Exact(path.parse().unwrap()))
}

/// A Mapping with `prefix_regex: true`.
pub(crate) fn regex(name: &str, pattern: &str) -> Written {
    mapping(name, "/").with(|mapping| mapping.path = PathMatch::Regex(parsed_pattern(pattern)))
}

pub(crate) fn module(config: &str) -> Written {
    Written(parsed(&format!(
        "{{apiVersion: ambassador/v1, kind: Module, name: ambassador, config: {config}}}"
    )))
}

/// A TracingService of this name, with more keys.
pub(crate) fn tracing_service(name: &str, keys: &str) -> Written {
    Written(parsed(&format!(
        "{{apiVersion: ambassador/v2, kind: TracingService, name: {name}, {keys}}}"
    )))
}

pub(crate) fn circuit_breaker(name: &str, breaker: CircuitBreaker) -> Written {
    object_of(name, Kind::CircuitBreaker(breaker))
}

pub(crate) fn outlier_detection(name: &str, detection: OutlierDetection) -> Written {
    object_of(name, Kind::OutlierDetection(detection))
}

pub(crate) fn object_of(name: &str, kind: Kind) -> Written {
    let Written(resource) = mapping(name, "/");
    Written(Resource { kind, ..resource })
}

impl Written {
    pub(crate) fn host(self, host: &str) -> Self {
        self.with(|mapping| mapping.host = host.parse().unwrap())
    }

    /// `host_regex: true`
    pub(crate) fn host_regex(self, pattern: &str) -> Self {
        self.with(|mapping| mapping.host = HostMatch::Regex(parsed_pattern(pattern)))
    }

    /// `case_sensitive: false`
    pub(crate) fn any_case(self) -> Self {
        self.with(|mapping| mapping.case = Case::Insensitive)
    }

    pub(crate) fn method_regex(self, pattern: &str) -> Self {
        self.with(|mapping| mapping.method = Some(MethodMatch::Regex(parsed_pattern(pattern))))
    }

    pub(crate) fn method(self, method: &str) -> Self {
        self.with(|mapping| mapping.method = Some(MethodMatch::Exact(method.parse().unwrap())))
    }

    pub(crate) fn header(self, name: &str, value: &str) -> Self {
        self.header_match(name, HeaderValueMatch::Exact(value.parse().unwrap()))
    }

    pub(crate) fn has_header(self, name: &str) -> Self {
        self.header_match(name, HeaderValueMatch::Present)
    }

    pub(crate) fn header_regex(self, name: &str, pattern: &str) -> Self {
        self.header_match(name, HeaderValueMatch::Regex(parsed_pattern(pattern)))
    }

    pub(crate) fn query(self, name: &str, value: &str) -> Self {
        self.query_match(name, QueryValueMatch::Exact(value.into()))
    }

    pub(crate) fn has_query(self, name: &str) -> Self {
        self.query_match(name, QueryValueMatch::Present)
    }

    pub(crate) fn query_regex(self, name: &str, pattern: &str) -> Self {
        self.query_match(name, QueryValueMatch::Regex(parsed_pattern(pattern)))
    }

    fn query_match(self, name: &str, value: QueryValueMatch) -> Self {
        let name = name.into();
        self.with(|mapping| mapping.query_parameters.push(QueryMatch { name, value }))
    }

    fn header_match(self, name: &str, value: HeaderValueMatch) -> Self {
        let name = name.parse().unwrap();
        self.with(|mapping| mapping.headers.push(HeaderMatch { name, value }))
    }

    pub(crate) fn precedence(self, precedence: i64) -> Self {
        self.with(|mapping| mapping.precedence = precedence)
    }

    pub(crate) fn weight(self, weight: i64) -> Self {
        self.with(|mapping| mapping.weight = Some(weight))
    }

    pub(crate) fn rewrite(self, rewrite: &str) -> Self {
        self.with(|mapping| mapping.rewrite = Rewrite::Prefix(rewrite.into()))
    }

    pub(crate) fn host_rewrite(self, host: &str) -> Self {
        self.with(|mapping| mapping.host_rewrite = Some(Box::new(host.parse().unwrap())))
    }

    pub(crate) fn timeout_ms(self, millis: u64) -> Self {
        self.with(|mapping| mapping.timeout = Some(std::time::Duration::from_millis(millis)))
    }

    pub(crate) fn service(self, service: &str) -> Self {
        let service = service.parse().unwrap();
        self.with(|mapping| mapping.service = service)
    }

    pub(crate) fn named(mut self, name: &str) -> Self {
        self.0.name = name.into();
        self
    }

    pub(crate) fn namespace(mut self, namespace: &str) -> Self {
        self.0.namespace = namespace.into();
        self
    }

    /// The labels of the resource, as `key=value`.
    pub(crate) fn labels<const N: usize>(mut self, labels: [&str; N]) -> Self {
        let pairs = labels.iter().map(|label| label.split_once('=').unwrap());
        let pairs = pairs.map(|(key, value)| (key.into(), value.into()));
        self.0.labels = pairs.collect();
        self
    }

    /// Moves the resource to the annotation of another Service.
    pub(crate) fn on(mut self, service: &str) -> Self {
        self.0.at.object = object(service);
        self
    }

    pub(crate) fn of_kind(mut self, kind: Kind) -> Self {
        self.0.kind = kind;
        self
    }

    pub(crate) fn with(mut self, change: impl FnOnce(&mut Mapping)) -> Self {
        let Kind::Mapping(mapping) = &mut self.0.kind else {
            panic!("not a Mapping")
        };
        change(mapping);
        self
    }

    pub(crate) fn with_kind(mut self, change: impl FnOnce(&mut Kind)) -> Self {
        change(&mut self.0.kind);
        self
    }

    pub(crate) fn with_module(mut self, change: impl FnOnce(&mut Module)) -> Self {
        let Kind::Module(module) = &mut self.0.kind else {
            panic!("not a Module")
        };
        change(module);
        self
    }
}

/// Compiles for a gateway in namespace `default`.
pub(crate) fn compiled(written: impl IntoIterator<Item = Written>) -> Snapshot {
    compiled_in("default", written)
}

pub(crate) fn compiled_in(namespace: &str, written: impl IntoIterator<Item = Written>) -> Snapshot {
    let identity = Identity {
        namespace: namespace.into(),
        ..Identity::default()
    };
    compile(&numbered(written), [], &identity, 1)
}

/// Compiles for a gateway in namespace `edge` that trusts annotations so far.
pub(crate) fn compiled_trusting(
    annotations: Trust,
    written: impl IntoIterator<Item = Written>,
) -> Snapshot {
    let identity = Identity {
        namespace: "edge".into(),
        annotations,
        ..Identity::default()
    };
    compile(&numbered(written), [], &identity, 1)
}

/// Gives the resources the document numbers 1, 2, ... so that they count as inserted in this order.
pub(crate) fn numbered(written: impl IntoIterator<Item = Written>) -> Vec<Resource> {
    let mut resources: Vec<_> = written.into_iter().map(|written| written.0).collect();
    for (resource, document) in resources.iter_mut().zip(1..) {
        resource.at.document = document;
    }
    resources
}

/// The diagnostics as `resource: reason`.
pub(crate) fn complaints(snapshot: &Snapshot) -> Vec<String> {
    snapshot.diagnostics.iter().map(complaint).collect()
}

fn complaint(
    Diagnostic {
        severity,
        resource,
        reason,
        ..
    }: &Diagnostic,
) -> String {
    format!(
        "{severity}: {}: {reason}",
        resource.as_deref().unwrap_or_default()
    )
}

/// Compiled once: random tables use the same few over and over.
fn parsed_pattern(text: &str) -> Pattern {
    static PARSED: Mutex<BTreeMap<String, Pattern>> = Mutex::new(BTreeMap::new());
    let mut parsed = PARSED.lock().unwrap();
    let parse = || Pattern::parse(text).unwrap();
    parsed.entry(text.to_owned()).or_insert_with(parse).clone()
}

fn parsed(document: &str) -> Resource {
    let parsed = parse_annotation(document, &Origin::api(object("web")), &Identity::default());
    assert_eq!(parsed.diagnostics, []);
    parsed.resources.into_iter().next().unwrap()
}

fn object(service: &str) -> Arc<ObjectRef> {
    let (namespace, name) = ("default".into(), service.into());
    Arc::new(ObjectRef {
        kind: "Service".into(),
        namespace,
        name,
    })
}
