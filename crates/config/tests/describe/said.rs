//! What a resource says: the fields that are not as they would be without a word.

use std::fmt::Debug;

/// A line for each field that differs from the default's, down to the structs that both have.
pub(super) fn differences<T: Debug>(value: &T, default: &T) -> Vec<String> {
    let (value, default) = (format!("{value:#?}"), format!("{default:#?}"));
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let mut said = Vec::new();
    compare(
        &inner(lines(&value)),
        &inner(lines(&default)),
        "",
        &mut said,
    );
    said
}

/// Compares the fields of two structs, which have the same ones in the same order.
fn compare(value: &[String], default: &[String], within: &str, said: &mut Vec<String>) {
    for (field, default) in fields(value).into_iter().zip(fields(default)) {
        if field == default {
            continue;
        }
        let both_structs = field.len() > 1 && field.first() == default.first();
        if both_structs && field.first().is_some_and(|head| head.ends_with('{')) {
            let name = field.iter().flat_map(|head| head.trim().split(':')).next();
            let within = format!("{within}{}.", name.unwrap_or_default());
            compare(&inner(field), &inner(default), &within, said);
        } else {
            said.push(format!("{within}{}", compact(&field)));
        }
    }
}

/// What stands between the first line and the last.
fn inner(lines: Vec<String>) -> Vec<String> {
    let last = lines.len().saturating_sub(1);
    lines.into_iter().take(last).skip(1).collect()
}

/// Groups of lines that begin with the least indented ones.
fn fields(lines: &[String]) -> Vec<Vec<String>> {
    let indentation = |line: &String| line.len() - line.trim_start().len();
    let least = lines.iter().map(indentation).min().unwrap_or(0);
    let mut fields: Vec<Vec<String>> = Vec::new();
    for line in lines {
        let begins =
            indentation(line) == least && line.trim().starts_with(|c: char| c.is_alphabetic());
        match fields.last_mut() {
            Some(field) if !begins => field.push(line.clone()),
            _ => fields.push(vec![line.clone()]),
        }
    }
    fields
}

fn compact(lines: &[String]) -> String {
    let text: String = lines
        .iter()
        .map(|line| format!("{} ", line.trim()))
        .collect();
    let text = text.trim_end().trim_end_matches(',');
    [
        ("( ", "("),
        (", )", ")"),
        ("[ ", "["),
        (", ]", "]"),
        (", }", " }"),
    ]
    .iter()
    .fold(text.to_owned(), |text, (long, short)| {
        text.replace(long, short)
    })
}
