//! Which hosts: `hostname` goes before `host`, as in Emissary, and either before a header named
//! `:authority`.

use crate::fields::Fields;
use crate::mapping::HostMatch;

pub(super) fn read(fields: &mut Fields<'_, '_>, authority: Option<HostMatch>) -> HostMatch {
    let regex = fields.boolean("host_regex").unwrap_or(false);
    if regex && fields.entry("host").is_none() {
        fields.in_vain("host_regex", " without `host`");
    }
    let host = said(fields, "host").and_then(|()| match regex {
        true => fields.pattern("host").map(HostMatch::Regex),
        false => fields.parsed("host"),
    });
    let hostname = said(fields, "hostname").and_then(|()| fields.parsed("hostname"));
    let authority = refuse_two_conditions(fields, authority);
    let written = [
        ("hostname", hostname),
        ("host", host),
        (":authority", authority),
    ];
    let mut written = written
        .into_iter()
        .filter_map(|(key, host)| Some((key, host?)));
    let Some((first, host)) = written.next() else {
        return HostMatch::Any;
    };
    for (key, other) in written {
        if other != host {
            let line = fields.line_of(first);
            fields.warning(
                line,
                format!("`{first}` goes before `{key}`, which is ignored"),
            );
        }
    }
    host
}

/// Whether neither stands there, in a version that does not take this for `*`.
pub(super) fn is_missing(fields: &Fields<'_, '_>) -> bool {
    let version = fields.entry("apiVersion");
    let version = version.and_then(|entry| entry.value.text());
    let is_written = |key| {
        let entry = fields.entry(key);
        entry.is_some_and(|entry| entry.value.text() != Some(""))
    };
    version.is_some_and(|version| version.ends_with("/v3alpha1"))
        && !["host", "hostname"].into_iter().any(is_written)
}

/// Whether a host stands under a key. As in Emissary, an empty text is none.
fn said(fields: &mut Fields<'_, '_>, key: &str) -> Option<()> {
    let is_empty = fields.entry(key)?.value.text() == Some("");
    if is_empty {
        let reason = format!("{} is empty and says nothing", fields.name(key));
        fields.warning(fields.line_of(key), reason);
    }
    (!is_empty).then_some(())
}

/// Emissary lets an expression for `:authority` hold beside `host`. A host is one condition here, and
/// without the other the Mapping would take requests that are not meant for it.
fn refuse_two_conditions(
    fields: &mut Fields<'_, '_>,
    authority: Option<HostMatch>,
) -> Option<HostMatch> {
    let mut others = ["hostname", "host"].into_iter();
    let other = others.find(|key| fields.entry(key).is_some());
    let (Some(HostMatch::Regex(_)), Some(key)) = (&authority, other) else {
        return authority;
    };
    let reason = format!("`{key}` cannot stand beside `:authority` in `regex_headers`");
    fields.error(fields.line_of(key), reason);
    None
}
