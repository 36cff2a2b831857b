//! Clocks that jump: nothing is waited for by the time of day.
#![allow(clippy::unwrap_used, reason = "helpers of tests fail as tests do")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Who asks for the time of day, and for whom.
const ASK: [&str; 20] = [
    // Shown to people.
    "crates/admin/src/admin.rs",
    "crates/controller/src/kubernetes/acme/status.rs",
    "crates/controller/src/kubernetes/write_back/events.rs",
    "crates/controller/src/kubernetes/write_back/lease.rs",
    "crates/controller/src/pipeline/mod.rs",
    "crates/controller/src/pipeline/standing.rs",
    "crates/controller/src/state/keeper.rs",
    "crates/gateway/src/publication.rs",
    "crates/gateway/src/run.rs",
    "crates/proxy/src/exchange/facts.rs",
    "crates/proxy/src/exchange/spans.rs",
    "crates/telemetry/src/control.rs",
    // Certificates follow the calendar.
    "crates/controller/src/credentials/ledger.rs",
    "crates/controller/src/credentials/mod.rs",
    "crates/controller/src/kubernetes/acme/authority.rs",
    "crates/controller/src/kubernetes/acme/board.rs",
    "crates/controller/src/kubernetes/acme/term.rs",
    "crates/controller/src/kubernetes/acme/order.rs",
    "crates/tls/src/self_signed.rs",
    // What a killed writer left of a file is removed once it is old.
    "crates/controller/src/state/file.rs",
];

/// The same, where the page of metrics is written.
const PAGE: &str = "crates/telemetry/src";

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// A source without its tests.
fn production(path: &Path) -> String {
    let source = fs::read_to_string(path).unwrap();
    let end = source.find("#[cfg(test)]\nmod tests {");
    source[..end.unwrap_or(source.len())].to_owned()
}

#[test]
fn only_these_files_ask_for_the_time_of_day() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let root = root.unwrap();
    let mut all = Vec::new();
    sources(&root.join("crates"), &mut all);
    let is_production = |path: &&PathBuf| {
        let mut parts = path.components().map(|part| part.as_os_str());
        !parts.any(|part| part == "tests" || part == "tests.rs")
    };
    let asks = |path: &&PathBuf| {
        let source = production(path);
        ["SystemTime::now(", "Timestamp::now(", ".elapsed().unwrap"]
            .iter()
            .any(|call| source.contains(call))
    };
    let asking: BTreeSet<String> = all
        .iter()
        .filter(is_production)
        .filter(asks)
        .map(|path| path.strip_prefix(root).unwrap_or(path))
        .map(|path| path.display().to_string())
        .filter(|path| !path.starts_with(PAGE) || ASK.contains(&&**path))
        .collect();
    assert_eq!(asking, ASK.map(str::to_owned).into());
}
