//! Paths of an Ingress as nginx matches them, in the forms that a Mapping has.

use crate::yaml::Yaml;

/// One form of a path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Form {
    pub(super) text: String,
    pub(super) kind: FormKind,
}

/// What of a path is matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum FormKind {
    Exact,
    Prefix,
    Regex,
}

/// What is said of how to match.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathType {
    Exact,
    /// By whole elements: `/a` takes `/a/b` and not `/ab`.
    Prefix,
    /// nginx's own: the path begins so.
    Specific,
}

impl PathType {
    /// Without a type it is nginx's own.
    pub(super) fn of(text: &str) -> Option<Self> {
        match text {
            "Exact" => Some(Self::Exact),
            "Prefix" => Some(Self::Prefix),
            "" | "ImplementationSpecific" => Some(Self::Specific),
            _ => None,
        }
    }
}

/// The forms that together match what nginx does.
pub(super) fn forms(path: &str, of: PathType, by_regex: bool) -> Vec<Form> {
    let form = |kind, text: &str| Form {
        text: text.to_owned(),
        kind,
    };
    let bare = path.trim_end_matches('/');
    match of {
        PathType::Exact => vec![form(FormKind::Exact, path)],
        PathType::Prefix | PathType::Specific if by_regex => {
            vec![form(FormKind::Regex, &regex(path, of))]
        }
        PathType::Prefix if bare.is_empty() => vec![form(FormKind::Prefix, "/")],
        PathType::Prefix => vec![
            form(FormKind::Exact, bare),
            form(FormKind::Prefix, &format!("{bare}/")),
        ],
        PathType::Specific => vec![form(FormKind::Prefix, path)],
    }
}

/// nginx's `~* ^path`, which need not match to the end, as an expression for the whole path.
fn regex(path: &str, of: PathType) -> String {
    let path = path.strip_prefix('^').unwrap_or(path);
    if of == PathType::Prefix && !path.contains(['(', '[', '*', '+', '?', '$', '\\', '|']) {
        let bare = path.trim_end_matches('/');
        return match bare {
            "" => "(?i)/.*".to_owned(),
            _ => format!("(?i){}(?:/.*)?", bare.replace('.', "\\.")),
        };
    }
    let is_escaped = path.ends_with("\\$");
    match path.strip_suffix('$').filter(|_| !is_escaped) {
        Some(whole) => format!("(?i){whole}"),
        None if path.ends_with(".*") || path.ends_with("(.*)") => format!("(?i){path}"),
        None => format!("(?i)(?:{path}).*"),
    }
}

/// `rewrite-target` for a form; `None` where variables are in it that only nginx has.
pub(super) fn rewrite(form: &Form, target: &str) -> Option<(String, Yaml)> {
    let substitution = substitution(target)?;
    if form.kind != FormKind::Regex {
        let is_plain = !substitution.contains('\\');
        return is_plain.then(|| ("rewrite".to_owned(), Yaml::text(target)));
    }
    let rewrite = Yaml::map([
        ("pattern", Yaml::text(form.text.as_str())),
        ("substitution", Yaml::Text(substitution)),
    ]);
    Some(("regex_rewrite".to_owned(), rewrite))
}

/// `$1` is `\1`.
fn substitution(target: &str) -> Option<String> {
    let mut out = String::new();
    let mut rest = target.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\\' => out.push_str("\\\\"),
            '$' => {
                let braced = rest.next_if_eq(&'{').is_some();
                let digit = rest.next_if(char::is_ascii_digit)?;
                out.extend(['\\', digit]);
                if braced {
                    rest.next_if_eq(&'}')?;
                }
            }
            _ => out.push(c),
        }
    }
    target.starts_with(['/', '$']).then_some(out)
}
