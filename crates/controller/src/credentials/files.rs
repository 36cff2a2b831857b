//! Files that credentials stand in.
//!
//! A file is read when it is wanted, and again when it, or a symlink on the way to it, was touched and
//! left alone for a moment: kubelet swaps a symlink (`..data`), others write a certificate and its key
//! one after the other. A poll finds what inotify does not tell.
//!
//! Invariant: reads regular files alone, and of those no more than the limit.
//! Deliberately absent: what is in the files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};
use zeroize::Zeroizing;

use super::pieces::Pieces;
use super::place::Found;
use crate::directory::{Inotify, Message, links};

/// The files of one credential.
pub(super) type Paths = Box<[Box<str>]>;

/// The files that are wanted; those of another number than before are read again.
pub(super) type WantedFiles = BTreeMap<Paths, u64>;

/// Larger files are not read.
const LARGEST: u64 = 1 << 20;

/// How often everything is looked at, for what inotify does not tell.
const POLL: Duration = Duration::from_secs(2);

/// For so long files are left alone after one was touched.
const SETTLING: Duration = Duration::from_millis(50);

/// Where nothing that is kept stands, symbolic links followed: reading there has effects, or no end.
const UNREAL: [&str; 3] = ["/dev", "/proc", "/sys"];

/// Tells what is in wanted files whenever that changes, until nobody listens any more.
pub(super) async fn follow(
    mut wanted: watch::Receiver<WantedFiles>,
    found: mpsc::Sender<(Paths, Found)>,
) {
    // Nothing is watched before something is wanted.
    if wanted.wait_for(|wanted| !wanted.is_empty()).await.is_err() {
        return;
    }
    let (sender, mut messages) = mpsc::unbounded_channel();
    let mut followed = Followed {
        files: BTreeMap::new(),
        inotify: Inotify::new(sender),
    };
    wanted.mark_changed();
    let mut poll = Instant::now() + POLL;
    loop {
        let mut touched = Vec::new();
        tokio::select! {
            changed = wanted.changed() => if changed.is_err() { return },
            _count = messages.recv_many(&mut touched, usize::MAX) => sleep(SETTLING).await,
            () = sleep_until(poll) => poll = Instant::now() + POLL,
        }
        while let Ok(message) = messages.try_recv() {
            touched.push(message);
        }
        let now_wanted = wanted.borrow_and_update().clone();
        // File systems may be slow or hang.
        let look = spawn_blocking(move || followed.look(&now_wanted, touched));
        let Ok((after, news)) = look.await else {
            return;
        };
        followed = after;
        for one in news {
            if found.send(one).await.is_err() {
                return;
            }
        }
    }
}

/// The files, and what keeps an eye on them.
struct Followed {
    files: BTreeMap<Paths, Known>,
    inotify: Inotify,
}

/// What was told last of the files of one credential.
struct Known {
    number: u64,
    seen: Seen,
}

/// How they were found.
#[derive(PartialEq, Eq)]
enum Seen {
    /// They were read when they were like this.
    Read(Vec<Option<Stamp>>),
    /// They could not be read, and why: they are read again at every look.
    Unreadable(Box<str>),
}

/// Differs when a file does, or who may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    length: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Known {
    /// Whether the files are as they were when they were read.
    fn is_read(&self, number: u64, stamps: &[Option<Stamp>]) -> bool {
        match &self.seen {
            Seen::Read(before) => self.number == number && before == stamps,
            Seen::Unreadable(_) => false,
        }
    }
}

impl Followed {
    fn look(mut self, wanted: &WantedFiles, touched: Vec<Message>) -> (Self, Vec<(Paths, Found)>) {
        for message in touched {
            if let Message::Path(path, _touch) = message {
                self.inotify.forget(&path);
            }
        }
        self.files.retain(|paths, _| wanted.contains_key(paths));
        // Before anything is read: what is touched meanwhile is told.
        self.inotify.follow(places(wanted));
        let mut news = Vec::new();
        for (paths, number) in wanted {
            if let Some(found) = self.look_at(paths, *number) {
                news.push((paths.clone(), found));
            }
        }
        (self, news)
    }

    /// What is in files that may be other than they were, unless that was told.
    fn look_at(&mut self, paths: &Paths, number: u64) -> Option<Found> {
        let stamps = paths.iter().map(|path| stamp(Path::new(&**path)));
        let stamps: Vec<_> = stamps.collect();
        let before = self.files.get(paths);
        if before.is_some_and(|known| known.is_read(number, &stamps)) {
            return None;
        }
        let (seen, found) = match read_all(paths) {
            Ok(pieces) => (Seen::Read(stamps), Found::There(pieces)),
            Err(why) => (Seen::Unreadable(why.clone()), Found::Unreadable(why)),
        };
        let is_news = match (before, &seen) {
            (Some(known), Seen::Unreadable(_)) => known.number != number || known.seen != seen,
            (None, _) | (Some(_), Seen::Read(_)) => true,
        };
        self.files.insert(paths.clone(), Known { number, seen });
        is_news.then_some(found)
    }
}

/// The directories in which something may happen to the files: their own, those that symlinks on the
/// way stand in, and those they lead to.
fn places(wanted: &WantedFiles) -> BTreeSet<PathBuf> {
    let mut places = BTreeSet::new();
    for path in wanted.keys().flatten() {
        let path = Path::new(&**path);
        let own = path.parent().map(Path::to_owned);
        let real = fs::canonicalize(path).ok();
        let links = links(path);
        let further = links.iter().map(PathBuf::as_path).chain(real.as_deref());
        places.extend(own);
        places.extend(further.filter_map(|path| path.parent().map(Path::to_owned)));
    }
    places
}

fn stamp(path: &Path) -> Option<Stamp> {
    let file: Metadata = fs::metadata(path).ok()?;
    Some(Stamp {
        device: file.dev(),
        inode: file.ino(),
        length: file.len(),
        modified: (file.mtime(), file.mtime_nsec()),
        changed: (file.ctime(), file.ctime_nsec()),
    })
}

/// What they hold, or why that cannot be told.
fn read_all(paths: &Paths) -> Result<Pieces, Box<str>> {
    let mut values = Vec::new();
    for path in paths {
        let value = read(Path::new(&**path));
        values.push(value.map_err(|error| format!("cannot read {path}: {error}"))?);
    }
    Ok(Pieces::of_files(values))
}

fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    let refused = |why| Err(io::Error::new(io::ErrorKind::InvalidInput, why));
    let real = fs::canonicalize(path)?;
    if UNREAL.iter().any(|directory| real.starts_with(directory)) {
        return refused("in a directory of the system's");
    }
    // Asked before opening: opening a FIFO would wait for a writer.
    let metadata = fs::metadata(&real)?;
    if !metadata.is_file() {
        return refused("not a regular file");
    }
    if metadata.len() > LARGEST {
        return refused("larger than 1 MiB");
    }
    // With room for one more byte than there may be, so that no copy is left behind by growing.
    let room = usize::try_from(metadata.len()).unwrap_or_default() + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    File::open(real)?
        .take(room as u64)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn only_regular_files_of_some_size_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("tls.crt");
        assert!(read(&path).is_err());
        fs::write(&path, "x".repeat(1 << 20)).unwrap();
        assert_eq!(read(&path).unwrap().len(), 1 << 20);
        fs::write(&path, "x".repeat((1 << 20) + 1)).unwrap();
        assert_eq!(read(&path).unwrap_err().to_string(), "larger than 1 MiB");
        let error = read(directory.path()).unwrap_err();
        assert_eq!(error.to_string(), "not a regular file");
        let error = read(Path::new("/proc/self/environ")).unwrap_err();
        assert_eq!(error.to_string(), "in a directory of the system's");
    }

    fn followed() -> Followed {
        Followed {
            files: BTreeMap::new(),
            inotify: Inotify::new(mpsc::unbounded_channel().0),
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_is_read_again_and_told_once() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let paths: Paths = [path.to_str().unwrap().into()].into();
        let mut followed = followed();
        fs::write(&path, "x".repeat((1 << 20) + 1)).unwrap();
        let found = followed.look_at(&paths, 1);
        assert!(matches!(found, Some(Found::Unreadable(_))), "{found:?}");
        assert!(followed.look_at(&paths, 1).is_none());
        let known = followed.files.get(&paths).unwrap();
        assert!(!known.is_read(1, &[stamp(&path)]));
        assert!(followed.look_at(&paths, 2).is_some(), "asked for again");
        fs::write(&path, "x").unwrap();
        let found = followed.look_at(&paths, 2);
        assert!(matches!(found, Some(Found::There(_))), "{found:?}");
        assert!(followed.look_at(&paths, 2).is_none());
    }

    #[test]
    fn a_change_of_permissions_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        fs::write(&path, "x").unwrap();
        let before = stamp(&path).unwrap();
        let mut permissions = fs::metadata(&path).unwrap().permissions();
        permissions.set_mode(0o400);
        // The clock of the file system may be coarse.
        while stamp(&path) == Some(before) {
            fs::set_permissions(&path, permissions.clone()).unwrap();
        }
        let after = stamp(&path).unwrap();
        assert_eq!(after.modified, before.modified);
        assert_ne!(after.changed, before.changed);
    }

    #[test]
    fn every_directory_on_the_way_is_watched() {
        let root = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(root.path()).unwrap();
        let at = |name: &str| root.join(name);
        fs::create_dir_all(at("mount/..1")).unwrap();
        fs::write(at("mount/..1/tls.crt"), "x").unwrap();
        std::os::unix::fs::symlink("..1", at("mount/..data")).unwrap();
        std::os::unix::fs::symlink("..data/tls.crt", at("mount/tls.crt")).unwrap();
        let path: Box<str> = at("mount/tls.crt").to_str().unwrap().into();
        let wanted = WantedFiles::from([([path].into(), 0)]);
        assert_eq!(
            places(&wanted),
            BTreeSet::from([at("mount"), at("mount/..1")])
        );
    }
}
