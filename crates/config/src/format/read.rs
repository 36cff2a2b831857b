//! Reads formats from keys and says what was wrong with them.

use super::Format;
use crate::fields::{Fields, Line};
use crate::quote::quoted;

/// Reads the text of the key called `name`.
pub(crate) fn read(fields: &mut Fields<'_, '_>, name: &str, written: Line<'_>) -> Option<Format> {
    let format: Format = match written.text.parse() {
        Ok(format) => format,
        Err(why) => {
            let reason = format!("{name}: {} {why}", quoted(written.text));
            fields.error(written.line, reason);
            return None;
        }
    };
    for operator in format.absent() {
        let reason = format!("{name}: `%{operator}%` is not honoured: it says nothing");
        fields.warning(written.line, reason);
    }
    Some(format)
}

type NamedFormat = (Box<str>, Format);

/// Reads a mapping of texts, in the order written.
pub(crate) fn read_fields(fields: &mut Fields<'_, '_>, key: &str) -> Option<Box<[NamedFormat]>> {
    fields.section(key, |fields| {
        let entries = fields.entries();
        let formats = entries.iter().filter_map(|entry| {
            let text = fields.text_of(entry)?;
            let name = fields.name(&entry.key);
            let line = entry.line;
            let format = read(fields, &name, Line { text, line })?;
            Some(((*entry.key).into(), format))
        });
        formats.collect()
    })
}
