//! A canary Ingress: members of the groups that another Ingress began, and Mappings that a header or a
//! cookie leads to.

use super::rules::Rule;
use super::{Translator, Work};
use crate::yaml::Yaml;

type Keys = Vec<(String, Yaml)>;

/// Writes the Mappings of a canary.
pub(super) fn write(work: &mut Work<'_>, translator: &mut Translator, rules: &[Rule]) {
    let common = work.settings.common();
    let weight = weight(work);
    let conditions = conditions(work);
    for rule in rules {
        for form in &rule.forms {
            let mut spec = rule.matching(form);
            spec.push(("service".to_owned(), Yaml::text(rule.service.as_str())));
            spec.extend(rule.rewriting(form, &mut work.settings));
            spec.extend(common.iter().cloned());
            for condition in &conditions {
                let mut spec = spec.clone();
                spec.extend(condition.iter().cloned());
                translator.mapping(work, &format!("{}-canary", rule.name), spec);
            }
            if weight > 0 || conditions.is_empty() {
                spec.push(("weight".to_owned(), Yaml::Int(weight)));
                translator.mapping(work, &rule.name, spec);
            }
        }
    }
}

fn weight(work: &mut Work<'_>) -> i64 {
    let written = work.settings.get("canary-weight").unwrap_or("0");
    match written.parse::<i64>() {
        Ok(weight @ 0..=100) => weight,
        Ok(_) | Err(_) => {
            work.settings
                .refuse("canary-weight", "not translated: it is no percentage");
            0
        }
    }
}

/// What leads to the canary whatever its weight.
fn conditions(work: &Work<'_>) -> Vec<Keys> {
    let settings = &work.settings;
    let mut conditions = Vec::new();
    if let Some(header) = settings.get("canary-by-header") {
        let value = settings.get("canary-by-header-value");
        let pattern = settings.get("canary-by-header-pattern");
        conditions.push(match (value, pattern) {
            (Some(value), _) => condition("headers", header, value),
            (None, Some(pattern)) => {
                condition("regex_headers", header, &format!(".*(?:{pattern}).*"))
            }
            (None, None) => condition("headers", header, "always"),
        });
    }
    if let Some(cookie) = settings.get("canary-by-cookie") {
        let pattern = format!("(?:.*;\\s*)?{}=always(?:;.*)?", escaped(cookie));
        conditions.push(condition("regex_headers", "cookie", &pattern));
    }
    conditions
}

fn condition(key: &str, header: &str, value: &str) -> Keys {
    vec![(key.to_owned(), Yaml::map([(header, Yaml::text(value))]))]
}

/// A text as a regular expression.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        if !c.is_ascii_alphanumeric() && c != '_' && c != '-' {
            out.push('\\');
        }
        out.push(c);
    }
    out
}
