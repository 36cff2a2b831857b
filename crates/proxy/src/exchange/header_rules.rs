//! Headers that a Mapping removes and adds.
//!
//! Invariant: whatever is asked for, the message keeps its host and its one framing.

use http::header::{CONTENT_LENGTH, HOST, HeaderName, HeaderValue};
use nuncio_routing::HeaderRules;
use pingora_core::Result;
use pingora_http::{RequestHeader, ResponseHeader};

use super::facts::Facts;
use super::fields::is_hop_by_hop;
use super::format;

/// The header fields of a message.
pub(super) trait Fields {
    fn remove(&mut self, name: &HeaderName);
    fn replace(&mut self, name: &HeaderName, value: HeaderValue) -> Result<()>;
    fn append(&mut self, name: &HeaderName, value: HeaderValue) -> Result<()>;
}

/// Removes and then adds what `rules` say.
///
/// # Errors
///
/// When there are more fields than a head can hold.
pub(super) fn apply(rules: &HeaderRules, facts: &Facts<'_>, head: &mut impl Fields) -> Result<()> {
    for name in rules.remove.iter().filter(|name| !is_fixed(name)) {
        head.remove(name);
    }
    for addition in rules
        .add
        .iter()
        .filter(|addition| !is_fixed(&addition.name))
    {
        let Some(value) = format::header_value(&addition.value, facts) else {
            continue;
        };
        if addition.append {
            head.append(&addition.name, value)?;
        } else {
            head.replace(&addition.name, value)?;
        }
    }
    Ok(())
}

/// Fields that say where a message goes and where it ends. Envoy refuses rules for `host`.
fn is_fixed(name: &HeaderName) -> bool {
    matches!(*name, HOST | CONTENT_LENGTH) || is_hop_by_hop(name)
}

macro_rules! fields {
    ($head:ty) => {
        impl Fields for $head {
            fn remove(&mut self, name: &HeaderName) {
                self.remove_header(name);
            }

            fn replace(&mut self, name: &HeaderName, value: HeaderValue) -> Result<()> {
                self.insert_header(name, value)
            }

            fn append(&mut self, name: &HeaderName, value: HeaderValue) -> Result<()> {
                self.append_header(name, value).map(drop)
            }
        }
    };
}

fields!(RequestHeader);
fields!(ResponseHeader);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_message_goes_and_where_it_ends_is_not_a_mappings_to_say() {
        for name in [
            "host",
            "content-length",
            "transfer-encoding",
            "connection",
            "upgrade",
            "te",
            "trailer",
        ] {
            assert!(is_fixed(&HeaderName::from_static(name)), "{name}");
        }
        for name in ["x-host", "content-type", "cookie", "x-forwarded-for"] {
            assert!(!is_fixed(&HeaderName::from_static(name)), "{name}");
        }
    }
}
