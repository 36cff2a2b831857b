//! Saves what is in force, on a thread of its own.
//!
//! Invariant: nobody waits for a disk. What is to be saved is handed over as what changed, by
//! object; a change that comes before the last one was written takes its place. Writing takes no
//! more than a tenth of the time, and happens about once a second at most.
//! Deliberately absent: deciding what is in force.

use std::collections::BTreeMap;
use std::io;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use nuncio_telemetry::Telemetry;
use tracing::{info, warn};

use super::{Key, SavedObject, StateDir, file, format};

/// Takes what changes. When dropped, waits a moment for the last state to be written.
#[derive(Debug)]
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    ended: Receiver<()>,
}

impl Keeper {
    pub(super) fn start(directory: StateDir, telemetry: Arc<Telemetry>) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let (end, ended) = mpsc::channel();
        let writer = Writer {
            directory,
            telemetry,
            shared: Arc::clone(&shared),
            objects: BTreeMap::new(),
            failing: false,
        };
        let work = move || {
            writer.run();
            // Fails when nobody waits any more.
            end.send(()).unwrap_or_default();
        };
        thread::Builder::new().name("state".into()).spawn(work)?;
        Ok(Self { shared, ended })
    }

    /// Notes what is in force of objects; `None` of those that are gone.
    pub(crate) fn note(&self, changes: impl IntoIterator<Item = (Key, Option<SavedObject>)>) {
        self.shared.inbox().changes.extend(changes);
    }

    /// What was noted so far is a state worth saving.
    pub(crate) fn save(&self) {
        self.shared.inbox().due = true;
        self.shared.news.notify_one();
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.inbox().ending = true;
        self.shared.news.notify_one();
        // A disk that hangs does not keep the gateway from ending.
        self.ended.recv_timeout(LAST_PATIENCE).unwrap_or_default();
    }
}

#[derive(Debug, Default)]
struct Shared {
    inbox: Mutex<Inbox>,
    news: Condvar,
}

/// What was not written yet. There is one entry for each object at most.
#[derive(Debug, Default)]
struct Inbox {
    changes: BTreeMap<Key, Option<SavedObject>>,
    due: bool,
    ending: bool,
}

impl Shared {
    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Writer {
    directory: StateDir,
    telemetry: Arc<Telemetry>,
    shared: Arc<Shared>,
    objects: BTreeMap<Key, SavedObject>,
    /// Trouble was logged and its end was not.
    failing: bool,
}

impl Writer {
    fn run(mut self) {
        file::tidy(&self.directory.path);
        while let Some(changes) = self.next() {
            for (key, saved) in changes {
                match saved {
                    Some(saved) => drop(self.objects.insert(key, saved)),
                    None => drop(self.objects.remove(&key)),
                }
            }
            let started = Instant::now();
            let written = self.write();
            if written.is_err() {
                // Tried again, also when nothing changes.
                self.shared.inbox().due = true;
            }
            self.report(written);
            self.rest(PAUSE.max(started.elapsed() * 10));
        }
    }

    /// Waits until there is something to write; `None` at the end.
    fn next(&self) -> Option<BTreeMap<Key, Option<SavedObject>>> {
        let inbox = self.shared.inbox();
        let waiting = |inbox: &mut Inbox| !inbox.due && !inbox.ending;
        let waited = self.shared.news.wait_while(inbox, waiting);
        let mut inbox = waited.unwrap_or_else(PoisonError::into_inner);
        if !inbox.due || (inbox.ending && self.failing) {
            return None;
        }
        inbox.due = false;
        Some(std::mem::take(&mut inbox.changes))
    }

    /// Lets the disk rest, but not when the end has come.
    fn rest(&self, pause: Duration) {
        let inbox = self.shared.inbox();
        let waiting = |inbox: &mut Inbox| !inbox.ending;
        drop(self.shared.news.wait_timeout_while(inbox, pause, waiting));
    }

    fn write(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let bytes = format::encode(&self.directory.identity, now, &self.objects);
        file::replace(&self.directory.path, &bytes)
    }

    /// One line for an outage, not one for each attempt.
    fn report(&mut self, written: io::Result<()>) {
        let directory = self.directory.path.display();
        match written {
            Ok(()) => {
                self.telemetry.control().state_saved(SystemTime::now());
                if std::mem::take(&mut self.failing) {
                    info!(%directory, "the state is saved again");
                }
            }
            Err(error) => {
                self.telemetry.control().state_failed();
                if !std::mem::replace(&mut self.failing, true) {
                    warn!(%directory, %error, "cannot save the state; going on without");
                }
            }
        }
    }
}

const PAUSE: Duration = Duration::from_secs(1);

const LAST_PATIENCE: Duration = Duration::from_secs(5);
