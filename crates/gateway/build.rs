//! Records the commit the binary is built from, for `--version`, diagnostics and metrics.

use std::process::Command;

fn main() {
    println!("cargo::rerun-if-env-changed=NUNCIO_COMMIT");
    println!("cargo::rerun-if-changed=../../.git/HEAD");
    println!("cargo::rerun-if-changed=../../.git/logs/HEAD");
    let commit = std::env::var("NUNCIO_COMMIT")
        .ok()
        .or_else(head)
        .unwrap_or_default();
    println!("cargo::rustc-env=NUNCIO_COMMIT={commit}");
    let shown = if commit.is_empty() {
        "unknown"
    } else {
        &commit
    };
    println!("cargo::rustc-env=NUNCIO_COMMIT_OR_NONE={shown}");
}

/// The commit checked out; none in an archive of the sources.
fn head() -> Option<String> {
    let git = Command::new("git")
        .args(["rev-parse", "--short=12", "HEAD"])
        .output()
        .ok()?;
    let commit = String::from_utf8(git.stdout).ok()?;
    git.status.success().then(|| commit.trim().to_owned())
}
