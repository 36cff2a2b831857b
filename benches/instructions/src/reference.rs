//! What each scene took when somebody last looked, in `references/ARCHITECTURE`.

use std::collections::BTreeMap;
use std::env::consts::ARCH;
use std::fmt::{self, Write as _};
use std::path::PathBuf;
use std::{fs, io};

use anyhow::{Context as _, Result};

/// Counts by scene. Empty where nobody has counted on such a machine.
pub(crate) struct Reference(BTreeMap<String, u64>);

/// How a count stands to the reference.
#[derive(Debug, PartialEq)]
pub(crate) enum Verdict {
    Unknown,
    AsBefore { before: u64, change: f64 },
    TooMany { before: u64, change: f64 },
    Fewer { before: u64, change: f64 },
}

/// Percents by which a count may differ.
const TOLERANCE: u64 = 5;

impl Reference {
    pub(crate) fn read() -> Result<Self> {
        let text = match fs::read_to_string(path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            read => read?,
        };
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let counts = lines.map(|line| {
            let (name, count) = line.split_once(' ').context("a line is NAME COUNT")?;
            Ok((name.to_owned(), count.trim().parse()?))
        });
        Ok(Self(counts.collect::<Result<_>>()?))
    }

    pub(crate) fn write(counted: &[(&str, u64)]) -> Result<()> {
        let mut text = HEAD.to_owned();
        for (name, count) in counted {
            writeln!(text, "{name} {count}")?;
        }
        fs::write(path(), text).context("the reference cannot be written")
    }

    #[expect(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
    pub(crate) fn judge(&self, name: &str, count: u64) -> Verdict {
        let Some(&before) = self.0.get(name) else {
            return Verdict::Unknown;
        };
        let change = (count as f64 / before as f64 - 1.0) * 100.0;
        match count * 100 {
            now if now > before * (100 + TOLERANCE) => Verdict::TooMany { before, change },
            now if now < before * (100 - TOLERANCE) => Verdict::Fewer { before, change },
            _ => Verdict::AsBefore { before, change },
        }
    }
}

const HEAD: &str =
    "# Instructions by scene; NUNCIO_WRITE_INSTRUCTIONS=1 make bench-instructions writes them.\n";

fn path() -> PathBuf {
    let references = concat!(env!("CARGO_MANIFEST_DIR"), "/references");
    PathBuf::from(references).join(ARCH)
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => write!(f, "(no reference)"),
            Self::AsBefore { before, change } => write!(f, "({before}: {change:+.2} %)"),
            Self::TooMany { before, change } => write!(
                f,
                "({before}: {change:+.2} %): more than {TOLERANCE} % above; if it has to be, \
                 NUNCIO_WRITE_INSTRUCTIONS=1 make bench-instructions"
            ),
            Self::Fewer { before, change } => write!(
                f,
                "({before}: {change:+.2} %): well below; let nobody take it back: \
                 NUNCIO_WRITE_INSTRUCTIONS=1 make bench-instructions"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_percent_more_are_as_before_and_six_are_too_many() {
        let reference = Reference([("find".to_owned(), 1_000)].into());
        let verdict = |count| reference.judge("find", count);
        assert!(matches!(verdict(1_050), Verdict::AsBefore { .. }));
        assert!(matches!(verdict(1_060), Verdict::TooMany { .. }));
        assert!(matches!(verdict(950), Verdict::AsBefore { .. }));
        assert!(matches!(verdict(940), Verdict::Fewer { .. }));
        assert_eq!(reference.judge("new", 1), Verdict::Unknown);
    }
}
