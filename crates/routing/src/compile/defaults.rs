//! What the Module `ambassador` says for Mappings that do not.
//!
//! `defaults.httpmapping` goes before `defaults` itself, which the parser has seen to already.

use std::collections::HashSet;
use std::sync::Arc;

use nuncio_config::{
    Cors, ErrorResponseOverride, HeaderAddition, MappingDefaults, Module, RetryPolicy,
};

/// The Module's values. What many Routes hold is made once and shared by them.
#[derive(Debug)]
pub(crate) struct Defaults {
    pub(crate) module: Module,
    cors: Option<Arc<Cors>>,
    overrides: Arc<[ErrorResponseOverride]>,
}

impl Defaults {
    pub(crate) fn of(module: Module) -> Self {
        Self {
            cors: module.cors.clone().map(Arc::new),
            overrides: first_of_each_status(
                module
                    .error_response_overrides
                    .as_deref()
                    .unwrap_or_default(),
            ),
            module,
        }
    }

    pub(super) fn headers(&self) -> &MappingDefaults {
        &self.module.defaults
    }

    pub(super) fn retry_policy(&self) -> Option<&RetryPolicy> {
        self.module.retry_policy.as_ref()
    }

    /// The Mappings' own, else the Module's.
    pub(super) fn cors(&self, own: Option<&Cors>) -> Option<Arc<Cors>> {
        own.map_or_else(|| self.cors.clone(), |own| Some(Arc::new(own.clone())))
    }

    /// The Mappings' own, which replace the Module's as a whole.
    pub(super) fn overrides(
        &self,
        own: Option<&[ErrorResponseOverride]>,
    ) -> Arc<[ErrorResponseOverride]> {
        own.map_or_else(|| Arc::clone(&self.overrides), first_of_each_status)
    }
}

/// Of several for one status the first counts, as in Envoy.
fn first_of_each_status(overrides: &[ErrorResponseOverride]) -> Arc<[ErrorResponseOverride]> {
    let mut seen = HashSet::new();
    let first = overrides.iter().filter(|own| seen.insert(own.status));
    first.cloned().collect()
}

/// `add_*_headers` of several Mappings as one list: of several with one name the last counts.
pub(super) fn merged<'r>(lists: impl Iterator<Item = &'r [HeaderAddition]>) -> Vec<HeaderAddition> {
    let mut merged = Vec::<HeaderAddition>::new();
    for addition in lists.flatten() {
        match merged.iter_mut().find(|other| other.name == addition.name) {
            Some(other) => *other = addition.clone(),
            None => merged.push(addition.clone()),
        }
    }
    merged
}
