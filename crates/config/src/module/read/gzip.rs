//! `gzip`: its presence enables it.

use crate::fields::Fields;
use crate::module::Gzip;
use crate::yaml::Entry;

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Option<Gzip> {
    let gzip = fields.section("gzip", |fields| {
        fields.review(&[
            "enabled",
            "memory_level",
            "min_content_length",
            "compression_level",
            "compression_strategy",
            "window_bits",
            "content_type",
            "disable_on_etag_header",
            "remove_accept_encoding_header",
        ]);
        for key in ["memory_level", "compression_strategy", "window_bits"] {
            fields.in_vain(key, ": the gateway's compressor chooses it");
        }
        let enabled = fields.boolean("enabled").unwrap_or(true);
        let gzip = Gzip {
            min_content_length: fields.bytes("min_content_length"),
            compression_level: fields.read("compression_level", LEVELS, level).flatten(),
            content_type: content_type(fields),
            disable_on_etag_header: fields.boolean("disable_on_etag_header").unwrap_or(false),
            remove_accept_encoding_header: fields
                .boolean("remove_accept_encoding_header")
                .unwrap_or(false),
        };
        enabled.then_some(gzip)
    });
    gzip.flatten()
}

const LEVELS: &str = "a number from 1 to 9, `SPEED`, `BEST` or `DEFAULT`";

/// The names are those of Envoy's filters for gzip, old and new; `Some(None)` = the default.
fn level(entry: &Entry<'_>) -> Option<Option<u32>> {
    let text = entry.value.text()?.to_ascii_uppercase();
    match text.as_str() {
        "DEFAULT" | "DEFAULT_COMPRESSION" => return Some(None),
        "SPEED" | "BEST_SPEED" => return Some(Some(1)),
        "BEST" | "BEST_COMPRESSION" => return Some(Some(9)),
        _ => {}
    }
    let digits = text.strip_prefix("COMPRESSION_LEVEL_").unwrap_or(&text);
    let level = digits.parse().ok()?;
    (1..=9).contains(&level).then_some(Some(level))
}

fn content_type(fields: &mut Fields<'_, '_>) -> Option<Box<[Box<str>]>> {
    let types = fields.texts("content_type")?;
    let types = types.iter().map(|line| line.text.trim());
    Some(types.map(|text| text.to_ascii_lowercase().into()).collect())
}
