//! Mappings as HTTPRoutes of `gateway.networking.k8s.io/v1`, and the Gateway that they hang on.
//!
//! Invariant: no HTTPRoute takes a request that its Mapping does not, but for what the report says of
//! prefixes. A Mapping with a condition that cannot be said is not written.
//! Deliberately absent: experimental kinds and fields.

mod backend;
mod gateway;
mod route;
mod rule;
mod unsaid;

use std::collections::BTreeSet;

use nuncio_config::Kind;

use crate::remark::{Remark, Weight};
use crate::survey::Survey;
use crate::written::{Head, Names, Object};
use crate::yaml::Yaml;
pub use unsaid::UNSAID;

const VERSION: &str = "gateway.networking.k8s.io/v1";

/// What of the Gateway nobody says in Ambassador's documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayOptions {
    /// `gatewayClassName`
    pub class: String,
    /// What it is called. Its namespace is that of the gateway that is.
    pub name: String,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            class: "example".to_owned(),
            name: "ambassador".to_owned(),
        }
    }
}

/// References from one namespace to another: the kind that refers, whence, the kind, where.
type Grants = BTreeSet<(&'static str, String, &'static str, String)>;

/// Writes all that can be written.
pub(crate) fn write(survey: &mut Survey, options: &GatewayOptions) -> Vec<Object> {
    let mut grants = Grants::new();
    let mut names = Names::default();
    let mut written = vec![gateway::write(survey, options, &mut grants)];
    written.extend(route::write(survey, options, (&mut names, &mut grants)));
    written.extend(
        grants
            .into_iter()
            .map(|grant| reference_grant(grant, &mut names)),
    );
    for entry in &mut survey.entries {
        let dead = entry.unit.account.is_dead();
        let remarks = entry.resources.iter().filter(|_| !dead);
        let remarks = remarks.filter_map(|it| whole_kind(&it.kind, it.at.line));
        let remarks: Vec<Remark> = remarks.collect();
        remarks
            .into_iter()
            .for_each(|it| entry.unit.account.add(it));
    }
    written
}

/// Documents of a kind that has no counterpart.
fn whole_kind(kind: &Kind, line: u32) -> Option<Remark> {
    let reason = match kind {
        Kind::Mapping(_) | Kind::Host(_) | Kind::Listener(_) | Kind::TlsContext(_) => return None,
        Kind::Module(_) => "cannot be said in Gateway API: settings are the implementation's",
        Kind::CircuitBreaker(_) | Kind::OutlierDetection(_) | Kind::Resolver(_) => {
            "cannot be said in Gateway API: how upstreams are treated is the implementation's affair"
        }
        Kind::TracingService(_) => "cannot be said in Gateway API: tracing is the implementation's",
        Kind::TlsModule(_) => "cannot be said in Gateway API: write TLSContexts or Hosts first",
        Kind::TcpMapping(_) => "cannot be said in Gateway API: TCPRoute is experimental",
    };
    Some(Remark::whole(Weight::Lost, line, reason))
}

fn reference_grant(
    (from_kind, from, kind, namespace): (&'static str, String, &'static str, String),
    names: &mut Names,
) -> Object {
    let wanted = format!("{}-of-{from}", from_kind.to_ascii_lowercase());
    let name = names.take("ReferenceGrant", &namespace, &wanted);
    let head = Head {
        version: "gateway.networking.k8s.io/v1beta1",
        kind: "ReferenceGrant",
        namespace: &namespace,
        name: &name,
        labels: Vec::new(),
    };
    let whom = Yaml::map([
        ("group", Yaml::text("gateway.networking.k8s.io")),
        ("kind", Yaml::text(from_kind)),
        ("namespace", Yaml::text(from.as_str())),
    ]);
    let what = Yaml::map([("group", Yaml::text("")), ("kind", Yaml::text(kind))]);
    let spec = Yaml::map([
        ("from", Yaml::List(vec![whom])),
        ("to", Yaml::List(vec![what])),
    ]);
    head.with(spec, &format!("what {from} names here"))
}
