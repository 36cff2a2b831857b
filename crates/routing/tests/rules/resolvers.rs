//! Where clusters learn their endpoints.

use nuncio_config::{Kind, Resolver, Trust};
use nuncio_routing::{Cluster, Discovery, Snapshot};

use crate::written::{
    Written, compiled, compiled_in, compiled_trusting, complaints, mapping, module,
};

/// A Mapping whose service is `service`, found by `name`.
fn resolved(service: &str, name: &str) -> Written {
    mapping("m", "/").with(|m| {
        m.service = service.parse().unwrap();
        m.cluster.resolver = Some(name.into());
    })
}

fn resolver(name: &str, resolver: Resolver) -> Written {
    mapping(name, "/").of_kind(Kind::Resolver(resolver))
}

fn clusters(snapshot: &Snapshot) -> Vec<&Cluster> {
    let all = snapshot.clusters.by_name().into_iter();
    all.map(|cluster| &**cluster).collect()
}

/// How the only cluster learns its endpoints: `dns`, or by the Service it names.
fn found_by(snapshot: &Snapshot) -> String {
    match clusters(snapshot)[..] {
        [cluster] => match &cluster.discovery {
            Discovery::Dns => "dns".to_owned(),
            Discovery::Endpoints(of) => of.to_string(),
        },
        _ => panic!("{:?}", snapshot.clusters),
    }
}

#[test]
fn who_names_no_resolver_is_found_by_dns() {
    assert_eq!(found_by(&compiled([mapping("m", "/")])), "dns");
    assert_eq!(
        found_by(&compiled([resolved("web", "kubernetes-service")])),
        "dns"
    );
}

#[test]
fn endpoint_resolvers_are_there_by_two_names_without_being_defined() {
    for name in ["endpoint", "kubernetes-endpoint"] {
        assert_eq!(
            found_by(&compiled([resolved("web", name)])),
            "default/web:80"
        );
    }
}

#[test]
fn a_service_is_the_first_label_and_its_namespace_the_second() {
    for (service, expected) in [
        ("web:8080", "default/web:8080"),
        ("web.back", "back/web:80"),
        ("https://web.back", "back/web:443"),
        ("web.back.svc.cluster.local:90", "back/web:90"),
        ("web.example.com.", "dns"),
        ("10.0.0.1", "dns"),
        ("[::1]:80", "dns"),
        ("localhost:500", "dns"),
    ] {
        assert_eq!(
            found_by(&compiled([resolved(service, "endpoint")])),
            expected
        );
    }
}

#[test]
fn a_short_name_means_the_mappings_namespace() {
    let mapping = || resolved("web", "endpoint").namespace("back");
    assert_eq!(found_by(&compiled_in("edge", [mapping()])), "back/web:80");
    let gateways = module("{use_ambassador_namespace_for_service_resolution: true}");
    assert_eq!(
        found_by(&compiled_in("edge", [mapping(), gateways])),
        "edge/web:80"
    );
}

#[test]
fn the_mapping_decides_before_the_module_does() {
    let by_endpoints = || module("{resolver: endpoint}");
    let silent = compiled([mapping("m", "/"), by_endpoints()]);
    assert_eq!(found_by(&silent), "default/web:80");
    let own = compiled([resolved("web", "kubernetes-service"), by_endpoints()]);
    assert_eq!(found_by(&own), "dns");
}

#[test]
fn resolvers_are_found_by_the_names_they_are_defined_under() {
    for (kind, expected) in [
        (Resolver::Service, "dns"),
        (Resolver::Endpoint, "default/web:80"),
    ] {
        let snapshot = compiled([resolved("web", "mine"), resolver("mine", kind)]);
        assert_eq!(found_by(&snapshot), expected);
    }
}

#[test]
fn defining_one_name_of_the_endpoint_resolver_defines_the_other() {
    let snapshot = compiled([
        resolved("web", "endpoint"),
        resolver("kubernetes-endpoint", Resolver::Service),
    ]);
    assert_eq!(found_by(&snapshot), "dns");
}

#[test]
fn a_mapping_whose_resolver_nobody_defines_is_an_error() {
    let snapshot = compiled([resolved("web", "nobody")]);
    assert!(snapshot.clusters.is_empty());
    assert_eq!(
        complaints(&snapshot),
        ["error: Mapping m: resolver: there is no resolver nobody"]
    );
}

#[test]
fn consul_is_not_supported_and_the_mapping_is_told_so() {
    for name in ["consul", "consul-endpoint"] {
        let complaint = format!(
            "error: Mapping m: resolver: {name} is a ConsulResolver, which is not supported"
        );
        assert_eq!(complaints(&compiled([resolved("web", name)])), [complaint]);
    }
}

#[test]
fn clusters_of_one_service_that_are_found_differently_are_kept_apart() {
    let snapshot = compiled([
        resolved("web", "endpoint"),
        mapping("n", "/n/").with(|m| m.service = "web".parse().unwrap()),
    ]);
    let names: Vec<_> = clusters(&snapshot)
        .iter()
        .map(|c| (&*c.name, &c.discovery))
        .collect();
    assert_eq!(names.len(), 2);
    assert_eq!(names[0], ("cluster_web_default", &Discovery::Dns));
    assert_eq!(names[1].0, "cluster_web_default-1");
    let told: Vec<_> = snapshot
        .demands
        .endpoints
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(told, ["default/web:80"]);
}

#[test]
fn what_only_redirects_needs_no_endpoints() {
    let redirect = |name: &'static str| {
        resolved("example.com", name).with(|m| {
            m.redirect = Some(Box::new(nuncio_config::Redirect {
                host: "example.com".into(),
                path: nuncio_config::RedirectPath::Unchanged,
                status: 301,
            }));
        })
    };
    let hardened = compiled_trusting(Trust::Hardened, [redirect("endpoint").namespace("a")]);
    assert_eq!(complaints(&hardened), [""; 0]);
    assert_eq!(complaints(&compiled([redirect("nobody")])).len(), 1);
}
