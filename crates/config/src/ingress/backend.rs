//! Where a path of an Ingress leads: a Service of its namespace.
//!
//! Invariant: the name is one that Kubernetes gives to Services, and the port is a number.

use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::Node;

/// A Service and its port.
#[derive(Clone, Copy)]
pub(super) struct Backend<'n> {
    pub(super) service: &'n str,
    pub(super) port: u16,
}

impl<'n> Backend<'n> {
    /// Reads what stands under `key`; `None` after an error.
    pub(super) fn read(backend: &'n Node<'n>, key: &str, report: &mut Report) -> Option<Self> {
        match read(backend) {
            Ok(backend) => Some(backend),
            Err((node, reason)) => {
                let line = node.map_or(backend.line, |node| node.line);
                report.error(line, format!("`{key}`: {reason}"));
                None
            }
        }
    }
}

type Refused<'n> = (Option<&'n Node<'n>>, String);

fn read<'n>(backend: &'n Node<'n>) -> Result<Backend<'n>, Refused<'n>> {
    if let Some(resource) = backend.get("resource") {
        let reason = "a backend that is no Service is not supported".to_owned();
        return Err((Some(resource), reason));
    }
    let Some(service) = backend.get("service") else {
        return Err((None, "need service".to_owned()));
    };
    let Some(name) = service.get("name") else {
        return Err((Some(service), "need service.name".to_owned()));
    };
    let named = name.text().filter(|text| is_service_name(text));
    let Some(named) = named else {
        let reason = format!("{} is no name of a Service", name.found());
        return Err((Some(name), reason));
    };
    Ok(Backend {
        service: named,
        port: port(service, named)?,
    })
}

fn port<'n>(service: &'n Node<'n>, of: &str) -> Result<u16, Refused<'n>> {
    let port = service.get("port");
    if let Some(number) = port.and_then(|port| port.get("number")) {
        let valid = number
            .integer()
            .and_then(|number| u16::try_from(number).ok());
        return valid.filter(|&port| port > 0).ok_or_else(|| {
            let reason = format!("expected a port from 1 to 65535, found {}", number.found());
            (Some(number), reason)
        });
    }
    let Some(name) = port.and_then(|port| port.get("name")) else {
        return Err((Some(service), "need service.port.number".to_owned()));
    };
    let reason = format!(
        "Service {} is not known to have a port named {}; its number would do",
        quoted(of),
        name.found()
    );
    Err((Some(name), reason))
}

/// RFC 1035 labels, as Kubernetes has them; some of its versions let them begin with a digit.
fn is_service_name(text: &str) -> bool {
    let stands = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(stands)
}
