//! `docs/faults.md`, `docs/mapping.md`, `docs/module.md`, `docs/kinds.md`, `docs/security.md`, `docs/tenancy.md`
//! and `docs/tls.md` are held to what there is: every key has a row, and every row a test that exists.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// One row of the page's tables.
struct Row {
    section: String,
    keys: Vec<String>,
    state: String,
    shown_by: Vec<String>,
}

impl Row {
    fn is_shown_by(&self, tests: &BTreeSet<String>) {
        let Self { keys, state, .. } = self;
        assert!(STATES.contains(&&**state), "{keys:?}: {state}");
        assert!(!self.shown_by.is_empty(), "{keys:?} is shown by nothing");
        for test in &self.shown_by {
            assert!(tests.contains(test), "{keys:?}: no test {test}");
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// How tables begin.
const HEADS: [&str; 6] = ["Fault", "Form", "Key", "Kind", "What", "What is tried"];

/// What may become of something that is written, and of what is promised for a fault.
const STATES: [&str; 7] = [
    "works",
    "works, differs",
    "works; warns",
    "warns",
    "holds",
    "in part",
    "differs",
];

/// The pages of keys and kinds.
fn rows() -> Vec<Row> {
    let pages = ["docs/mapping.md", "docs/module.md", "docs/kinds.md"];
    pages.into_iter().flat_map(rows_of).collect()
}

fn rows_of(page: &str) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut section = String::new();
    for line in read(page).lines() {
        if let Some(title) = line.strip_prefix("## ") {
            title.clone_into(&mut section);
        }
        let Some(cells) = line
            .strip_prefix("| ")
            .and_then(|line| line.strip_suffix(" |"))
        else {
            continue;
        };
        let cells: Vec<&str> = cells.split(" | ").collect();
        let [keys, state, .., shown_by] = cells[..] else {
            panic!("{line}")
        };
        if HEADS.contains(&keys) {
            continue;
        }
        rows.push(Row {
            section: section.clone(),
            keys: quoted(keys),
            state: state.to_owned(),
            shown_by: quoted(shown_by),
        });
    }
    rows
}

/// What stands between backticks.
fn quoted(cell: &str) -> Vec<String> {
    cell.split('`')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_row_has_a_state_and_a_test_that_exists() {
    let tests = tests();
    let rows = rows();
    assert!(rows.len() > 80, "{} rows", rows.len());
    for row in rows {
        row.is_shown_by(&tests);
    }
}

#[test]
fn every_fault_is_shown_by_a_test_that_exists() {
    let (tests, rows) = (tests(), rows_of("docs/faults.md"));
    assert!(rows.len() >= 30, "{} rows", rows.len());
    for row in rows {
        row.is_shown_by(&tests);
    }
}

#[test]
fn every_promise_is_shown_by_a_test_that_exists() {
    let (tests, page) = (tests(), read("docs/security.md"));
    let edge = sources(&root().join("tests/edge"));
    let promises = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.contains("Promise"));
    let mut count = 0;
    for promise in promises {
        count += 1;
        let shown_by = quoted(promise.rsplit(" | ").next().unwrap());
        assert!(!shown_by.is_empty(), "shown by nothing: {promise}");
        for test in shown_by {
            let exists = match test.strip_prefix("edge: ") {
                Some(topic) => edge.contains(&format!("\"{topic}: ")),
                None => tests.contains(&test),
            };
            assert!(exists, "no test {test}");
        }
    }
    assert!(count > 15, "{count} promises");
}

/// All Python below a folder.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "py") {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    all
}

#[test]
fn every_row_about_tls_has_a_state_and_a_test_that_exists() {
    let tests = tests();
    let rows = rows_of("docs/tls.md");
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in &rows {
        row.is_shown_by(&tests);
    }
    for name in quoted(&read("docs/tls.md")) {
        let is_test = name.split("::").count() == 2 && !name.contains(' ');
        assert!(!is_test || tests.contains(&name), "no test {name}");
    }
}

#[test]
fn every_key_about_tls_has_a_row() {
    for (source, section) in [
        ("tls_context/read.rs", "Keys of a TLSContext"),
        ("host/read.rs", "Keys of a Host"),
        ("listener/read.rs", "Keys of a Listener"),
        ("tcp_mapping/read.rs", "Keys of a TCPMapping"),
    ] {
        let rows = rows_of("docs/tls.md").into_iter();
        let rows = rows.filter(|row| row.section == section);
        let documented: BTreeSet<String> = rows.flat_map(|row| row.keys).collect();
        let keys = listed_keys(&read(&format!("crates/config/src/{source}")));
        assert!(keys.len() > 6, "{} keys in {source}", keys.len());
        for key in keys {
            assert!(documented.contains(&key), "{section}: no row for {key}");
        }
    }
}

/// The keys in a source's lists of them.
fn listed_keys(source: &str) -> BTreeSet<String> {
    let lists = source.split("\nconst ").skip(1).filter_map(|rest| {
        let (declared, rest) = rest.split_once('=')?;
        let list = rest.split_once("];")?.0;
        declared.contains("[&str;").then(|| keys(list))
    });
    lists.flatten().collect()
}

#[test]
fn every_escape_is_shown_by_a_test_that_exists() {
    let tests = tests();
    let mut rows = rows_of("docs/tenancy.md");
    // The other table names its tests all together, above it.
    rows.retain(|row| row.section == "Denied when hardened");
    assert!(rows.len() >= 10, "{} rows", rows.len());
    for row in rows {
        assert!(!row.shown_by.is_empty(), "{:?}", row.keys);
        for test in row.shown_by {
            assert!(tests.contains(&test), "{:?}: no test {test}", row.keys);
        }
    }
}

#[test]
fn every_key_that_the_parser_knows_has_one_row() {
    for (source, section) in [
        ("crates/config/src/mapping/keys.rs", "Mapping"),
        ("crates/config/src/module/keys.rs", "Module `ambassador`"),
    ] {
        let written: Vec<String> = rows()
            .into_iter()
            .filter(|row| row.section == section)
            .flat_map(|row| row.keys)
            .collect();
        let documented: BTreeSet<&String> = written.iter().collect();
        assert_eq!(documented.len(), written.len(), "a key of {section} twice");
        let keys = keys(&read(source));
        assert!(keys.len() > 40, "{} keys in {source}", keys.len());
        for key in keys {
            assert!(documented.contains(&key), "{section}: no row for {key}");
        }
    }
}

/// The texts in a source that look like keys: in lower case, with no spaces.
fn keys(source: &str) -> BTreeSet<String> {
    let code = source.split("#[cfg(test)]").next().unwrap();
    let code = code
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"));
    code.flat_map(|line| line.split('"').skip(1).step_by(2))
        .filter(|text| {
            let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_';
            text.len() > 2 && text.chars().all(is_key)
        })
        .map(str::to_owned)
        .collect()
}

/// The names of all tests and fixtures, as the page writes them.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for folder in ["tests/tests", "tests/e2e/checks", "crates"] {
        collect(&root().join(folder), &mut tests);
    }
    tests
}

fn collect(folder: &Path, tests: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        let extension = path
            .extension()
            .map(|text| text.to_string_lossy().into_owned());
        if path.is_dir() {
            collect(&path, tests);
        } else if extension.as_deref() == Some("rs") {
            let source = fs::read_to_string(&path).unwrap();
            tests.extend(functions(&source).map(|name| format!("{stem}::{name}")));
        } else if extension.as_deref() == Some("py") {
            let source = fs::read_to_string(&path).unwrap();
            tests.extend(checks(&source).map(|name| format!("{stem}::{name}")));
        } else if folder
            .parent()
            .is_some_and(|above| above.ends_with("fixtures"))
        {
            tests.insert(format!("fixtures/{stem}"));
        }
    }
}

/// The functions that an end-to-end file lists as its checks.
fn checks(source: &str) -> impl Iterator<Item = &str> {
    let list = source.split_once("\nCHECKS = [").map(|(_, rest)| rest);
    let list = list.and_then(|rest| rest.split_once(']'));
    let names = list.map(|(names, _)| names).unwrap_or_default();
    names
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

/// The functions that follow a `#[test]` or its like.
fn functions(source: &str) -> impl Iterator<Item = &str> {
    let mut is_test = false;
    source.lines().map(str::trim).filter_map(move |line| {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        }
        let name = line
            .strip_prefix("async fn ")
            .or_else(|| line.strip_prefix("fn "))?;
        std::mem::take(&mut is_test).then(|| name.split('(').next().unwrap_or_default())
    })
}
