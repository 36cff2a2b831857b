//! One file in a directory, replaced as a whole.
//!
//! Invariant: after a crash at any moment the file is the old one or the new one. What is written is
//! on the disk before it has the name.
//! Deliberately absent: what is in it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Ten times what a hundred thousand Services say.
pub(super) const LARGEST: u64 = 512 * 1024 * 1024;

/// The file in the directory.
pub(super) fn path(directory: &Path) -> PathBuf {
    directory.join(NAME)
}

/// All of a file; `None` when there is none.
pub(super) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    // Neither a link to elsewhere nor a FIFO, which would wait for a writer.
    let metadata = match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata?,
    };
    if !metadata.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)?;
    fits(&bytes)?;
    Ok(Some(bytes))
}

/// Replaces the file in a directory, which is made if it is not there.
pub(super) fn replace(directory: &Path, bytes: &[u8]) -> io::Result<()> {
    fits(bytes)?;
    fs::create_dir_all(directory)?;
    let new = directory.join(format!("{NAME}.{:016x}{UNFINISHED}", fastrand::u64(..)));
    let written = write(&new, bytes).and_then(|()| fs::rename(&new, path(directory)));
    if written.is_err() {
        // It may never have been made.
        drop(fs::remove_file(&new));
    }
    written?;
    // The name, too, is to be on the disk.
    File::open(directory)?.sync_all()
}

/// Removes what writers left that were killed.
pub(super) fn tidy(directory: &Path) {
    let Ok(entries) = fs::read_dir(directory) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let is_unfinished = name.starts_with(NAME) && name.ends_with(UNFINISHED);
        if is_unfinished && is_abandoned(&entry) {
            // Another replica may have been first.
            drop(fs::remove_file(entry.path()));
        }
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn fits(bytes: &[u8]) -> io::Result<()> {
    if bytes.len() as u64 > LARGEST {
        let reason = format!("larger than {} MiB", LARGEST >> 20);
        return Err(io::Error::other(reason));
    }
    Ok(())
}

/// Another gateway may be writing in the same directory just now.
fn is_abandoned(entry: &fs::DirEntry) -> bool {
    let modified = entry.metadata().and_then(|metadata| metadata.modified());
    let age = modified.map(|at| SystemTime::now().duration_since(at).unwrap_or_default());
    age.is_ok_and(|age| age > Duration::from_secs(60))
}

const NAME: &str = "nuncio.state";
const UNFINISHED: &str = ".tmp";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use tempfile::TempDir;

    use super::*;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name());
        names.map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn a_file_is_replaced_and_nothing_else_is_left() {
        let root = TempDir::new().unwrap();
        let directory = root.path().join("made/on/the/way");
        replace(&directory, b"one").unwrap();
        replace(&directory, b"two").unwrap();
        assert_eq!(read(&path(&directory)).unwrap().unwrap(), b"two");
        assert_eq!(names(&directory), [NAME]);
        let mode = fs::metadata(path(&directory)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "what users wrote is for nobody else");
    }

    #[test]
    fn no_file_is_no_error() {
        let root = TempDir::new().unwrap();
        assert_eq!(read(&path(root.path())).unwrap(), None);
    }

    #[test]
    fn links_and_directories_are_not_read() {
        let root = TempDir::new().unwrap();
        fs::write(root.path().join("elsewhere"), b"x").unwrap();
        symlink(root.path().join("elsewhere"), path(root.path())).unwrap();
        assert!(read(&path(root.path())).is_err());
    }

    #[test]
    fn a_failed_write_leaves_the_old_file() {
        let root = TempDir::new().unwrap();
        let directory = root.path().join("state");
        replace(&directory, b"old").unwrap();
        // The name is taken by what cannot be replaced.
        fs::remove_file(path(&directory)).unwrap();
        fs::create_dir(path(&directory)).unwrap();
        assert!(replace(&directory, b"new").is_err());
        assert_eq!(names(&directory), [NAME]);
    }

    #[test]
    fn what_a_killed_writer_left_is_removed_once_it_is_old() {
        let root = TempDir::new().unwrap();
        let left = root.path().join(format!("{NAME}.0{UNFINISHED}"));
        let file = File::create(&left).unwrap();
        tidy(root.path());
        assert!(left.exists(), "it may be in use");
        let long_ago = SystemTime::now() - Duration::from_secs(3600);
        file.set_modified(long_ago).unwrap();
        tidy(root.path());
        assert!(!left.exists());
    }
}
