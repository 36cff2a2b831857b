//! Manifests in directories, followed as they change.
//!
//! Read are the `*.yaml` and `*.yml` files directly in each directory, symlinked ones too; not
//! those of directories inside it, and not hidden ones (`.x.yaml`, or a ConfigMap mount's `..data`).
//! inotify tells of changes, also of those at the far end of a symlink and of swaps of the symlinks
//! on the way; a poll finds what it cannot see (network file systems, mapped writes, a symlink to
//! a symlink).
//!
//! # When a change is believed
//!
//! Editors write in many ways, and some leave a file empty, half written or absent for a moment.
//! Taking such a moment for the user's wish would take routes away. So what is found in a file is
//! live when the file has been left alone
//! - for 2 ms, if its writer closed it or it was renamed into place (also the symlink to it, as in
//!   a ConfigMap mount), and no object is lost and no new mistake is in it;
//! - for 50 ms, if it is closed but broken, gone, or lacks objects it had; or if it is no worse than
//!   before but not known to be closed;
//! - for 1 s, if it is empty now, or if it is both: written to and not closed, and worse than what
//!   is live.
//!
//! Every write begins the wait anew, so a file that is rewritten without pause keeps its last good
//! state until it is left alone.
//!
//! Invariant: what cannot be read (permissions, I/O errors, a directory that is gone) keeps its
//! last content and says so; only what was read is believed, and only a directory that was read can
//! lack a file.
//! Deliberately absent: recursion, and environment variables in files.

mod file;
mod touch;
mod tree;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use crate::change::{Change, Feed};
use crate::credentials::Local;
use touch::Touched;
pub(crate) use touch::{Inotify, Message};
pub(crate) use tree::links;
use tree::{Concern, Tree};

/// How often everything is looked at, for what inotify does not tell.
const POLL: Duration = Duration::from_secs(2);

/// A configuration directory cannot be used at the start.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// It does not exist, is not a directory, or cannot be read.
    #[error("cannot read the directory {}", path.display())]
    Unusable {
        /// The directory as given.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The thread that reads files died of a panic.
    #[error("reading the directories ended unexpectedly")]
    Ended,
}

/// Tells of every change in `paths`, and of the Secrets there before. Returns when they cannot be read at the start, or when nobody
/// listens any more.
pub(crate) async fn watch(
    paths: Vec<PathBuf>,
    (changes, secrets): (mpsc::Sender<Change>, watch::Sender<Arc<Local>>),
) -> Result<(), DirectoryError> {
    let (sender, mut messages) = mpsc::unbounded_channel();
    let mut followed = blocking(move || Followed::open(paths, sender)).await??;
    let mut news = News::Changed;
    loop {
        if news == News::Changed {
            secrets.send_replace(Arc::new(followed.tree.secrets()));
            if changes.send(followed.listed()).await.is_err() {
                return Ok(());
            }
        }
        let batch = next(&mut messages, followed.wake()).await;
        (followed, news) = blocking(move || followed.step(batch)).await?;
    }
}

/// Waits for messages or the time; takes all that are there.
async fn next(messages: &mut mpsc::UnboundedReceiver<Message>, wake: Instant) -> Vec<Message> {
    let mut batch = Vec::new();
    // Late is as good as never: the batch is empty and everything due is looked at.
    drop(timeout_at(wake, messages.recv_many(&mut batch, usize::MAX)).await);
    batch
}

/// File systems may be slow or hang; the control path's own thread does not wait for them.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, DirectoryError> {
    spawn_blocking(work)
        .await
        .map_err(|_panicked| DirectoryError::Ended)
}

/// Whether there is something to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum News {
    Changed,
    Nothing,
}

/// The directories, and what keeps an eye on them.
struct Followed {
    tree: Tree,
    inotify: Inotify,
    /// When to look at everything.
    poll: Instant,
}

impl Followed {
    fn open(
        paths: Vec<PathBuf>,
        messages: mpsc::UnboundedSender<Message>,
    ) -> Result<Self, DirectoryError> {
        let now = Instant::now();
        let directories = paths.len();
        let tree = Tree::open(paths, now)?;
        let mut inotify = Inotify::new(messages);
        inotify.follow(tree.places());
        info!(directories, "watching directories");
        // At once: something may have changed between reading and watching.
        Ok(Self {
            tree,
            inotify,
            poll: now,
        })
    }

    fn step(mut self, messages: Vec<Message>) -> (Self, News) {
        let now = Instant::now();
        let mut touched = self.sort(messages);
        if now >= self.poll {
            touched.everything = true;
        }
        let changed = self.tree.look(&touched, now);
        if touched.everything {
            self.poll = now + POLL;
        }
        if self.inotify.follow(self.tree.places()) {
            self.poll = now;
        }
        (
            self,
            if changed {
                News::Changed
            } else {
                News::Nothing
            },
        )
    }

    fn sort(&mut self, messages: Vec<Message>) -> Touched {
        let mut touched = Touched::default();
        for message in messages {
            let Message::Path(path, touch) = message else {
                touched.everything = true;
                continue;
            };
            self.inotify.forget(&path);
            match self.tree.concern(&path, touch) {
                Concern::Nothing => {}
                Concern::File => touched.add(path, touch),
                Concern::Everything => touched.everything = true,
            }
        }
        touched
    }

    /// When to look again though nothing is touched.
    fn wake(&self) -> Instant {
        self.tree.due().map_or(self.poll, |due| due.min(self.poll))
    }

    fn listed(&self) -> Change {
        let (objects, diagnostics) = self.tree.listed();
        Change::Listed {
            feed: Feed::Directories,
            objects,
            diagnostics,
        }
    }
}
