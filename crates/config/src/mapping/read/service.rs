//! Where requests go: `service` and `tls`.

use super::redirect;
use crate::Service;
use crate::fields::Fields;
use crate::quote::quoted;
use crate::service::{self, Scheme};
use crate::yaml::Entry;

/// The service, or the host of a redirect of Ambassador up to 0.32, which has none.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Service> {
    let key = match (fields.entry("service"), redirect::host_text(fields)) {
        (None, Some(_)) => "host_redirect",
        (Some(_), _) | (None, None) => "service",
    };
    of(key, fields)
}

/// The service under a key, and the `tls` beside it.
pub(crate) fn of(key: &str, fields: &mut Fields<'_, '_>) -> Option<Service> {
    let (service, path) = fields.parsed_by(key, service::parse)?;
    if let Some(path) = path {
        let reason = format!("`{key}`: the path {} is ignored", quoted(path));
        fields.warning(fields.line_of(key), reason);
    }
    let Some(tls) = fields.entry("tls") else {
        return Some(service);
    };
    let is_plain = service.scheme == Some(Scheme::Http);
    let service = with_tls(service, tls, fields)?;
    if service.tls && is_plain {
        let reason = "`tls` contradicts `http://` in `service`; TLS is used";
        fields.warning(tls.line, reason);
    }
    Some(service)
}

fn with_tls(service: Service, tls: &Entry<'_>, fields: &mut Fields<'_, '_>) -> Option<Service> {
    match (tls.value.plain_boolean(), tls.value.text()) {
        (Some(false), _) | (None, Some("")) => Some(service),
        (Some(true), _) => Some(service.with_tls()),
        (None, Some(context)) => Some(service.with_tls_context(context)),
        (None, None) => {
            fields.wrong_type(tls, "true, false or the name of a TLSContext");
            None
        }
    }
}
