//! The thread that writes the access log.
//!
//! Invariant: it alone waits for files. A file that cannot be opened or written is tried again
//! after a while, and the lines meanwhile are dropped and counted.
//! Deliberately absent: rotation. A file that is moved away goes on being written.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::thread;
use std::time::{Duration, Instant};

use super::{AccessLog, AccessLogCounts, Batch, Message, QUEUE};

/// The running thread.
#[derive(Debug)]
pub struct AccessLogWriter {
    queue: SyncSender<Message>,
    ended: Receiver<()>,
}

/// The first wait before a file is tried again, and the longest.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// How often an end is announced again to a queue that is full.
const RETRY_STOP: Duration = Duration::from_millis(10);

impl AccessLogWriter {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the system gives no thread.
    pub(crate) fn start(counts: &Arc<AccessLogCounts>) -> io::Result<(AccessLog, Self)> {
        let (queue, messages) = mpsc::sync_channel(QUEUE);
        let (end, ended) = mpsc::sync_channel(1);
        let mut output = Output::new(Arc::clone(counts));
        thread::Builder::new()
            .name("access-log".into())
            .spawn(move || {
                output.run(&messages);
                drop(end);
            })?;
        let log = AccessLog {
            queue: queue.clone(),
            counts: Arc::clone(counts),
        };
        Ok((log, Self { queue, ended }))
    }

    /// Writes what is on its way, unless that takes longer than `patience`: a reader that has
    /// stopped must not keep the process.
    pub fn finish(self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let left = || deadline.saturating_duration_since(Instant::now());
        while let Err(TrySendError::Full(_)) = self.queue.try_send(Message::Stop) {
            let ended = self.ended.recv_timeout(RETRY_STOP.min(left()));
            if ended != Err(RecvTimeoutError::Timeout) || left().is_zero() {
                return;
            }
        }
        // Nothing is ever sent: the thread lets go of its end, or is left alone.
        let (Ok(()) | Err(_)) = self.ended.recv_timeout(left());
    }
}

/// Where lines go.
struct Output {
    counts: Arc<AccessLogCounts>,
    path: Arc<str>,
    state: State,
}

enum State {
    Closed,
    Open(File),
    /// It failed; the next try is at this time, the one after that so much later.
    Failed {
        until: Instant,
        wait: Duration,
    },
}

impl Output {
    fn new(counts: Arc<AccessLogCounts>) -> Self {
        Self {
            counts,
            path: Arc::from(""),
            state: State::Closed,
        }
    }

    fn run(&mut self, messages: &Receiver<Message>) {
        while let Ok(Message::Batch(batch)) = messages.recv() {
            self.take(&batch);
        }
    }

    fn take(&mut self, batch: &Batch) {
        if self.path != batch.path {
            self.path = Arc::clone(&batch.path);
            self.state = State::Closed;
        }
        if self.write(&batch.bytes) {
            self.counts.written.add(batch.count);
        } else {
            self.counts.dropped.add(batch.count);
        }
    }

    fn write(&mut self, bytes: &[u8]) -> bool {
        let wait = match &self.state {
            State::Failed { until, .. } if Instant::now() < *until => return false,
            State::Failed { wait, .. } => *wait,
            State::Closed | State::Open(_) => FIRST_WAIT,
        };
        match self.open().and_then(|mut file| {
            file.write_all(bytes)?;
            Ok(file)
        }) {
            Ok(file) => {
                self.state = State::Open(file);
                true
            }
            Err(error) => {
                tracing::warn!(path = %self.path, %error, "cannot write the access log");
                self.state = State::Failed {
                    until: Instant::now() + wait,
                    wait: (wait * 2).min(LONGEST_WAIT),
                };
                false
            }
        }
    }

    /// The open file, else the file opened.
    fn open(&mut self) -> io::Result<File> {
        match std::mem::replace(&mut self.state, State::Closed) {
            State::Open(file) => Ok(file),
            State::Closed | State::Failed { .. } => open(&self.path),
        }
    }
}

/// Standard output is shared rather than opened by its name, which cannot be done with a socket.
fn open(path: &str) -> io::Result<File> {
    match path {
        "/dev/fd/1" | "/dev/stdout" | "/proc/self/fd/1" => shared(io::stdout().as_fd()),
        "/dev/fd/2" | "/dev/stderr" | "/proc/self/fd/2" => shared(io::stderr().as_fd()),
        _ => OpenOptions::new().append(true).create(true).open(path),
    }
}

fn shared(descriptor: BorrowedFd<'_>) -> io::Result<File> {
    descriptor.try_clone_to_owned().map(File::from)
}
