//! Log lines, on standard error.

use std::io::{self, IsTerminal, Write};

use anyhow::Context;
use tracing_subscriber::EnvFilter;

use crate::arguments::LogFormat;

/// The Kubernetes client says of every retry what the controller says once, and Pingora's traces
/// show header values; a filter that names them hears them all the same.
const QUIET: &str = "kube_client=off,kube_runtime=error,pingora_core=info";

/// Logs what `filter` lets through, from now on.
pub(crate) fn start(filter: &str, format: LogFormat) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(format!("{QUIET},{filter}"))
        .with_context(|| format!("cannot log {filter:?}"))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    match format {
        LogFormat::Text => subscriber.init(),
        LogFormat::Json => subscriber.json().flatten_event(true).init(),
    }
    report_panics();
    Ok(())
}

/// Says one line without logging.
pub(crate) fn complain(line: &str) {
    // There is nowhere to complain about standard error.
    drop(writeln!(io::stderr(), "nuncio: {line}"));
}

/// A panic ends the request or the task it happens in; it is one line in the log.
fn report_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or_default();
        tracing::error!(message, place, "panicked");
    }));
}
