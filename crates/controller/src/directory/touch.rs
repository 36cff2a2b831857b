//! What inotify tells: which file was touched, and whether its writer is done.
//!
//! Invariant: reading a file touches nothing, so that looking at a file never causes another look.
//! Deliberately absent: which paths matter (`Tree::concern` knows).

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use notify::event::{AccessKind, AccessMode, CreateKind, ModifyKind, RenameMode};
use notify::{ErrorKind, Event, EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;
use tracing::{debug, warn};

/// How a path was touched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Touch {
    /// Its content changed and its writer has not closed it.
    Writing,
    /// Its writer closed it, or it was renamed or removed: as whole as it will be.
    Finished,
    /// Something else about it changed, such as its permissions.
    Seen,
}

/// One message of the watcher.
#[derive(Debug)]
pub(crate) enum Message {
    /// A path was touched.
    Path(PathBuf, Touch),
    /// Messages were lost: look at everything.
    Lost,
}

/// What happened since the last look.
#[derive(Debug, Default)]
pub(super) struct Touched {
    pub(super) everything: bool,
    pub(super) paths: HashMap<PathBuf, Touch>,
}

impl Touched {
    pub(super) fn everything() -> Self {
        Self {
            everything: true,
            paths: HashMap::new(),
        }
    }

    /// Adds a touch; the latest that tells of the writer counts.
    pub(super) fn add(&mut self, path: PathBuf, touch: Touch) {
        match touch {
            Touch::Writing | Touch::Finished => drop(self.paths.insert(path, touch)),
            Touch::Seen => drop(self.paths.entry(path).or_insert(touch)),
        }
    }
}

/// The inotify watches, which always follow the directories that the tree names.
#[derive(Debug)]
pub(crate) struct Inotify {
    watcher: Option<RecommendedWatcher>,
    /// Device and inode of each watched directory: a name may come to mean another one.
    watched: BTreeMap<PathBuf, (u64, u64)>,
}

impl Inotify {
    /// Without inotify (its limits are shared by the whole host) changes are found by polling.
    pub(crate) fn new(messages: mpsc::UnboundedSender<Message>) -> Self {
        let handler = move |event: notify::Result<Event>| tell(&messages, event);
        let watcher = notify::recommended_watcher(handler)
            .inspect_err(|error| warn!(%error, "no inotify; directories are polled"))
            .ok();
        Self {
            watcher,
            watched: BTreeMap::new(),
        }
    }

    /// Watches exactly `places`. Answers whether one of them was not watched before, so that
    /// something may have happened in it unseen.
    pub(crate) fn follow(&mut self, places: impl IntoIterator<Item = PathBuf>) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        let mut before = std::mem::take(&mut self.watched);
        let mut added = false;
        for place in places {
            let Ok(metadata) = fs::metadata(&place) else {
                continue;
            };
            let identity = (metadata.dev(), metadata.ino());
            if before.get(&place) == Some(&identity) {
                before.remove(&place);
            } else if !watch(watcher, &place) {
                continue;
            } else {
                added = true;
            }
            self.watched.insert(place, identity);
        }
        for place in before
            .keys()
            .filter(|place| !self.watched.contains_key(*place))
        {
            // Fails when the directory is gone, and its watch with it.
            drop(watcher.unwatch(place));
        }
        added
    }

    /// Something happened to the watched directory itself: its watch may have died with it, or have
    /// moved away with it.
    pub(crate) fn forget(&mut self, path: &Path) {
        if self.watched.remove(path).is_some()
            && let Some(watcher) = &mut self.watcher
        {
            drop(watcher.unwatch(path));
        }
    }
}

fn watch(watcher: &mut RecommendedWatcher, place: &Path) -> bool {
    let watched = watcher.watch(place, RecursiveMode::NonRecursive);
    match &watched {
        Ok(()) => {}
        Err(error) if matches!(error.kind, ErrorKind::PathNotFound) => {}
        Err(error) => warn!(directory = %place.display(), %error, "not watched but polled"),
    }
    watched.is_ok()
}

fn tell(messages: &mpsc::UnboundedSender<Message>, event: notify::Result<Event>) {
    let event = match event {
        Ok(event) if !event.need_rescan() => event,
        Ok(_) => return drop(messages.send(Message::Lost)),
        Err(error) => {
            debug!(%error, "inotify");
            return drop(messages.send(Message::Lost));
        }
    };
    let Some(touch) = touch(event.kind) else {
        return;
    };
    for path in event.paths {
        // Fails when the source is gone, and this watcher is about to be.
        drop(messages.send(Message::Path(path, touch)));
    }
}

fn touch(kind: EventKind) -> Option<Touch> {
    match kind {
        EventKind::Modify(ModifyKind::Data(_)) | EventKind::Create(CreateKind::File) => {
            Some(Touch::Writing)
        }
        EventKind::Access(AccessKind::Close(AccessMode::Write))
        | EventKind::Modify(ModifyKind::Name(RenameMode::From | RenameMode::To))
        | EventKind::Remove(_) => Some(Touch::Finished),
        EventKind::Modify(ModifyKind::Metadata(_)) | EventKind::Create(_) => Some(Touch::Seen),
        // Reads, and the pair of From and To told once more as one.
        EventKind::Access(_) | EventKind::Modify(_) | EventKind::Any | EventKind::Other => None,
    }
}
