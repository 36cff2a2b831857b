//! Compiles manifests once, without a gateway: what `nuncio check` does.
//!
//! Invariant: the result is what the directory source would publish for the same files.
//! Deliberately absent: watching, and the Kubernetes API.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_config::Identity;
use nuncio_routing::Snapshot;

use crate::change::Feed;
use crate::manifest::{Content, merge, names, read};
use crate::pipeline::objects::{Objects, Rules};
use crate::pipeline::records::Texts;

/// The input of an offline check cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A path does not exist or cannot be read.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The path as given, or the file in it.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A directory has nothing to check.
    #[error("no *.yaml or *.yml file in {}", path.display())]
    NoManifests {
        /// The directory.
        path: PathBuf,
    },
    /// Compiling panicked, whatever it was told.
    #[error("internal error (a panic)")]
    Internal,
}

/// Reads files and directories and compiles them as generation 0; all that is wrong with their
/// content is in the snapshot's diagnostics.
///
/// A path that names a file is read whatever its extension; of a directory, its `*.yaml` and
/// `*.yml` directly in it. With no path at all the snapshot is that of no configuration.
pub fn load_offline(paths: &[PathBuf], identity: &Identity) -> Result<Snapshot, LoadError> {
    let mut contents = Vec::new();
    for path in paths {
        if path.is_dir() {
            contents.extend(directory(path)?);
        } else {
            contents.push(file(path)?);
        }
    }
    let (announced, diagnostics) = merge(&contents);
    let rules = Rules {
        identity: identity.clone(),
        ..Rules::default()
    };
    let mut objects = Objects::new(rules, Texts::Forgotten);
    objects.list(Feed::Directories, announced, diagnostics);
    objects.compile(0).map_err(|_panicked| LoadError::Internal)
}

fn directory(path: &Path) -> Result<Vec<Content>, LoadError> {
    let unreadable = |source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let names = names(path).map_err(unreadable)?;
    if names.is_empty() {
        return Err(LoadError::NoManifests {
            path: path.to_owned(),
        });
    }
    names.iter().map(|name| file(&path.join(name))).collect()
}

fn file(path: &Path) -> Result<Content, LoadError> {
    let label = Arc::from(path.to_string_lossy());
    read(path, &label).map_err(|source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    })
}
