//! Manifest files: bytes on disk become announced objects and diagnostics.
//!
//! Shared by the directory source and by offline checking, so that `nuncio check` tells what the
//! gateway would see.
//!
//! Invariant: what stands in a file is never an `Err`; only not being able to read it is.
//! Deliberately absent: deciding when to read.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::fs::{File, metadata, read_dir};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use nuncio_config::{Diagnostic, Lines, Location, Manifest, ObjectRef, Severity, read_manifest};
use nuncio_routing::SecretName;

use crate::change::Announced;
use crate::containment::contained;
use crate::credentials::Pieces;

/// etcd takes objects of 1.5 MiB at most; a file holds many.
const LARGEST: u64 = 16 * 1024 * 1024;

/// What one file holds.
#[derive(Debug, Default)]
pub(crate) struct Content {
    pub(crate) objects: Vec<Announced>,
    /// Ingresses that are ours if this class of theirs is.
    claimed: Vec<(Box<str>, Announced)>,
    /// The IngressClasses that are ours.
    ingress_classes: BTreeSet<Box<str>>,
    /// The first of a name is the last here.
    pub(crate) secrets: Vec<(SecretName, Arc<Pieces>)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// Equal for equal bytes.
    pub(crate) fingerprint: u64,
}

impl Content {
    /// Every object that may be ours.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Announced> {
        let claimed = self.claimed.iter().map(|(_class, object)| object);
        self.objects.iter().chain(claimed)
    }

    fn ours<'c>(&'c self, classes: &'c BTreeSet<&str>) -> impl Iterator<Item = &'c Announced> {
        let claimed = self.claimed.iter();
        let claimed = claimed.filter(|(class, _object)| classes.contains(&**class));
        self.objects
            .iter()
            .chain(claimed.map(|(_class, object)| object))
    }
}

/// Reads a file. `label` is how diagnostics call it.
pub(crate) fn read(path: &Path, label: &Arc<str>) -> io::Result<Content> {
    // Asked before opening: opening a FIFO would wait for a writer.
    if !metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "not a regular file",
        ));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    Ok(understand(&bytes, label))
}

fn understand(bytes: &[u8], label: &Arc<str>) -> Content {
    let mut hasher = DefaultHasher::new();
    bytes.hash(&mut hasher);
    let fingerprint = hasher.finish();
    if bytes.len() as u64 > LARGEST {
        let reason = format!(
            "the file is larger than {} MiB and is ignored",
            LARGEST >> 20
        );
        return broken(label, 0, &reason, fingerprint);
    }
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => {
            let line = line_of(bytes, error.valid_up_to());
            return broken(
                label,
                line,
                "the file is not UTF-8 and is ignored",
                fingerprint,
            );
        }
    };
    match contained(|| read_manifest(label, text)) {
        Ok(manifest) => content(manifest, label, fingerprint),
        Err(panicked) => broken(label, 0, &panicked.to_string(), fingerprint),
    }
}

fn content(manifest: Manifest, label: &Arc<str>, fingerprint: u64) -> Content {
    let mut content = Content {
        ingress_classes: manifest.ingress_classes.into_iter().collect(),
        diagnostics: manifest.diagnostics,
        fingerprint,
        ..Content::default()
    };
    for secret in manifest.secrets.into_iter().rev() {
        let name = SecretName {
            namespace: secret.object.namespace.clone(),
            name: secret.object.name.clone(),
        };
        content
            .secrets
            .push((name, Arc::new(Pieces::of_manifest(secret))));
    }
    for object in manifest.objects {
        let Some(said) = &object.said else { continue };
        let announced = Announced::new(object.origin(label, said), said.form, &said.text);
        match object.ingress_class {
            None => content.objects.push(announced),
            Some(class) => content.claimed.push((class, announced)),
        }
    }
    content
}

fn broken(label: &Arc<str>, line: u32, reason: &str, fingerprint: u64) -> Content {
    let diagnostics = vec![file_diagnostic(label, line, reason)];
    Content {
        diagnostics,
        fingerprint,
        ..Content::default()
    }
}

fn line_of(bytes: &[u8], offset: usize) -> u32 {
    let before = bytes
        .iter()
        .take(offset)
        .filter(|&&byte| byte == b'\n')
        .count();
    u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1)
}

/// An error about a file (or directory) as a whole; `line` 0 when no line is to blame.
pub(crate) fn file_diagnostic(label: &Arc<str>, line: u32, reason: &str) -> Diagnostic {
    let object = ObjectRef {
        kind: "File".into(),
        namespace: "".into(),
        name: (**label).into(),
    };
    let file = Some(Arc::clone(label));
    let at = Location {
        object: Arc::new(object),
        file,
        document: 0,
        line,
    };
    Diagnostic {
        severity: Severity::Error,
        at,
        resource: None,
        reason: reason.into(),
    }
}

/// Brings files together: of an object that is defined more than once, the first stands, and an
/// Ingress is ours if any of them has its class.
///
/// The order of `files` decides, so the winner is the same after a restart and on every replica.
pub(crate) fn merge<'a>(
    files: impl IntoIterator<Item = &'a Content>,
) -> (Vec<Announced>, Vec<Diagnostic>) {
    let files: Vec<&Content> = files.into_iter().collect();
    let classes: BTreeSet<&str> = files
        .iter()
        .flat_map(|content| content.ingress_classes.iter().map(|class| &**class))
        .collect();
    let mut first: BTreeMap<Arc<ObjectRef>, Announced> = BTreeMap::new();
    let mut diagnostics = Vec::new();
    for content in files {
        diagnostics.extend(content.diagnostics.iter().cloned());
        for object in content.ours(&classes) {
            match first.get(&object.origin.object) {
                Some(winner) => diagnostics.push(duplicate(object, winner)),
                None => {
                    first.insert(Arc::clone(&object.origin.object), object.clone());
                }
            }
        }
    }
    (first.into_values().collect(), diagnostics)
}

fn duplicate(loser: &Announced, winner: &Announced) -> Diagnostic {
    let place = |object: &Announced| {
        let (Lines::From(line) | Lines::At(line)) = object.origin.lines;
        (object.origin.file.clone(), line)
    };
    let (file, line) = place(loser);
    let (winner_file, winner_line) = place(winner);
    let winner_file = winner_file.as_deref().unwrap_or_default();
    let reason =
        format!("already defined in {winner_file} at line {winner_line}; this one is ignored");
    let at = Location {
        object: Arc::clone(&loser.origin.object),
        file,
        document: 0,
        line,
    };
    Diagnostic {
        severity: Severity::Error,
        at,
        resource: None,
        reason: reason.into(),
    }
}

/// Whether a directory entry is read: `*.yaml` and `*.yml`, except hidden files, which is where
/// editors and atomic writers keep unfinished ones.
pub(crate) fn is_manifest_name(name: &OsStr) -> bool {
    let extension = Path::new(name).extension().and_then(OsStr::to_str);
    matches!(extension, Some("yaml" | "yml")) && !name.as_encoded_bytes().starts_with(b".")
}

/// The names of a directory's manifests, sorted. Not recursive, as `kubectl apply -f DIR` is not.
pub(crate) fn names(directory: &Path) -> io::Result<Vec<std::ffi::OsString>> {
    let mut names = Vec::new();
    for entry in read_dir(directory)? {
        let entry = entry?;
        // A directory called `x.yaml` is none of ours.
        if is_manifest_name(&entry.file_name()) && !entry.file_type()?.is_dir() {
            names.push(entry.file_name());
        }
    }
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(bytes: &[u8]) -> Content {
        understand(bytes, &Arc::from("x.yaml"))
    }

    #[test]
    fn bytes_that_are_not_utf8_are_told_with_their_line() {
        let content = content(b"a: b\nc: \xff\n");
        let [diagnostic] = &*content.diagnostics else {
            panic!("{:?}", content.diagnostics)
        };
        assert_eq!(
            diagnostic.to_string(),
            "x.yaml:2: File x.yaml: the file is not UTF-8 and is ignored"
        );
    }

    #[test]
    fn a_file_beyond_the_limit_is_refused_whole() {
        let content = content(&vec![b'#'; usize::try_from(LARGEST).unwrap() + 1]);
        assert!(content.diagnostics[0].reason.contains("larger than 16 MiB"));
    }

    #[test]
    fn hidden_files_and_other_extensions_are_not_manifests() {
        let read = ["a.yaml", "b.yml", "a.b.yaml"];
        let not = [
            ".a.yaml",
            ".#a.yaml",
            "a.yaml~",
            "a.json",
            "yaml",
            ".yaml",
            "a.yaml.swp",
        ];
        assert!(read.iter().all(|name| is_manifest_name(OsStr::new(name))));
        assert!(not.iter().all(|name| !is_manifest_name(OsStr::new(name))));
    }
}
