//! `defaults`: for Mappings and TLSContexts that do not say. What stands under `httpmapping` goes before what stands
//! beside it.

use crate::fields::Fields;
use crate::mapping::read::{cluster, headers};
use crate::module::MappingDefaults;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> MappingDefaults {
    // Not a section: what is wrong with one of its keys leaves the others as they are.
    let Some(entry) = fields.entry("defaults") else {
        return MappingDefaults::default();
    };
    let Some(entries) = entry.value.entries() else {
        fields.wrong_type(entry, "a mapping");
        return MappingDefaults::default();
    };
    let mut fields = fields.nested(entries, entry.line, "defaults.");
    let others = ["httpmapping", NAMESPACING];
    let general = of(&mut fields, &[KEYS.as_slice(), &others].concat());
    let Some(own) = fields.entry("httpmapping") else {
        return general;
    };
    let Some(entries) = own.value.entries() else {
        fields.wrong_type(own, "a mapping");
        return general;
    };
    let own = of(&mut fields.nested(entries, own.line, "httpmapping."), &KEYS);
    MappingDefaults {
        add_request_headers: own.add_request_headers.or(general.add_request_headers),
        add_response_headers: own.add_response_headers.or(general.add_response_headers),
        remove_request_headers: own
            .remove_request_headers
            .or(general.remove_request_headers),
        remove_response_headers: own
            .remove_response_headers
            .or(general.remove_response_headers),
        stats_name: own.stats_name.or(general.stats_name),
    }
}

/// Whether a dot in the name of a Secret stands before its namespace: what is said here goes before what
/// stands beside `defaults`.
pub(super) fn tls_secret_namespacing(fields: &mut Fields<'_, '_>) -> Option<bool> {
    let beside = fields.boolean(NAMESPACING);
    let Some(defaults) = fields.entry("defaults") else {
        return beside;
    };
    let entries = defaults.value.entries().unwrap_or_default();
    let mut defaults = fields.nested(entries, defaults.line, "defaults.");
    defaults.boolean(NAMESPACING).or(beside)
}

const NAMESPACING: &str = "tls_secret_namespacing";

const KEYS: [&str; 5] = [
    "add_request_headers",
    "add_response_headers",
    "remove_request_headers",
    "remove_response_headers",
    "stats_name",
];

fn of(fields: &mut Fields<'_, '_>, known: &[&str]) -> MappingDefaults {
    for entry in fields.entries() {
        if !known.contains(&&*entry.key) {
            fields.in_vain(&entry.key, "");
        }
    }
    MappingDefaults {
        add_request_headers: headers::additions(fields, "add_request_headers"),
        add_response_headers: headers::additions(fields, "add_response_headers"),
        remove_request_headers: headers::removals(fields, "remove_request_headers"),
        remove_response_headers: headers::removals(fields, "remove_response_headers"),
        stats_name: cluster::stats_name(fields),
    }
}
