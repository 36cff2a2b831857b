//! `liveness_probe`, `readiness_probe` and `diagnostics`.
//!
//! What answers is the gateway itself, so `service` and `rewrite` are its own to choose: the values
//! that Ambassador's documentation writes out are tolerated, others are told of.

use crate::fields::Fields;
use crate::mapping::Prefix;
use crate::module::InternalMapping;

/// Reads a Mapping of the gateway's own, which answers at `path` unless another is written.
pub(super) fn read(
    fields: &mut Fields<'_, '_>,
    probe: &str,
    path: &str,
) -> Option<InternalMapping> {
    fields.section(probe, |fields| {
        let known: &[&str] = match probe {
            "diagnostics" => &["enabled", "prefix", "rewrite", "service", "allow_non_local"],
            _ => &["enabled", "prefix", "rewrite", "service"],
        };
        fields.review(known);
        for (key, default) in [("rewrite", path), ("service", SERVICE)] {
            if fields.text(key).is_some_and(|written| written != default) {
                fields.in_vain(key, ": the gateway answers itself");
            }
        }
        fields.boolean("allow_non_local");
        if probe != "diagnostics" && fields.entry("enabled").is_none() {
            let line = fields.line_of("enabled");
            fields.warning(line, format!("`{probe}` is off without `enabled: true`"));
        }
        let prefix = fields.parsed::<Prefix>("prefix");
        InternalMapping {
            enabled: fields.boolean("enabled"),
            prefix: prefix
                .filter(|prefix| prefix.as_str() != path)
                .map(|prefix| prefix.as_str().into()),
        }
    })
}

/// `diagnostics.allow_non_local`, once [`read`] has checked it.
pub(super) fn allow_non_local(fields: &Fields<'_, '_>) -> Option<bool> {
    let diagnostics = fields.entry("diagnostics")?;
    diagnostics.value.get("allow_non_local")?.boolean()
}

const SERVICE: &str = "127.0.0.1:8877";
