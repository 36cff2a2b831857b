//! What one Mapping says in vain, or cannot have.

use nuncio_config::{
    HeaderValueMatch, HostMatch, Mapping, MethodMatch, Module, PathMatch, Pattern, QueryValueMatch,
};

use super::groups::Member;
use super::report::Report;
use super::upstream::wants_no_family;
use crate::table::MAX_HOST_LEN;
use crate::{PathRules, normalized};

/// Whether the Mapping can be live; what it says in vain is reported.
pub(super) fn judge(
    member: &Member<'_>,
    module: &Module,
    rules: PathRules,
    report: &mut Report,
) -> bool {
    let Member { resource, mapping } = member;
    if wants_no_family(&mapping.cluster, module) {
        report.warning(
            resource,
            "neither enable_ipv4 nor enable_ipv6 is true: IPv4 is used, as Emissary does",
        );
    }
    can_match(member, rules, report)
        && fits(member, module, report)
        && is_no_longer_than_names(member, report)
}

fn is_no_longer_than_names(Member { resource, mapping }: &Member<'_>, report: &mut Report) -> bool {
    let len = match &mapping.host {
        HostMatch::Any | HostMatch::Regex(_) => 0,
        HostMatch::Exact(text) | HostMatch::Suffix(text) | HostMatch::Prefix(text) => text.len(),
    };
    if len > MAX_HOST_LEN {
        let reason = "the host can never match: it is longer than any name";
        report.error(resource, reason);
    }
    len <= MAX_HOST_LEN
}

/// Paths are matched in their one spelling; a text that no path is spelled like is an error, as any
/// other that can never match.
fn can_match(
    Member { resource, mapping }: &Member<'_>,
    rules: PathRules,
    report: &mut Report,
) -> bool {
    let (text, beginning) = match &mapping.path {
        PathMatch::Exact(path) => (path.as_str(), path.as_str().to_owned()),
        // Whatever follows: a dot segment that ends here may go on as a name.
        PathMatch::Prefix(prefix) => (prefix.as_str(), format!("{}x", prefix.as_str())),
        PathMatch::Regex(_) => return true,
    };
    let normal = normalized(&beginning, rules);
    if normal.as_deref() == Ok(&*beginning) {
        return true;
    }
    let why = match normalized(text, rules) {
        Ok(spelled) => format!("such paths are read as {spelled:?}"),
        Err(_) => "such paths are refused".to_owned(),
    };
    report.error(
        resource,
        format_args!("prefix {text:?} can never match: {why}"),
    );
    false
}

/// Whether the patterns are as small as the Module wants them.
fn fits(Member { resource, mapping }: &Member<'_>, module: &Module, report: &mut Report) -> bool {
    let limit = module.regex_max_size.unwrap_or(u64::MAX);
    let too_large = |(_, pattern): &(_, &Pattern)| pattern.size() as u64 > limit;
    let Some((attribute, pattern)) = patterns(mapping).find(too_large) else {
        return true;
    };
    let reason = format_args!(
        "{attribute} {:?} is too large: it has {} states, and the Module's regex_max_size is {limit}",
        pattern.as_str(),
        pattern.size()
    );
    report.error(resource, reason);
    false
}

/// The patterns of a Mapping with their attributes.
fn patterns(mapping: &Mapping) -> impl Iterator<Item = (&'static str, &Pattern)> {
    let path = match &mapping.path {
        PathMatch::Regex(pattern) => Some(("prefix_regex", pattern)),
        PathMatch::Prefix(_) | PathMatch::Exact(_) => None,
    };
    let host = match &mapping.host {
        HostMatch::Regex(pattern) => Some(("host_regex", pattern)),
        HostMatch::Any | HostMatch::Exact(_) | HostMatch::Suffix(_) | HostMatch::Prefix(_) => None,
    };
    let method = match &mapping.method {
        Some(MethodMatch::Regex(pattern)) => Some(("method_regex", pattern)),
        Some(MethodMatch::Exact(_)) | None => None,
    };
    let headers = mapping.headers.iter();
    let headers = headers.filter_map(|header| match &header.value {
        HeaderValueMatch::Regex(pattern) => Some(("regex_headers", pattern)),
        HeaderValueMatch::Exact(_) | HeaderValueMatch::Present => None,
    });
    let query = mapping.query_parameters.iter();
    let query = query.filter_map(|parameter| match &parameter.value {
        QueryValueMatch::Regex(pattern) => Some(("regex_query_parameters", pattern)),
        QueryValueMatch::Exact(_) | QueryValueMatch::Present => None,
    });
    let one = [path, host, method].into_iter().flatten();
    one.chain(headers).chain(query)
}
