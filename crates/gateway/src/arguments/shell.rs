//! What is asked for shells and for `man`.

use clap::Args;
use clap_complete::Shell;

/// `nuncio completions`.
#[derive(Args, Clone, Debug)]
pub(crate) struct CompletionsArguments {
    /// The shell.
    pub(crate) shell: Shell,
}

/// `nuncio man`.
#[derive(Args, Clone, Debug)]
pub(crate) struct ManArguments {
    /// The command whose page is wanted, such as `run`; the page of all of them without.
    pub(crate) command: Option<String>,
}
