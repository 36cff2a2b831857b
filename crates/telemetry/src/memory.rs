//! How much memory the process may use, and how much it does.
//!
//! Invariant: what is measured is what the limit is held against: of a control group its own account,
//! less what the kernel can take back at once; of a limit that somebody chose, what is resident.

use std::fs;
use std::path::{Path, PathBuf};

/// A limit, and the measure for it.
#[derive(Debug)]
pub struct MemoryMeter {
    limit: u64,
    measured: Measured,
}

#[derive(Debug)]
enum Measured {
    Resident,
    Group(Group),
}

/// A control group that has a limit.
#[derive(Debug, PartialEq, Eq)]
struct Group {
    limit: u64,
    usage: PathBuf,
    stat: PathBuf,
    /// What of it can be taken back, in the words of its version: pages of files, whether they were
    /// used of late or not.
    files: [&'static str; 2],
}

/// More than any machine has.
const MOST_BYTES: u64 = 1 << 60;

/// Bytes of a page of memory, on all that Linux says of itself in `statm`.
const PAGE: u64 = 4096;

/// Where control groups are mounted: all controllers together, as in version 2, or one by one.
const GROUPS: &str = "/sys/fs/cgroup";

impl MemoryMeter {
    /// For the limit that was `chosen`, else for the control group's; `None` when there is none.
    pub fn new(chosen: Option<u64>) -> Option<Self> {
        let group = || Group::find(Path::new(GROUPS), &own_groups());
        let (limit, measured) = match chosen {
            Some(limit) => (limit, Measured::Resident),
            None => group().map(|group| (group.limit, Measured::Group(group)))?,
        };
        Some(Self { limit, measured })
    }

    /// How much there may be, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How much there is, in bytes; `None` when that cannot be told.
    pub fn used(&self) -> Option<u64> {
        match &self.measured {
            Measured::Resident => resident(),
            Measured::Group(group) => group.used(),
        }
    }
}

impl Group {
    /// The group of this process or the one above it that has the lowest limit. `own` is what Linux says
    /// of it in `/proc/self/cgroup`; a container may see its own group as the root.
    fn find(mounted: &Path, own: &str) -> Option<Self> {
        let lines = own.lines().filter_map(|line| {
            let (_, rest) = line.split_once(':')?;
            let (controllers, path) = rest.split_once(':')?;
            let path = path.trim_start_matches('/');
            match controllers {
                "" => Some((mounted.to_owned(), path, Self::of_version_2 as Read)),
                _ if controllers.split(',').any(|one| one == "memory") => {
                    let mounted = mounted.join("memory");
                    Some((mounted, path, Self::of_version_1 as Read))
                }
                _ => None,
            }
        });
        let all = lines.flat_map(|(mounted, path, read)| {
            let within = mounted.join(path);
            let above = within.ancestors().map(Path::to_owned);
            let seen: Vec<_> = above.take_while(|dir| dir.starts_with(&mounted)).collect();
            seen.into_iter().filter_map(move |dir| read(&dir))
        });
        all.min_by_key(|group| group.limit)
    }

    fn of_version_2(dir: &Path) -> Option<Self> {
        Some(Self {
            limit: limit(&dir.join("memory.max"))?,
            usage: dir.join("memory.current"),
            stat: dir.join("memory.stat"),
            files: ["inactive_file", "active_file"],
        })
    }

    fn of_version_1(dir: &Path) -> Option<Self> {
        Some(Self {
            limit: limit(&dir.join("memory.limit_in_bytes"))?,
            usage: dir.join("memory.usage_in_bytes"),
            stat: dir.join("memory.stat"),
            files: ["total_inactive_file", "total_active_file"],
        })
    }

    fn used(&self) -> Option<u64> {
        let usage = number(&self.usage)?;
        if usage < self.limit / 2 {
            // Adding up what can be taken back costs more, and nobody does anything yet.
            return Some(usage);
        }
        let stat = fs::read_to_string(&self.stat).ok()?;
        let files = stat.lines().filter_map(|line| {
            let (key, value) = line.split_once(' ')?;
            let is_of_files = self.files.contains(&key);
            is_of_files.then(|| value.parse::<u64>().ok()).flatten()
        });
        Some(usage.saturating_sub(files.sum()))
    }
}

type Read = fn(&Path) -> Option<Group>;

/// How much memory the control group may use, in bytes; `None` without a limit.
pub(crate) fn memory_limit() -> Option<u64> {
    Some(Group::find(Path::new(GROUPS), &own_groups())?.limit)
}

fn own_groups() -> String {
    fs::read_to_string("/proc/self/cgroup").unwrap_or_default()
}

/// `max` in version 2 and the largest number of pages in version 1 are no limit.
fn limit(path: &Path) -> Option<u64> {
    number(path).filter(|bytes| *bytes < MOST_BYTES)
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn resident() -> Option<u64> {
    let statm = fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        root
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_holds() {
        let root = written(&[
            ("memory.max", "max\n"),
            ("pods/memory.max", "1000\n"),
            ("pods/memory.current", "600\n"),
            (
                "pods/memory.stat",
                "file 1\ninactive_file 100\nactive_file 50\n",
            ),
            ("pods/one/memory.max", "4000\n"),
        ]);
        let group = Group::find(root.path(), "0::/pods/one\n").unwrap();
        assert_eq!((group.limit, group.used()), (1_000, Some(450)));
    }

    #[test]
    fn a_container_s_own_group_looks_like_the_root() {
        let root = written(&[("memory.max", "1000\n"), ("memory.current", "60\n")]);
        for own in ["0::/\n", "0::/docker/of/the/host\n"] {
            let group = Group::find(root.path(), own).unwrap();
            assert_eq!((group.limit, group.used()), (1_000, Some(60)), "{own}");
        }
    }

    #[test]
    fn version_1_is_understood() {
        let root = written(&[
            ("memory/a/memory.limit_in_bytes", "1000\n"),
            ("memory/a/memory.usage_in_bytes", "900\n"),
            (
                "memory/a/memory.stat",
                "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 100\n",
            ),
            ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ]);
        let own = "5:cpu,cpuacct:/b\n4:memory:/a\n0::/\n";
        let group = Group::find(root.path(), own).unwrap();
        assert_eq!((group.limit, group.used()), (1_000, Some(600)));
    }

    #[test]
    fn without_a_limit_there_is_no_meter() {
        let root = written(&[("memory.max", "max\n")]);
        assert_eq!(Group::find(root.path(), "0::/\n"), None);
        assert_eq!(Group::find(root.path(), ""), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn of_a_limit_that_was_chosen_what_is_resident_counts() {
        let meter = MemoryMeter::new(Some(7)).unwrap();
        assert_eq!(meter.limit(), 7);
        assert!(meter.used().unwrap() > 1 << 20);
    }
}
