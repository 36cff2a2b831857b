//! What Linux knows of a process.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub struct Process(pub u32);

impl Process {
    /// Resident memory, in bytes.
    ///
    /// # Errors
    /// When it has ended.
    pub fn resident(self) -> anyhow::Result<u64> {
        self.kilobytes("VmRSS:")
    }

    /// The most it ever was.
    ///
    /// # Errors
    /// When it has ended.
    pub fn most_resident(self) -> anyhow::Result<u64> {
        self.kilobytes("VmHWM:")
    }

    /// CPU time of the threads that there are.
    ///
    /// # Errors
    /// When it has ended.
    pub fn cpu(self) -> anyhow::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            let on_cpu = times.split(' ').next().context("no time")?;
            nanos += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// How long threads whose name begins so were ready to run and had no core.
    ///
    /// # Errors
    /// When it has ended.
    pub fn waiting(self, name: &str) -> anyhow::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let task = task?.path();
            if fs::read_to_string(task.join("comm"))?.starts_with(name) {
                let times = fs::read_to_string(task.join("schedstat"))?;
                let waited = times.split(' ').nth(1).context("no time")?;
                nanos += waited.parse::<u64>()?;
            }
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// Files, sockets and all else that is open.
    ///
    /// # Errors
    /// When it has ended.
    pub fn descriptors(self) -> anyhow::Result<usize> {
        Ok(fs::read_dir(format!("/proc/{}/fd", self.0))?.count())
    }

    fn kilobytes(self, key: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("no such line")?.parse::<u64>()? * 1024)
    }
}
