//! Work for one cluster that no request waits for.

use tokio::task::JoinHandle;

/// Running work; ends when dropped.
#[derive(Debug)]
pub(crate) struct Background(JoinHandle<()>);

impl From<JoinHandle<()>> for Background {
    fn from(task: JoinHandle<()>) -> Self {
        Self(task)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.0.abort();
    }
}
