//! Holds `docs/flags.md` to the command line: the page is what this makes of clap's own definition.
//!
//! `NUNCIO_WRITE_DOCS=1 cargo test -p nuncio the_page_of_flags` writes it anew.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use clap::{Arg, Command, CommandFactory};

use super::Arguments;

const HEAD: &str = "\
# Flags

Every flag of `nuncio` and the environment variable that says the same; a flag goes before its variable,
and both before what the Module `ambassador` says. This page is made from the program's own definition,
and a test holds it to that. [environment.md](environment.md) has the variables that are no flags.

A TIME is `500ms`, `10s`, `5m` or `1h`; BYTES are a number, or `64Ki`, `512Mi`. A flag that may be given
several times has its values separated by commas in the variable.
";

#[test]
fn the_page_of_flags_is_what_the_command_line_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/flags.md");
    let page = page();
    if std::env::var_os("NUNCIO_WRITE_DOCS").is_some() {
        fs::write(&file, &page).unwrap();
    }
    let written = fs::read_to_string(&file).unwrap();
    assert!(
        written == page,
        "docs/flags.md is not what the command line says; write it anew: \
         NUNCIO_WRITE_DOCS=1 cargo test -p nuncio the_page_of_flags"
    );
}

fn page() -> String {
    let mut command = Arguments::command();
    command.build();
    let mut page = HEAD.to_owned();
    let run: Vec<String> = command.get_arguments().map(row).collect();
    for sub in command.get_subcommands() {
        if sub.get_name() == "help" {
            continue;
        }
        let known = if sub.get_name() == "run" {
            &[][..]
        } else {
            &run
        };
        section(&mut page, sub, known);
    }
    page
}

/// What one command takes; of flags that are those of `run`, the names alone.
fn section(page: &mut String, command: &Command, known: &[String]) {
    let about = command.get_long_about().or(command.get_about());
    let about = about.map(ToString::to_string).unwrap_or_default();
    let _ = write!(page, "\n## `nuncio {}`\n\n", command.get_name());
    let _ = writeln!(page, "{}", about.trim());
    let mut shared = Vec::new();
    let mut rows = String::new();
    for argument in command.get_arguments().filter(|argument| is_ours(argument)) {
        let row = row(argument);
        match argument.get_long() {
            Some(long) if known.contains(&row) => shared.push(format!("`--{long}`")),
            Some(_) | None => rows.push_str(&row),
        }
    }
    if !rows.is_empty() {
        let _ = write!(
            page,
            "\n| Flag, variable | Default | What |\n|---|---|---|\n{rows}"
        );
    }
    if !shared.is_empty() {
        let _ = write!(page, "\nAs of `run`: {}.\n", shared.join(", "));
    }
}

fn is_ours(argument: &Arg) -> bool {
    !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
}

fn row(argument: &Arg) -> String {
    let help = argument.get_long_help().or(argument.get_help());
    let help = help.map(ToString::to_string).unwrap_or_default();
    let (text, told) = without_default(&one_line(&help).replace('*', "\\*"));
    let default = written_default(argument).or(told).unwrap_or_default();
    let variable = argument.get_env().and_then(|name| name.to_str());
    let variable = variable
        .map(|name| format!("<br>`{name}`"))
        .unwrap_or_default();
    let cells = [
        flag(argument) + &variable,
        default,
        text + &choices(argument),
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

/// `--flag VALUE`, or the name of a value without a flag.
fn flag(argument: &Arg) -> String {
    let takes = argument.get_action().takes_values() || argument.is_require_equals_set();
    let names = argument.get_value_names().filter(|_| takes);
    let names = names.unwrap_or_default();
    let names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
    let Some(long) = argument.get_long() else {
        return format!("`{}`", names.join(" "));
    };
    let short = argument.get_short().map(|short| format!("`-{short}`, "));
    let value = match (names.join(" "), argument.is_require_equals_set()) {
        (names, _) if names.is_empty() => names,
        (names, true) => format!("[={names}]"),
        (names, false) => format!(" {names}"),
    };
    format!("{}`--{long}{value}`", short.unwrap_or_default())
}

fn written_default(argument: &Arg) -> Option<String> {
    if argument.is_hide_default_value_set() || !argument.get_action().takes_values() {
        return None;
    }
    let values = argument.get_default_values();
    let values: Vec<String> = values
        .iter()
        .map(|value| format!("`{}`", value.to_string_lossy()))
        .collect();
    (!values.is_empty()).then(|| values.join(", "))
}

/// The text without its `[default: ...]`, and what that says.
fn without_default(text: &str) -> (String, Option<String>) {
    let Some((before, rest)) = text.split_once(" [default: ") else {
        return (text.to_owned(), None);
    };
    let (default, after) = rest.split_once(']').unwrap_or((rest, ""));
    (format!("{before}{after}"), Some(default.to_owned()))
}

fn choices(argument: &Arg) -> String {
    let mut said = String::new();
    for choice in argument.get_possible_values() {
        // Of switches, clap's own `true` and `false` say nothing.
        if let Some(help) = choice.get_help() {
            let help = one_line(&help.to_string());
            let _ = write!(said, "; `{}`: {help}", choice.get_name());
        }
    }
    said
}

fn one_line(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}
