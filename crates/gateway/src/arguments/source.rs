//! Reads the command line, and who said what on it.

use clap::parser::ValueSource;
use clap::{ArgMatches, CommandFactory, FromArgMatches};

use super::{Arguments, Command, PortArguments, SaidBy};

/// What clap calls `--http`.
const HTTP: &str = "http";

impl Arguments {
    /// What this process was started with. Ends it where that is no command line of ours, or asks for
    /// help.
    pub(crate) fn read() -> Self {
        Self::of(&Self::command().get_matches()).unwrap_or_else(|error| error.exit())
    }

    /// What was matched.
    fn of(matches: &ArgMatches) -> clap::error::Result<Self> {
        let mut arguments = Self::from_arg_matches(matches)?;
        let of = matches.subcommand().map_or(matches, |(_, of)| of);
        if let Some(ports) = arguments.ports_mut() {
            ports.http_said_by = said_by(of, HTTP);
        }
        Ok(arguments)
    }

    fn ports_mut(&mut self) -> Option<&mut PortArguments> {
        match &mut self.command {
            None => Some(&mut self.run.ports),
            Some(Command::Run(run)) => Some(&mut run.ports),
            Some(Command::Demo(demo)) => Some(&mut demo.ports),
            Some(
                Command::Check(_)
                | Command::Explain(_)
                | Command::Completions(_)
                | Command::Man(_)
                | Command::Migrate(_),
            ) => None,
        }
    }
}

fn said_by(matches: &ArgMatches, argument: &str) -> SaidBy {
    match matches.value_source(argument) {
        Some(ValueSource::CommandLine) => SaidBy::Flag,
        Some(_) | None => SaidBy::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_to_be_a_flag_with_and_without_a_command() {
        let said_by = |words: &[&str]| {
            let words = [&["nuncio"], words].concat();
            let matches = Arguments::command().try_get_matches_from(words).unwrap();
            let mut arguments = Arguments::of(&matches).unwrap();
            arguments.ports_mut().map(|ports| ports.http_said_by)
        };
        for command in [&[][..], &["run"], &["demo"]] {
            assert_eq!(said_by(command), Some(SaidBy::Other));
            let flag = [command, &["--http", ":80"]].concat();
            assert_eq!(said_by(&flag), Some(SaidBy::Flag));
        }
        assert_eq!(said_by(&["check", "."]), None);
    }
}
