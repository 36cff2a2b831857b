//! The lines of a `configuration-snippet` that are about headers.
//!
//! Deliberately absent: nginx's language. What is no such line is left, and told of.

use crate::yaml::Yaml;

/// What was recognised, and what was not.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Snippet {
    pub(super) request: Vec<(String, String)>,
    response: Vec<(String, String)>,
    removed: Vec<String>,
    pub(super) left: Vec<String>,
}

/// Reads directives, each up to its semicolon.
pub(super) fn read(text: &str) -> Snippet {
    let mut snippet = Snippet::default();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.starts_with('#'));
    let text: String = lines.collect::<Vec<_>>().join(" ");
    for directive in directives(&text) {
        if snippet.take(&directive).is_none() {
            snippet.left.push(directive);
        }
    }
    snippet
}

impl Snippet {
    fn take(&mut self, directive: &str) -> Option<()> {
        let words = words(directive);
        let (name, arguments) = words.split_first()?;
        let plain = arguments.iter().all(|it| !it.contains(['$', '%']));
        match (name.as_str(), arguments) {
            _ if !plain => return None,
            ("more_set_headers", headers) if !headers.is_empty() => {
                let headers: Option<Vec<_>> = headers.iter().map(|it| header(it)).collect();
                self.response.extend(headers?);
            }
            ("add_header", [name, value]) => self.response.push((name.clone(), value.clone())),
            ("add_header", [name, value, always]) if always == "always" => {
                self.response.push((name.clone(), value.clone()));
            }
            ("proxy_set_header", [name, value]) if !name.eq_ignore_ascii_case("host") => {
                self.request.push((name.clone(), value.clone()));
            }
            ("more_clear_headers", names) if !names.is_empty() => {
                self.removed.extend(names.iter().cloned());
            }
            _ => return None,
        }
        Some(())
    }

    /// As keys of a Mapping.
    pub(super) fn keys(self) -> Vec<(String, Yaml)> {
        let additions = |headers: Vec<(String, String)>| {
            let mut map: Vec<(String, Yaml)> = Vec::new();
            for (name, value) in headers {
                map.retain(|(it, _)| !it.eq_ignore_ascii_case(&name));
                let value =
                    Yaml::map([("value", Yaml::Text(value)), ("append", Yaml::Bool(false))]);
                map.push((name, value));
            }
            Yaml::Map(map)
        };
        let all = [
            ("add_request_headers", additions(self.request)),
            ("add_response_headers", additions(self.response)),
            ("remove_response_headers", Yaml::texts(self.removed)),
        ];
        let said = all
            .into_iter()
            .filter(|(_, it)| *it != Yaml::Map(Vec::new()) && *it != Yaml::List(Vec::new()));
        said.map(|(key, value)| (key.to_owned(), value)).collect()
    }
}

fn header(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once(':')?;
    let is_name = !name.is_empty() && !name.contains(char::is_whitespace);
    is_name.then(|| (name.to_owned(), value.trim().to_owned()))
}

/// Texts between semicolons that stand in no quotes; a block in braces is one.
fn directives(text: &str) -> Vec<String> {
    let (mut all, mut one) = (Vec::new(), String::new());
    let (mut quote, mut depth) = (None, 0usize);
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => quote = Some(c),
            (None, '{') => depth += 1,
            (None, '}') => depth = depth.saturating_sub(1),
            (Some(_), _) | (None, _) => {}
        }
        let ends = quote.is_none() && depth == 0 && matches!(c, ';' | '}');
        if !ends || c == '}' {
            one.push(c);
        }
        if ends {
            all.push(std::mem::take(&mut one));
        }
    }
    all.push(one);
    let all = all.iter().map(|it| it.trim()).filter(|it| !it.is_empty());
    all.map(str::to_owned).collect()
}

/// Words, those in quotes as one.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut begun = false;
    for c in text.chars() {
        match (quote, c) {
            (Some(open), _) if c == open => quote = None,
            (None, '"' | '\'') => {
                quote = Some(c);
                begun = true;
            }
            (None, _) if c.is_whitespace() => {
                if begun || !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (Some(_), _) | (None, _) => word.push(c),
        }
    }
    if begun || !word.is_empty() {
        words.push(word);
    }
    words
}
