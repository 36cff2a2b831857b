//! What Emissary's webhook remembers of a v2 object that it stores as v3alpha1.
//!
//! `true` for a header or a query parameter is the expression `.*` there, with its name in a list of
//! such ones. It means present either way, and is to be counted like it.

use std::collections::BTreeSet;

use crate::fields::Fields;
use crate::mapping::{HeaderMatch, HeaderValueMatch, QueryMatch, QueryValueMatch};

pub(super) fn headers(fields: &mut Fields<'_, '_>, matches: &mut [HeaderMatch]) {
    let names = fields.texts("v2BoolHeaders").unwrap_or_default();
    let names: BTreeSet<_> = names
        .iter()
        .map(|name| name.text.to_ascii_lowercase())
        .collect();
    for header in matches {
        if let HeaderValueMatch::Regex(pattern) = &header.value
            && pattern.as_str() == ANYTHING
            && names.contains(header.name.as_str())
        {
            header.value = HeaderValueMatch::Present;
        }
    }
}

pub(super) fn query_parameters(fields: &mut Fields<'_, '_>, matches: &mut [QueryMatch]) {
    let names = fields.texts("v2BoolQueryParameters").unwrap_or_default();
    let names: BTreeSet<_> = names.iter().map(|name| name.text).collect();
    for parameter in matches {
        if let QueryValueMatch::Regex(pattern) = &parameter.value
            && pattern.as_str() == ANYTHING
            && names.contains(&*parameter.name)
        {
            parameter.value = QueryValueMatch::Present;
        }
    }
}

const ANYTHING: &str = ".*";
