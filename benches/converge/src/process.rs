//! What Linux knows of the gateway's process.

use std::fs;
use std::time::Duration;

use anyhow::Context;

/// A process by its number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process(pub(crate) u32);

impl Process {
    /// Resident memory, in bytes.
    pub(crate) fn resident(self) -> anyhow::Result<u64> {
        self.kilobytes("VmRSS:")
    }

    /// The most it ever was.
    pub(crate) fn most_resident(self) -> anyhow::Result<u64> {
        self.kilobytes("VmHWM:")
    }

    /// CPU time of the threads that there are.
    pub(crate) fn cpu(self) -> anyhow::Result<Duration> {
        let mut nanos = 0;
        for task in fs::read_dir(format!("/proc/{}/task", self.0))? {
            let times = fs::read_to_string(task?.path().join("schedstat"))?;
            let on_cpu = times.split(' ').next().context("no time")?;
            nanos += on_cpu.parse::<u64>()?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    fn kilobytes(self, key: &str) -> anyhow::Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0))?;
        let line = status.lines().find_map(|line| line.strip_prefix(key));
        let number = line.and_then(|line| line.split_whitespace().next());
        Ok(number.context("no such line")?.parse::<u64>()? * 1024)
    }
}
