//! The watched directories and their files.
//!
//! Invariant: a directory that cannot be read keeps all its files as they are. Files are in the
//! order of their directories as given, then of their names.
//! Deliberately absent: inotify and timers; the tree is told what was touched and what time it is.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use nuncio_config::Diagnostic;
use tokio::time::Instant;
use tracing::{info, warn};

use super::DirectoryError;
use super::file::File;
use super::touch::{Touch, Touched};
use crate::change::Announced;
use crate::credentials::Local;
use crate::manifest::{file_diagnostic, is_manifest_name, merge, names};

/// All watched directories.
#[derive(Debug)]
pub(super) struct Tree {
    directories: Vec<Directory>,
}

/// What a touched path means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Concern {
    /// It is none of ours.
    Nothing,
    /// One file may have changed.
    File,
    /// It is no manifest, but manifests may be reached through it.
    Everything,
}

impl Tree {
    /// Reads every directory; all must be readable.
    pub(super) fn open(paths: Vec<PathBuf>, now: Instant) -> Result<Self, DirectoryError> {
        let open = |path| Directory::open(path, now);
        Ok(Self {
            directories: paths.into_iter().map(open).collect::<Result<_, _>>()?,
        })
    }

    /// Looks at what was touched, and makes live what has settled. Answers whether anything that
    /// [`Tree::listed`] tells has changed.
    pub(super) fn look(&mut self, touched: &Touched, now: Instant) -> bool {
        self.directories
            .iter_mut()
            .fold(false, |changed, d| d.look(touched, now) | changed)
    }

    /// When to look again though nothing is touched.
    pub(super) fn due(&self) -> Option<Instant> {
        self.files().filter_map(File::due).min()
    }

    /// Every object, and all that is wrong.
    pub(super) fn listed(&self) -> (Vec<Announced>, Vec<Diagnostic>) {
        let (objects, mut diagnostics) = merge(self.files().filter_map(File::held));
        let directories = self.directories.iter().filter_map(|d| d.trouble.as_ref());
        diagnostics.extend(
            directories
                .chain(self.files().filter_map(File::trouble))
                .cloned(),
        );
        (objects, diagnostics)
    }

    /// Every Secret. Of one that is defined twice, the first stands.
    pub(super) fn secrets(&self) -> Local {
        let files: Vec<_> = self.files().filter_map(File::held).collect();
        let all = files.iter().rev().flat_map(|content| &content.secrets);
        all.map(|(name, pieces)| (name.clone(), Arc::clone(pieces)))
            .collect()
    }

    /// The directories in which something may happen that changes a file's content: their own, those
    /// that symlinked files lead to, and those holding a symlink on the way.
    pub(super) fn places(&self) -> BTreeSet<PathBuf> {
        let mut places = BTreeSet::new();
        for directory in &self.directories {
            places.insert(directory.real.clone());
            places.extend(directory.links.iter().filter_map(|link| parent(link)));
            let targets = directory.files.values().map(File::target);
            let elsewhere = targets.filter(|target| target.parent() != Some(&directory.real));
            places.extend(elsewhere.filter_map(parent));
        }
        places
    }

    /// Whether a touch of `path` is worth a look.
    pub(super) fn concern(&self, path: &Path, touch: Touch) -> Concern {
        if self.files().any(|file| file.target() == path) {
            return Concern::File;
        }
        let of = |directory: &Directory| directory.concern(path, touch);
        let concerns = self.directories.iter().map(of);
        concerns.fold(Concern::Nothing, |all, one| {
            if one == Concern::Nothing { all } else { one }
        })
    }

    fn files(&self) -> impl Iterator<Item = &File> {
        self.directories
            .iter()
            .flat_map(|directory| directory.files.values())
    }
}

fn parent(path: &Path) -> Option<PathBuf> {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .map(Path::to_owned)
}

#[derive(Debug)]
struct Directory {
    /// As given.
    path: PathBuf,
    /// Without symlinks; what inotify tells begins with it.
    real: PathBuf,
    /// The symlinks on the way to it.
    links: Vec<PathBuf>,
    files: BTreeMap<OsString, File>,
    trouble: Option<Diagnostic>,
}

impl Directory {
    fn open(path: PathBuf, now: Instant) -> Result<Self, DirectoryError> {
        let (real, files) = (PathBuf::new(), BTreeMap::new());
        let mut directory = Self {
            path,
            real,
            links: Vec::new(),
            files,
            trouble: None,
        };
        if let Err(source) = directory.look_everywhere(&Touched::everything(), now) {
            return Err(DirectoryError::Unusable {
                path: directory.path,
                source,
            });
        }
        for file in directory.files.values_mut() {
            file.accept();
        }
        Ok(directory)
    }

    fn look(&mut self, touched: &Touched, now: Instant) -> bool {
        // That a file is gone is believed only while its directory can be read.
        let everywhere = touched.everything || self.files.values().any(File::is_going);
        let mut changed = if everywhere {
            match self.look_everywhere(touched, now) {
                Ok(changed) => self.readable() | changed,
                Err(error) => self.unreadable(&error),
            }
        } else {
            self.look_at(self.touched_names(touched), touched, now)
        };
        for file in self.files.values_mut() {
            changed |= file.settle(now);
        }
        self.files.retain(|_name, file| !file.is_forgotten());
        changed
    }

    fn look_everywhere(&mut self, touched: &Touched, now: Instant) -> io::Result<bool> {
        let real = fs::canonicalize(&self.path)?;
        let mut names: BTreeSet<OsString> = names(&real)?.into_iter().collect();
        names.extend(self.files.keys().cloned());
        self.links = links(&self.path);
        self.real = real;
        Ok(self.look_at(names, touched, now))
    }

    fn look_at(
        &mut self,
        names: impl IntoIterator<Item = OsString>,
        touched: &Touched,
        now: Instant,
    ) -> bool {
        let mut changed = false;
        for name in names {
            let path = self.real.join(&name);
            let label = || Arc::from(self.path.join(&name).to_string_lossy());
            let file = self
                .files
                .entry(name.clone())
                .or_insert_with(|| File::new(label()));
            let touch = touched
                .paths
                .get(&path)
                .or_else(|| touched.paths.get(file.target()));
            changed |= file.look(&path, touch.copied(), now);
        }
        changed
    }

    fn touched_names(&self, touched: &Touched) -> BTreeSet<OsString> {
        let own = touched
            .paths
            .keys()
            .filter(|path| path.parent() == Some(&self.real));
        let own = own
            .filter_map(|path| path.file_name())
            .filter(|name| is_manifest_name(name));
        let known = self.files.iter().filter(|(_name, file)| {
            file.is_settling() || touched.paths.contains_key(file.target())
        });
        own.map(OsString::from)
            .chain(known.map(|(name, _file)| name.clone()))
            .collect()
    }

    fn concern(&self, path: &Path, touch: Touch) -> Concern {
        if self.real == path || self.links.iter().any(|link| link == path) {
            return Concern::Everything;
        }
        if path.parent() != Some(&self.real) {
            return Concern::Nothing;
        }
        match (path.file_name().is_some_and(is_manifest_name), touch) {
            (true, _) => Concern::File,
            (false, Touch::Finished | Touch::Seen) => Concern::Everything,
            (false, Touch::Writing) => Concern::Nothing,
        }
    }

    fn readable(&mut self) -> bool {
        let restored = self.trouble.take().is_some();
        if restored {
            info!(directory = %self.path.display(), "the directory can be read again");
        }
        restored
    }

    fn unreadable(&mut self, error: &io::Error) -> bool {
        for file in self.files.values_mut() {
            file.stay();
        }
        let reason = format!("the directory cannot be read, its last content stays: {error}");
        let label = Arc::from(self.path.to_string_lossy());
        let trouble = Some(file_diagnostic(&label, 0, &reason));
        let changed = self.trouble != trouble;
        if changed {
            warn!(directory = %self.path.display(), %error, "the directory cannot be read");
        }
        self.trouble = trouble;
        changed
    }
}

/// The symlinks among a path and its ancestors, with their parents resolved as inotify names them.
pub(crate) fn links(path: &Path) -> Vec<PathBuf> {
    let is_link = |path: &&Path| fs::symlink_metadata(path).is_ok_and(|m| m.is_symlink());
    let resolved = |path: &Path| {
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        let parent = fs::canonicalize(parent.unwrap_or(Path::new("."))).ok()?;
        Some(parent.join(path.file_name()?))
    };
    path.ancestors()
        .filter(is_link)
        .filter_map(resolved)
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tempfile::TempDir;

    use super::*;

    const SERVICE: &str = "apiVersion: v1\nkind: Service\nmetadata:\n  name: a\n  annotations:\n    \
                           getambassador.io/config: |\n      ---\n";

    fn tree(root: &TempDir, now: Instant) -> Tree {
        let conf = root.path().join("conf");
        fs::create_dir(&conf).unwrap();
        fs::write(conf.join("a.yaml"), SERVICE).unwrap();
        Tree::open(vec![conf], now).unwrap()
    }

    #[test]
    fn files_that_went_with_their_directory_stay() {
        let (root, now) = (TempDir::new().unwrap(), Instant::now());
        let mut tree = tree(&root, now);
        let file = fs::canonicalize(root.path()).unwrap().join("conf/a.yaml");
        fs::remove_file(&file).unwrap();
        let mut touched = Touched::default();
        touched.add(file, Touch::Finished);
        assert!(!tree.look(&touched, now));
        fs::remove_dir(root.path().join("conf")).unwrap();
        tree.look(&Touched::default(), now + Duration::from_secs(1));
        let (objects, diagnostics) = tree.listed();
        assert_eq!((objects.len(), diagnostics.len()), (1, 1));
    }

    #[test]
    fn without_inotify_a_look_at_everything_finds_what_is_new() {
        let (root, now) = (TempDir::new().unwrap(), Instant::now());
        let mut tree = tree(&root, now);
        let new = SERVICE.replace("name: a", "name: b");
        fs::write(root.path().join("conf/b.yaml"), new).unwrap();
        assert!(!tree.look(&Touched::everything(), now));
        assert!(tree.look(&Touched::default(), tree.due().unwrap()));
        assert_eq!(tree.listed().0.len(), 2);
        assert!(!tree.look(&Touched::everything(), now));
    }
}
