//! `nuncio completions` and `nuncio man`: the command line, told to shells and to `man`.
//!
//! Invariant: both are made from the arguments that are parsed, so that they cannot lag behind.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::CommandFactory;
use clap_mangen::Man;

use crate::arguments::{Arguments, CompletionsArguments, ManArguments};
use crate::logging;

/// The input cannot be used, as clap says it.
const UNUSABLE: u8 = 2;

/// Prints completions for a shell.
pub(crate) fn completions(asked: &CompletionsArguments) -> ExitCode {
    let mut command = Arguments::command();
    let name = command.get_name().to_owned();
    let mut script = Vec::new();
    clap_complete::generate(asked.shell, &mut command, name, &mut script);
    print(&script)
}

/// Prints a manual page.
pub(crate) fn man(asked: &ManArguments) -> ExitCode {
    let Some(command) = of_name(asked.command.as_deref()) else {
        let name = asked.command.as_deref().unwrap_or_default();
        logging::complain(&format!("there is no command {name:?}"));
        return UNUSABLE.into();
    };
    match page(command) {
        Ok(page) => print(page.as_bytes()),
        Err(error) => {
            logging::complain(&format!("cannot write the page: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn page(command: clap::Command) -> io::Result<String> {
    let mut page = Vec::new();
    Man::new(command).render(&mut page)?;
    String::from_utf8(page).map_err(io::Error::other)
}

/// The command of this name below `nuncio`, or that itself, under the name that its page has.
fn of_name(name: Option<&str>) -> Option<clap::Command> {
    let mut all = Arguments::command();
    // Gives commands below it their whole names.
    all.build();
    match name {
        None => Some(all),
        Some(name) => all.find_subcommand(name).cloned(),
    }
}

fn print(text: &[u8]) -> ExitCode {
    match io::stdout().lock().write_all(text) {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever closed standard output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            logging::complain(&format!("cannot print: {error}"));
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap_complete::Shell;

    use super::*;

    #[test]
    fn every_shell_is_told_of_every_command_and_flag() {
        for shell in [
            Shell::Bash,
            Shell::Elvish,
            Shell::Fish,
            Shell::PowerShell,
            Shell::Zsh,
        ] {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "nuncio", &mut script);
            let script = String::from_utf8(script).unwrap();
            for word in [
                "run",
                "demo",
                "check",
                "explain",
                "migrate",
                "completions",
                "config-dir",
            ] {
                assert!(script.contains(word), "{shell}: {word}");
            }
        }
    }

    #[test]
    fn each_command_has_a_page_with_all_its_flags() {
        let root = of_name(None).unwrap();
        let names = root.get_subcommands().map(clap::Command::get_name);
        for name in names.map(Some).chain([None]) {
            let command = of_name(name).unwrap();
            let flags: Vec<_> = command
                .get_arguments()
                .filter_map(|argument| argument.get_long().map(|long| long.replace('-', "\\-")))
                .collect();
            let page = page(command).unwrap();
            assert!(
                page.starts_with(".ie") || page.contains(".TH nuncio"),
                "{page}"
            );
            for flag in flags {
                assert!(page.contains(&flag), "{name:?}: {flag}");
            }
        }
    }

    #[test]
    fn what_is_no_command_has_no_page() {
        assert!(of_name(Some("nothing")).is_none());
    }
}
