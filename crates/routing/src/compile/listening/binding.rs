//! Which names a Listener serves (`hostBinding`).

use nuncio_config::{BindingNamespace, Listener, Resource, Selector};

use super::hosts::Served;
use crate::compile::selectors::Selectors;

/// Which names are served: those of a namespace, and with labels; `None` = of any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Binding<'r> {
    namespace: Option<&'r str>,
    selector: Option<&'r Selector>,
}

impl<'r> Binding<'r> {
    /// As in Emissary, a Listener that says no namespace means its own.
    pub(super) fn of(resource: &'r Resource, written: &'r Listener) -> Self {
        let binding = &written.host_binding;
        Self {
            namespace: match binding.from {
                Some(BindingNamespace::All) => None,
                Some(BindingNamespace::Own) | None => Some(&resource.namespace),
            },
            selector: binding.selector.as_ref(),
        }
    }

    /// Whether a name is served.
    pub(super) fn takes(self, served: &Served<'_>, any_label: bool) -> bool {
        let labels = served.resource.map(|resource| &resource.labels);
        self.namespace.is_none_or(|own| own == served.namespace)
            && self.selector.is_none_or(|selector| {
                labels.is_some_and(|labels| Selectors::selects(selector, labels, any_label))
            })
    }
}
