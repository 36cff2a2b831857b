//! What Linux knows of this process, read from `/proc/self`.
//!
//! Invariant: all or nothing; without `/proc`, what needs it is left out of the page.

use std::fs;

/// Its memory, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Memory {
    pub(crate) mapped: u64,
    pub(crate) resident: u64,
    /// Resident and of no file: stacks, and what the allocator took and the program touched.
    anonymous: u64,
    /// Private writable mappings, touched or not.
    data: u64,
}

/// The rest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    cpu_ticks: u64,
    /// Since boot.
    start_ticks: u64,
    /// Unix time of the boot, in seconds.
    boot_seconds: u64,
    pub(crate) open_fds: u64,
    pub(crate) max_fds: u64,
}

/// Clock ticks per second in `/proc`: `USER_HZ`, 100 on every architecture Linux still supports.
const TICKS_PER_SECOND: u64 = 100;

impl Memory {
    pub(crate) fn read() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        Some(Self {
            mapped: kilobytes(&status, "VmSize:")?,
            resident: kilobytes(&status, "VmRSS:")?,
            anonymous: kilobytes(&status, "RssAnon:")?,
            data: kilobytes(&status, "VmData:")?,
        })
    }

    /// Envoy asks its allocator how much the program holds. Ours, jemalloc, is not asked: what is
    /// reported is the private memory that is resident, which counts stacks and what jemalloc keeps
    /// for later as well.
    pub(crate) fn allocated(&self) -> u64 {
        self.anonymous
    }

    /// Envoy asks how much its allocator has taken from the system: here, all private writable
    /// mappings. Alerts fire when more than 90 % of that is allocated, which says nothing when
    /// allocated means resident, so this is at least a fifth more than what is resident.
    pub(crate) fn heap(&self) -> u64 {
        self.data.max(self.anonymous + self.anonymous / 5)
    }
}

impl Process {
    pub(crate) fn read() -> Option<Self> {
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let (user, system, start_ticks) = times(&stat)?;
        // Reading the directory is itself an open file.
        let open_fds = fs::read_dir("/proc/self/fd")
            .ok()?
            .count()
            .saturating_sub(1);
        Some(Self {
            cpu_ticks: user + system,
            start_ticks,
            boot_seconds: number_after(&fs::read_to_string("/proc/stat").ok()?, "btime ")?,
            open_fds: u64::try_from(open_fds).ok()?,
            max_fds: max_fds(&fs::read_to_string("/proc/self/limits").ok()?)?,
        })
    }

    /// User and system time, in hundredths of a second.
    pub(crate) fn cpu_hundredths(&self) -> u64 {
        self.cpu_ticks * 100 / TICKS_PER_SECOND
    }

    /// Unix time, in hundredths of a second.
    pub(crate) fn start_hundredths(&self) -> u64 {
        self.boot_seconds * 100 + self.start_ticks * 100 / TICKS_PER_SECOND
    }
}

fn kilobytes(status: &str, key: &str) -> Option<u64> {
    Some(number_after(status, key)? * 1024)
}

/// The first number on the line that starts with `key`.
fn number_after(text: &str, key: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(key))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// User time, system time and start time, all in ticks: fields 14, 15 and 22 of proc(5). The name
/// in field 2 may hold spaces and parentheses.
fn times(stat: &str) -> Option<(u64, u64, u64)> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_whitespace().skip(11);
    let user = fields.next()?.parse().ok()?;
    let system = fields.next()?.parse().ok()?;
    let start = fields.nth(6)?.parse().ok()?;
    Some((user, system, start))
}

/// The soft limit, `unlimited` as the largest number.
fn max_fds(limits: &str) -> Option<u64> {
    let rest = limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))?;
    match rest.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_found_behind_a_name_with_spaces_and_parentheses() {
        let stat = "7 (a) b)) S 1 7 7 0 -1 4194560 1 0 0 0 11 22 0 0 20 0 3 0 4242 1 2";
        assert_eq!(times(stat), Some((11, 22, 4242)));
    }

    #[test]
    fn nonsense_is_no_number() {
        assert_eq!(times("nonsense"), None);
        assert_eq!(number_after("VmRSS:\t many kB", "VmRSS:"), None);
        assert_eq!(
            max_fds("Max open files            unlimited  unlimited files"),
            Some(u64::MAX)
        );
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_heap_is_never_nearly_full() {
        let memory = Memory::read().expect("Linux has /proc");
        assert!(memory.allocated() > 0 && memory.allocated() * 10 <= memory.heap() * 9);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn the_process_knows_when_it_started() {
        let process = Process::read().expect("Linux has /proc");
        assert!(process.open_fds > 0 && process.start_hundredths() > 0);
    }
}
