//! What becomes of path and host.

use http::HeaderValue;

use super::redirect::substitution;
use crate::Substitution;
use crate::fields::Fields;
use crate::mapping::host::check_host;
use crate::mapping::{InvalidHost, Rewrite};

#[derive(Default)]
pub(super) struct Rewriting {
    pub(super) rewrite: Rewrite,
    pub(super) regex_rewrite: Option<Substitution>,
    pub(super) host_rewrite: Option<HeaderValue>,
    pub(super) auto_host_rewrite: bool,
}

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Rewriting {
    let rewriting = Rewriting {
        rewrite: fields.parsed("rewrite").unwrap_or_default(),
        regex_rewrite: substitution(fields, "regex_rewrite"),
        host_rewrite: fields.parsed_by("host_rewrite", authority),
        auto_host_rewrite: fields.boolean("auto_host_rewrite").unwrap_or(false),
    };
    // Who leaves the path alone is not contradicted.
    if rewriting.rewrite != Rewrite::Untouched {
        if rewriting.regex_rewrite.is_some() {
            fields.in_vain("rewrite", " beside `regex_rewrite`");
        } else if fields.is_true("prefix_regex") {
            fields.in_vain("rewrite", " with `prefix_regex`: write `regex_rewrite`");
        }
    }
    if rewriting.host_rewrite.is_some() && rewriting.auto_host_rewrite {
        fields.in_vain("auto_host_rewrite", " beside `host_rewrite`");
    }
    rewriting
}

fn authority(text: &str) -> Result<HeaderValue, InvalidHost> {
    check_host(text)?;
    HeaderValue::from_str(text).map_err(|_| InvalidHost::Empty)
}
