//! One host of the `tls` of an Ingress as the document of a Host.
//!
//! Its paths stay reachable without TLS, as in Emissary: an Ingress has no word for sending clients on.

use super::document::At;
use crate::HostMatch;
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::Node;

/// What is said of a Host.
pub(super) struct Generated<'n> {
    name: String,
    hostname: &'n str,
    secret: &'n str,
    line: u32,
}

impl<'n> Generated<'n> {
    /// Reads an item of `tls`, whose hosts are named after `of`. Without hosts it is for any; without a
    /// Secret it says nothing.
    pub(super) fn read(of: &str, item: &'n Node<'n>, report: &mut Report) -> Vec<Self> {
        let Some(secret) = secret(item, report) else {
            return Vec::new();
        };
        let Some(hosts) = item.get("hosts").filter(|hosts| !hosts.is_empty()) else {
            return vec![Self {
                name: format!("{of}-0"),
                hostname: "*",
                secret,
                line: item.line,
            }];
        };
        let Some(hosts) = hosts.items() else {
            let reason = format!("`tls.hosts`: expected a list, found {}", hosts.found());
            report.error(hosts.line, reason);
            return Vec::new();
        };
        let mut generated = Vec::new();
        for (number, host) in hosts.iter().enumerate() {
            let name = format!("{of}-{number}");
            report.start_resource();
            report.name_resource("Host", &name);
            generated.extend(hostname(host, report).map(|hostname| Self {
                name,
                hostname,
                secret,
                line: host.line,
            }));
        }
        generated
    }

    /// The document, every key in the line of the host. Those Mappings are attached that have `label`.
    pub(super) fn document<'d>(&'d self, label: (&'d str, &'d str)) -> Node<'d> {
        let at = At(self.line);
        let (key, value) = label;
        let insecure = at.mapping("insecure", vec![at.text("action", "Route")]);
        let labels = at.mapping("matchLabels", vec![at.text(key, value)]);
        at.document(vec![
            at.text("apiVersion", "getambassador.io/v3alpha1"),
            at.text("kind", "Host"),
            at.text("name", &self.name),
            at.text("ambassador_id", "_automatic_"),
            at.text("hostname", self.hostname),
            at.mapping("tlsSecret", vec![at.text("name", self.secret)]),
            at.mapping("mappingSelector", vec![labels]),
            at.mapping("requestPolicy", vec![insecure]),
        ])
    }
}

fn secret<'n>(item: &'n Node<'n>, report: &mut Report) -> Option<&'n str> {
    if item.entries().is_none() {
        let reason = format!("`tls`: expected a mapping, found {}", item.found());
        report.error(item.line, reason);
        return None;
    }
    let written = item.get("secretName")?;
    if written.text().is_none() {
        let reason = format!("`tls.secretName`: expected text, found {}", written.found());
        report.error(written.line, reason);
    }
    written.text().filter(|name| !name.is_empty())
}

fn hostname<'n>(host: &'n Node<'n>, report: &mut Report) -> Option<&'n str> {
    let why = match host.text().map(str::parse::<HostMatch>) {
        Some(Ok(_)) => return host.text(),
        Some(Err(why)) => format!(
            "`tls.hosts`: {} {why}",
            quoted(host.text().unwrap_or_default())
        ),
        None => format!("`tls.hosts`: expected text, found {}", host.found()),
    };
    report.error(host.line, why);
    None
}
