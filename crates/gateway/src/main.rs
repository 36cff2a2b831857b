//! `nuncio`: the edge gateway as one binary.
//!
//! Knows all the other crates and holds no logic of theirs: arguments, wiring, runtimes, shutdown.

mod ambassador_files;
mod arguments;
mod build;
mod check;
mod control;
mod data_path;
mod demo;
mod descriptors;
mod door;
mod duration;
mod explain;
mod listening;
mod logging;
mod migrate;
mod publication;
mod run;
mod shell;
mod signals;
mod supervised;
mod watching;

use std::process::ExitCode;

use arguments::{Arguments, Command};

/// Gives memory back that glibc's keeps: what thousands of deleted objects held is scattered.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    let Arguments { command, run } = Arguments::read();
    match command.unwrap_or_else(|| Command::Run(Box::new(run))) {
        Command::Run(run) => exit_code(&run::run(*run)),
        Command::Demo(demo) => exit_code(&demo::run(demo)),
        Command::Check(check) => check::check(&check),
        Command::Explain(explain) => explain::explain(&explain),
        Command::Completions(asked) => shell::completions(&asked),
        Command::Man(asked) => shell::man(&asked),
        Command::Migrate(migrate) => migrate::migrate(&migrate),
    }
}

/// One line for whoever started us, and exit code 1.
fn exit_code(outcome: &anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Logging may not have been set up yet.
            logging::complain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
