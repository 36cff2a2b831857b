//! Which requests: path, case, method, headers and query parameters.

use http::{HeaderName, HeaderValue, Method};

use super::{host, remembered};
use crate::fields::Fields;
use crate::mapping::{
    Case, HeaderMatch, HeaderValueMatch, HostMatch, MethodMatch, PathMatch, QueryMatch,
    QueryValueMatch,
};
use crate::quote::quoted;
use crate::yaml::Entry;

/// What a Mapping matches; `path` is `None` after an error.
pub(super) struct Matching {
    pub(super) path: Option<PathMatch>,
    pub(super) case: Case,
    pub(super) host: HostMatch,
    pub(super) hostless: bool,
    pub(super) method: Option<MethodMatch>,
    pub(super) headers: Vec<HeaderMatch>,
    pub(super) query_parameters: Vec<QueryMatch>,
}

pub(super) fn read(fields: &mut Fields<'_, '_>) -> Matching {
    let mut headers = Headers::default();
    headers.read(fields, "headers", exact_header);
    headers.read(fields, "regex_headers", regex_header);
    remembered::headers(fields, &mut headers.matches);
    let path = path(fields);
    let hostless = headers.authority.is_none() && host::is_missing(fields);
    Matching {
        case: case(fields, path.as_ref()),
        path,
        host: host::read(fields, headers.authority),
        hostless,
        method: method(fields, headers.method),
        headers: headers.matches,
        query_parameters: query_parameters(fields),
    }
}

fn path(fields: &mut Fields<'_, '_>) -> Option<PathMatch> {
    let regex = fields.boolean("prefix_regex").unwrap_or(false);
    let exact = fields.boolean("prefix_exact").unwrap_or(false);
    if regex {
        if exact {
            fields.in_vain("prefix_exact", " beside `prefix_regex`");
        }
        if fields.text("prefix")?.is_empty() {
            let line = fields.line_of("prefix");
            fields.error(line, "`prefix` can never match: no path is empty");
        }
        return fields.pattern("prefix").map(PathMatch::Regex);
    }
    let prefix = fields.parsed_by("prefix", |text| {
        text.parse()
            .map_err(|why| format!("can never match: it {why}"))
    })?;
    Some(match exact {
        true => PathMatch::Exact(prefix),
        false => PathMatch::Prefix(prefix),
    })
}

fn case(fields: &mut Fields<'_, '_>, path: Option<&PathMatch>) -> Case {
    match (fields.boolean("case_sensitive"), path) {
        (Some(false), Some(PathMatch::Regex(_))) => {
            fields.in_vain(
                "case_sensitive",
                " with `prefix_regex`: write `(?i)` in the expression",
            );
            Case::Sensitive
        }
        (Some(false), _) => Case::Insensitive,
        (Some(true) | None, _) => Case::Sensitive,
    }
}

fn method(fields: &mut Fields<'_, '_>, header: Option<MethodMatch>) -> Option<MethodMatch> {
    let regex = fields.boolean("method_regex").unwrap_or(false);
    if regex && fields.entry("method").is_none() {
        fields.in_vain("method_regex", " without `method`");
    }
    let written = match regex {
        true => fields.pattern("method").map(MethodMatch::Regex),
        false => exact_method(fields).map(MethodMatch::Exact),
    };
    match (written, header) {
        (Some(written), Some(header)) => {
            if written != header {
                let line = fields.line_of("method");
                fields.warning(line, "`method` goes before `:method`, which is ignored");
            }
            Some(written)
        }
        (written, header) => written.or(header),
    }
}

fn exact_method(fields: &mut Fields<'_, '_>) -> Option<Method> {
    let method: Method = fields.parsed_by("method", parse_method)?;
    let written = method.as_str();
    if written.contains(|c: char| c.is_ascii_lowercase()) {
        let reason = format!(
            "`method`: {} matches only in these letters, methods are case-sensitive",
            quoted(written)
        );
        fields.warning(fields.line_of("method"), reason);
    }
    Some(method)
}

fn parse_method(text: &str) -> Result<Method, &'static str> {
    text.parse().map_err(|_| "is no method")
}

/// What `headers` and `regex_headers` say; pseudo headers stand for the keys they are.
#[derive(Default)]
struct Headers {
    matches: Vec<HeaderMatch>,
    authority: Option<HostMatch>,
    method: Option<MethodMatch>,
}

type ReadHeader = for<'n> fn(&mut Fields<'n, '_>, &'n Entry<'n>) -> Option<HeaderValueMatch>;

impl Headers {
    fn read(&mut self, fields: &mut Fields<'_, '_>, key: &str, read: ReadHeader) {
        fields.section(key, |fields| {
            for entry in fields.entries() {
                match &*entry.key {
                    ":authority" => self.authority(fields, entry, key),
                    ":method" => self.method(fields, key),
                    _ => self.matches.extend(header(fields, entry, read)),
                }
            }
        });
    }

    fn authority(&mut self, fields: &mut Fields<'_, '_>, entry: &Entry<'_>, key: &str) {
        let authority = match key {
            // Every request has one.
            "headers" if entry.value.plain_boolean() == Some(true) => return,
            "headers" => fields.parsed(":authority"),
            _ => fields.pattern(":authority").map(HostMatch::Regex),
        };
        if self.authority.is_some() && authority.is_some() {
            let reason = "`:authority` stands in `headers` and in `regex_headers`: one is enough";
            fields.error(entry.line, reason);
        }
        self.authority = self.authority.take().or(authority);
    }

    fn method(&mut self, fields: &mut Fields<'_, '_>, key: &str) {
        let method = match key {
            "headers" => fields
                .parsed_by(":method", parse_method)
                .map(MethodMatch::Exact),
            _ => fields.pattern(":method").map(MethodMatch::Regex),
        };
        if self.method.is_some() && method.is_some() {
            let reason = "`:method` stands in `headers` and in `regex_headers`: one is enough";
            fields.error(fields.line_of(":method"), reason);
        }
        self.method = self.method.take().or(method);
    }
}

fn header<'n>(
    fields: &mut Fields<'n, '_>,
    entry: &'n Entry<'n>,
    read: ReadHeader,
) -> Option<HeaderMatch> {
    let Ok(name) = HeaderName::try_from(&*entry.key) else {
        let reason = format!("{} is no header name", fields.name(&entry.key));
        fields.error(entry.line, reason);
        return None;
    };
    let value = read(fields, entry)?;
    Some(HeaderMatch { name, value })
}

fn exact_header<'n>(fields: &mut Fields<'n, '_>, entry: &'n Entry<'n>) -> Option<HeaderValueMatch> {
    match (entry.value.plain_boolean(), entry.value.text()) {
        // Emissary takes an empty value for a header that must be present.
        (Some(true), _) | (None, Some("")) => Some(HeaderValueMatch::Present),
        (None, Some(text)) => {
            let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
                let name = fields.name(&entry.key);
                let reason = format!("{name}: {} is no header value", quoted(text));
                fields.error(entry.line, reason);
                return None;
            };
            Some(HeaderValueMatch::Exact(value))
        }
        (Some(false), _) | (None, None) => {
            fields.wrong_type(entry, "text or true");
            None
        }
    }
}

fn regex_header<'n>(fields: &mut Fields<'n, '_>, entry: &'n Entry<'n>) -> Option<HeaderValueMatch> {
    fields.pattern_of(entry).map(HeaderValueMatch::Regex)
}

fn query_parameters(fields: &mut Fields<'_, '_>) -> Vec<QueryMatch> {
    let mut matches = query(fields, "query_parameters", exact_parameter);
    matches.extend(query(fields, "regex_query_parameters", regex_parameter));
    remembered::query_parameters(fields, &mut matches);
    matches
}

type ReadParameter = for<'n> fn(&mut Fields<'n, '_>, &'n Entry<'n>) -> Option<QueryValueMatch>;

fn query(fields: &mut Fields<'_, '_>, key: &str, read: ReadParameter) -> Vec<QueryMatch> {
    let matches = fields.section(key, |fields| {
        let mut matches = Vec::new();
        for entry in fields.entries() {
            if entry.key.is_empty() {
                fields.error(entry.line, "a query parameter has no name");
            }
            let name = (*entry.key).into();
            matches.extend(read(fields, entry).map(|value| QueryMatch { name, value }));
        }
        matches
    });
    matches.unwrap_or_default()
}

fn exact_parameter<'n>(
    fields: &mut Fields<'n, '_>,
    entry: &'n Entry<'n>,
) -> Option<QueryValueMatch> {
    match (entry.value.plain_boolean(), entry.value.text()) {
        (Some(true), _) | (None, Some("")) => Some(QueryValueMatch::Present),
        (None, Some(text)) => Some(QueryValueMatch::Exact(text.into())),
        (Some(false), _) | (None, None) => {
            fields.wrong_type(entry, "text or true");
            None
        }
    }
}

fn regex_parameter<'n>(
    fields: &mut Fields<'n, '_>,
    entry: &'n Entry<'n>,
) -> Option<QueryValueMatch> {
    fields.pattern_of(entry).map(QueryValueMatch::Regex)
}
