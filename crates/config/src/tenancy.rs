//! How far an object may act beyond its own namespace.
//!
//! Invariant: when annotations are hardened, a resource of another namespace than the gateway's acts
//! in its own one: none names another namespace, holds for the whole gateway, reads the gateway's
//! files, or has an upstream that its own namespace does not name. When they are not, a document that
//! names another namespace or holds for the whole gateway is told of.
//! Deliberately absent: who may claim which host and path, for which Ambassador has no rule; and what
//! only a cluster knows, such as where a Service or a name outside of it leads to.

mod credentials;
mod reach;

use crate::document::Head;
use crate::fields::Fields;
use crate::quote::quoted;
use crate::report::Report;
use crate::{Form, Identity, Mapping, ObjectRef, OverrideBody, Trust};

/// Whose object it is, and how far it is trusted.
pub(crate) struct Tenancy<'i> {
    identity: &'i Identity,
    form: Form,
    /// Where the object is; the gateway's files are in its namespace.
    home: Box<str>,
}

impl<'i> Tenancy<'i> {
    pub(crate) fn of(object: &ObjectRef, form: Form, identity: &'i Identity) -> Self {
        let home = match &*object.namespace {
            "" => identity.namespace.clone(),
            namespace => namespace.into(),
        };
        Self {
            identity,
            form,
            home,
        }
    }

    /// The namespace of a document that names none.
    pub(crate) fn home(&self) -> &str {
        &self.home
    }

    /// Reports a document that acts beyond the namespace of its object by what it says of itself.
    pub(crate) fn review_head(&self, head: &Head<'_>, report: &mut Report) {
        self.review_namespace(head, report);
        self.review_kind(head, report);
    }

    /// Reports what a Mapping must not do when annotations are hardened.
    pub(crate) fn review_mapping(&self, mapping: &Mapping, fields: &mut Fields<'_, '_>) {
        if !self.is_confined() {
            return;
        }
        let host = &mapping.service.host;
        // A redirect only tells the client where to go.
        if mapping.redirect.is_none()
            && let Err(beyond) = reach::within(host, &self.home)
        {
            let reason = format!(
                "`service`: {} {beyond}; {HARDENED}",
                quoted(&host.to_string())
            );
            fields.error(fields.line_of("service"), reason);
        }
        let overrides = mapping.error_response_overrides.iter().flatten();
        for written in overrides {
            if let OverrideBody::File(file) = &written.body {
                let reason = format!(
                    "`error_response_overrides`: {} is a file of the gateway's; {HARDENED}",
                    quoted(file)
                );
                fields.error(fields.line_of("error_response_overrides"), reason);
            }
        }
    }

    fn review_namespace(&self, head: &Head<'_>, report: &mut Report) {
        let Some((named, line)) = &head.namespace else {
            return;
        };
        if self.form != Form::Documents || **named == *self.home {
            return;
        }
        let (named, home) = (quoted(named), quoted(&self.home));
        match self.identity.annotations {
            Trust::Compatible => {
                let reason =
                    format!("`namespace`: acts in {named}, beyond its object's own {home}");
                report.warning(*line, reason);
            }
            Trust::Hardened => {
                let reason =
                    format!("`namespace`: {named} is not its object's own {home}; {HARDENED}");
                report.error(*line, reason);
            }
        }
    }

    fn review_kind(&self, head: &Head<'_>, report: &mut Report) {
        if self.is_at_home() || !head.kind.is_gateway_wide() {
            return;
        }
        let (kind, gateway) = (head.kind.as_str(), quoted(&self.identity.namespace));
        match (self.identity.annotations, self.form) {
            (Trust::Hardened, _) => {
                let reason = format!(
                    "kind {kind} holds for the whole gateway and counts only from its namespace \
                     {gateway}; {HARDENED}"
                );
                report.error(head.kind.line(), reason);
            }
            // What is ignored is told of as such.
            (Trust::Compatible, Form::Documents) if head.kind.is_understood() => {
                let reason = format!(
                    "kind {kind} holds for the whole gateway, from outside of its namespace \
                     {gateway}"
                );
                report.warning(head.kind.line(), reason);
            }
            (Trust::Compatible, _) => {}
        }
    }

    /// Whether what is written may act on its own namespace only.
    fn is_confined(&self) -> bool {
        self.identity.annotations == Trust::Hardened && !self.is_at_home()
    }

    fn is_at_home(&self) -> bool {
        *self.home == *self.identity.namespace
    }
}

const HARDENED: &str = "refused, as annotations are hardened";
