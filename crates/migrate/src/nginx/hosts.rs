//! Hosts: for what an Ingress has certificates, and for the others as soon as any has one.
//!
//! A gateway without Hosts answers for every name. With the first of them it answers for those alone
//! that have one, so all do.

use std::collections::BTreeSet;

use nuncio_config::Tree;

use super::rules::Rule;
use super::{Translator, Work};
use crate::manifest::text;
use crate::remark::{Remark, Weight};
use crate::yaml::Yaml;

/// The hosts that an Ingress has a certificate for, with the Secret.
fn certificates(tree: &Tree) -> Vec<(String, String)> {
    let items = tree
        .get("spec")
        .and_then(|it| it.get("tls"))
        .map(Tree::items);
    let mut certificates = Vec::new();
    for item in items.unwrap_or_default() {
        let secret = text(item, "secretName");
        if secret.is_empty() {
            continue;
        }
        let hosts = item.get("hosts").map(Tree::items).unwrap_or_default();
        let named = hosts.iter().filter_map(Tree::text);
        let named: Vec<_> = named
            .map(|host| (host.to_ascii_lowercase(), secret.to_owned()))
            .collect();
        match named.is_empty() {
            true => certificates.push(("*".to_owned(), secret.to_owned())),
            false => certificates.extend(named),
        }
    }
    certificates
}

/// The hosts that an Ingress has a certificate for.
pub(super) fn secure(tree: &Tree) -> Vec<String> {
    certificates(tree)
        .into_iter()
        .map(|(host, _)| host)
        .collect()
}

/// Writes the Hosts that an Ingress needs and nobody has written yet.
pub(super) fn write(work: &mut Work<'_>, translator: &mut Translator, rules: &[Rule]) {
    let certificates = certificates(work.tree);
    for (host, secret) in &certificates {
        if translator.hosts.insert(host.clone()) {
            let spec = secured(work, host, secret);
            translator.object(work, ("Host", &name(host)), spec);
        }
    }
    without_secret(work);
    if translator.secure.is_empty() {
        if work.settings.flag("force-ssl-redirect") == Some(true) {
            let reason = "not translated: no certificate, so no Host; the Module's \
                          `x_forwarded_proto_redirect` says it for all";
            work.settings.refuse("force-ssl-redirect", reason);
        }
        return;
    }
    let named = rules.iter().map(|rule| rule.host.clone());
    let hosts: BTreeSet<String> = named.chain(work.others.clone()).collect();
    for host in &hosts {
        if !translator.secure.contains(host) && translator.hosts.insert(host.clone()) {
            let spec = insecure(work, host);
            translator.object(work, ("Host", &name(host)), spec);
        }
    }
}

fn name(host: &str) -> String {
    match host {
        "*" => "any".to_owned(),
        host => host.replace('*', "any"),
    }
}

fn action(action: &str) -> (String, Yaml) {
    let insecure = Yaml::map([("action", Yaml::text(action))]);
    (
        "requestPolicy".to_owned(),
        Yaml::map([("insecure", insecure)]),
    )
}

fn secured(work: &Work<'_>, host: &str, secret: &str) -> Vec<(String, Yaml)> {
    let settings = &work.settings;
    let forced = settings.flag("force-ssl-redirect") == Some(true);
    let redirects = forced || settings.flag("ssl-redirect") != Some(false);
    let mut spec = vec![
        ("hostname".to_owned(), Yaml::text(host)),
        (
            "tlsSecret".to_owned(),
            Yaml::map([("name", Yaml::text(secret))]),
        ),
        action(if redirects { "Redirect" } else { "Route" }),
    ];
    if let Some(authority) = settings.get("auth-tls-secret") {
        let secret = match authority.split_once('/') {
            Some((namespace, name)) if namespace != &*work.object.namespace => {
                format!("{name}.{namespace}")
            }
            Some((_, name)) => name.to_owned(),
            None => authority.to_owned(),
        };
        let verify = settings.get("auth-tls-verify-client").unwrap_or("on");
        let tls = Yaml::map([
            ("ca_secret", Yaml::text(secret)),
            ("cert_required", Yaml::Bool(verify == "on")),
        ]);
        spec.push(("tls".to_owned(), tls));
    }
    spec
}

fn insecure(work: &Work<'_>, host: &str) -> Vec<(String, Yaml)> {
    let forced = work.settings.flag("force-ssl-redirect") == Some(true);
    vec![
        ("hostname".to_owned(), Yaml::text(host)),
        action(if forced { "Redirect" } else { "Route" }),
    ]
}

/// nginx has a certificate of its own for those.
fn without_secret(work: &mut Work<'_>) {
    let items = work
        .tree
        .get("spec")
        .and_then(|it| it.get("tls"))
        .map(Tree::items);
    for item in items.unwrap_or_default() {
        if text(item, "secretName").is_empty() {
            let reason = "not translated: without a Secret there is no Host";
            work.remarks
                .push(Remark::on(Weight::Lost, item.line, "tls", reason));
        }
    }
}
