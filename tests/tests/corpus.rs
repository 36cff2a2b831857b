//! A corpus of manifests as teams write them, and what `nuncio check` has to say of each document.
//!
//! `good` yields no diagnostic, `warned` only warnings, `bad` errors. A comment `# error: words` or
//! `# warning: words` expects a diagnostic whose reason holds the words: at the comment's own line,
//! or at the next one when the comment has a line for itself; `# error +2: words` two lines further.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test whose machinery fails has failed, and says where"
)]

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_config::{Diagnostic, Identity, Severity, parse, read_manifest};
use nuncio_controller::load_offline;

/// How many documents the corpus must have at least.
const ENOUGH: usize = 200;

#[test]
fn good_documents_are_live_without_a_word() {
    for file in files("good") {
        let found = check(&file);
        assert!(found.is_empty(), "{}", listed(&found));
        let dead: Vec<_> = documents(&file).difference(&live(&file)).cloned().collect();
        assert!(dead.is_empty(), "{}: {dead:?}", file.display());
    }
}

#[test]
fn surprising_documents_get_their_warnings_and_are_live() {
    for file in files("warned") {
        let found = check(&file);
        assert_matches(&file, &found);
        let errors = found.iter().filter(|one| one.severity == Severity::Error);
        assert_eq!(errors.count(), 0, "{}", listed(&found));
    }
}

#[test]
fn bad_documents_are_named_with_object_document_line_and_reason() {
    for file in files("bad") {
        let found = check(&file);
        assert_matches(&file, &found);
        let errors = found.iter().filter(|one| one.severity == Severity::Error);
        assert!(errors.count() > 0, "{} has no error", file.display());
    }
}

#[test]
fn a_bad_document_harms_itself_alone() {
    for file in files("bad") {
        let bad: BTreeSet<(String, u32)> = check(&file)
            .iter()
            .filter(|one| one.severity == Severity::Error && one.at.document > 0)
            .map(|one| (one.at.object.to_string(), one.at.document))
            .collect();
        let silent = documents(&file)
            .difference(&live(&file))
            .filter(|document| !bad.contains(*document))
            .count();
        assert_eq!(
            silent,
            0,
            "documents neither live nor bad in {}",
            file.display()
        );
    }
}

#[test]
fn the_corpus_is_large_enough() {
    let documents: usize = ["good", "warned", "bad"]
        .into_iter()
        .flat_map(files)
        .map(|file| documents(&file).len())
        .sum();
    assert!(documents >= ENOUGH, "{documents} documents");
}

fn files(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("corpus")
        .join(folder);
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    files
}

/// What `nuncio check` finds.
fn check(file: &Path) -> Vec<Diagnostic> {
    let snapshot = load_offline(&[file.to_owned()], &Identity::default()).unwrap();
    snapshot.diagnostics.iter().cloned().collect()
}

/// The documents that became resources, by object and number.
fn live(file: &Path) -> BTreeSet<(String, u32)> {
    let name: Arc<str> = file.to_string_lossy().into();
    let identity = Identity::default();
    let mut live = BTreeSet::new();
    for object in read_manifest(&name, &fs::read_to_string(file).unwrap()).objects {
        let Some(said) = &object.said else {
            continue;
        };
        let origin = object.origin(&name, said);
        for resource in parse(said.form, &said.text, &origin, &identity).resources {
            live.insert((resource.at.object.to_string(), resource.at.document));
        }
    }
    live
}

/// The documents that stand in annotations, found without the parser: by object and number.
fn documents(file: &Path) -> BTreeSet<(String, u32)> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .enumerate()
        .filter(|(_, line)| is_content(line))
        .filter_map(|(index, _)| place(&text, index + 1))
        .collect()
}

fn is_content(line: &str) -> bool {
    let line = line.trim();
    !line.is_empty() && !line.starts_with('#') && !line.starts_with("---")
}

/// The object and the number of the document that a line of an annotation stands in; `None` outside
/// of annotations that are block scalars.
fn place(text: &str, line: usize) -> Option<(String, u32)> {
    let before: Vec<&str> = text.lines().take(line).collect();
    let object = before
        .iter()
        .rposition(|line| *line == "---")
        .map_or(0, |at| at + 1);
    let object = before.get(object..)?;
    let begin = object
        .iter()
        .position(|line| line.contains("getambassador.io/config: |"))?;
    let (head, annotation) = object.split_at(begin + 1);
    let indent = annotation.first()?.len() - annotation.first()?.trim_start().len();
    let inside = annotation
        .iter()
        .all(|line| line.is_empty() || line.starts_with(&" ".repeat(indent)));
    if !inside || indent == 0 {
        return None;
    }
    let named = |key: &str| {
        head.iter()
            .find_map(|line| line.trim().strip_prefix(key))
            .map(str::trim)
    };
    let namespace = named("namespace:").unwrap_or("default");
    let mut number = 0;
    let mut open = false;
    for line in annotation {
        match line.trim() {
            "---" | "..." => open = false,
            _ if is_content(line) && !open => {
                number += 1;
                open = true;
            }
            _ => {}
        }
    }
    Some((format!("Service {namespace}/{}", named("name:")?), number))
}

/// What a comment in the corpus expects.
struct Expected {
    severity: Severity,
    line: usize,
    words: String,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} in line {}: … {}",
            self.severity, self.line, self.words
        )
    }
}

impl Expected {
    fn of(file: &Path) -> Vec<Self> {
        fs::read_to_string(file)
            .unwrap()
            .lines()
            .zip(1..)
            .flat_map(|(text, line)| Self::in_line(text, line))
            .collect()
    }

    fn in_line(text: &str, line: usize) -> Option<Self> {
        let (severity, at) = [
            (Severity::Error, "# error"),
            (Severity::Warning, "# warning"),
        ]
        .into_iter()
        .find_map(|(severity, mark)| Some((severity, text.find(mark)? + mark.len())))?;
        let (offset, words) = text.get(at..)?.split_once(": ")?;
        let stands_alone = text.trim_start().starts_with('#');
        let offset: isize = match offset.trim() {
            "" => 0,
            number => number.parse().unwrap(),
        };
        Some(Self {
            severity,
            line: (line + usize::from(stands_alone)).checked_add_signed(offset)?,
            words: words.to_owned(),
        })
    }

    fn is(&self, found: &Diagnostic) -> bool {
        self.severity == found.severity
            && self.line == found.at.line as usize
            && found.reason.contains(&self.words)
    }
}

/// Every expectation is met by a diagnostic of its own, and none is left over; each names the object
/// and the document its line stands in.
fn assert_matches(file: &Path, found: &[Diagnostic]) {
    let text = fs::read_to_string(file).unwrap();
    let mut left: Vec<&Diagnostic> = found.iter().collect();
    let mut missing = String::new();
    for expected in Expected::of(file) {
        let Some(at) = left.iter().position(|one| expected.is(one)) else {
            missing += &format!("missing: {expected}\n");
            continue;
        };
        let met = left.remove(at);
        if let Some((object, document)) = place(&text, expected.line) {
            assert_eq!(met.at.object.to_string(), object, "{met}");
            assert_eq!(met.at.document, document, "{met}");
        }
        assert!(!met.reason.contains(char::is_control), "{met}");
    }
    let left: String = left
        .iter()
        .map(|one| format!("unexpected: {}: {one}\n", one.severity))
        .collect();
    assert!(
        missing.is_empty() && left.is_empty(),
        "{}\n{missing}{left}",
        file.display()
    );
}

fn listed(found: &[Diagnostic]) -> String {
    found
        .iter()
        .map(|one| format!("{}: {one}\n", one.severity))
        .collect()
}
