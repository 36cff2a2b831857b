//! `allow_upgrade`, and `use_websocket` before it.

use std::collections::BTreeSet;

use http::HeaderName;

use crate::fields::Fields;
use crate::quote::quoted;

/// The tokens in lower case, sorted, each once.
pub(super) fn read(fields: &mut Fields<'_, '_>) -> Box<[Box<str>]> {
    let mut tokens: BTreeSet<Box<str>> = BTreeSet::new();
    for written in fields.texts("allow_upgrade").unwrap_or_default() {
        if !is_protocol(written.text) {
            let token = quoted(written.text);
            let reason = format!("`allow_upgrade`: {token} is no protocol");
            fields.error(written.line, reason);
        }
        let token = written.text.to_ascii_lowercase();
        if token == "connect" {
            let reason = "`allow_upgrade`: the method CONNECT is not honoured";
            fields.warning(written.line, reason);
        }
        tokens.insert(token.into());
    }
    if fields.boolean("use_websocket") == Some(true) {
        tokens.insert("websocket".into());
    }
    tokens.into_iter().collect()
}

/// RFC 9110, 7.8: `protocol-name ["/" protocol-version]`, both tokens.
fn is_protocol(text: &str) -> bool {
    let (name, version) = text.split_once('/').unwrap_or((text, "1"));
    [name, version]
        .iter()
        .all(|token| HeaderName::from_bytes(token.as_bytes()).is_ok())
}
