//! `nuncio check`: what the gateway would say about manifests.

use std::fmt;
use std::io::{self, Write};
use std::process::ExitCode;

use nuncio_controller::load_offline;
use nuncio_routing::Diagnostics;
use serde::Serialize;

use crate::arguments::{CheckArguments, CheckOutput};
use crate::logging;

/// Nothing was found.
const CLEAN: u8 = 0;
/// Something was found.
const FOUND: u8 = 1;
/// The input cannot be used.
const UNUSABLE: u8 = 2;

/// Checks, prints, and says by its exit code what came of it.
pub(crate) fn check(arguments: &CheckArguments) -> ExitCode {
    let snapshot = match load_offline(&arguments.paths, &arguments.identity.identity()) {
        Ok(snapshot) => snapshot,
        Err(error) => {
            logging::complain(&format!("{:#}", anyhow::Error::from(error)));
            return UNUSABLE.into();
        }
    };
    let report = Report {
        diagnostics: &snapshot.diagnostics,
    };
    match report.print(arguments.output) {
        Ok(()) => report.exit_code().into(),
        // Whoever closed standard output has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => report.exit_code().into(),
        Err(error) => {
            logging::complain(&format!("cannot print: {error}"));
            UNUSABLE.into()
        }
    }
}

#[derive(Serialize)]
struct Report<'a> {
    diagnostics: &'a Diagnostics,
}

impl Report<'_> {
    fn exit_code(&self) -> u8 {
        if self.diagnostics.is_empty() {
            CLEAN
        } else {
            FOUND
        }
    }

    fn print(&self, output: CheckOutput) -> io::Result<()> {
        let mut out = io::stdout().lock();
        match output {
            CheckOutput::Text => write!(out, "{self}")?,
            CheckOutput::Json => {
                serde_json::to_writer_pretty(&mut out, self)?;
                writeln!(out)?;
            }
        }
        out.flush()
    }
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.diagnostics
            .iter()
            .try_for_each(|diagnostic| writeln!(f, "{diagnostic}"))
    }
}
