//! Reads typed values from the keys of a mapping and reports those that are not what they must be.
//!
//! Invariant: a reading that yields `None` for a key that was written has reported an error.

use std::fmt::Display;
use std::str::FromStr;
use std::time::Duration;

use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::{self, Entry};

/// The keys of one mapping. A key whose value is null counts as absent.
pub(crate) struct Fields<'n, 'r> {
    entries: &'n [Entry<'n>],
    line: u32,
    report: &'r mut Report,
}

impl<'n, 'r> Fields<'n, 'r> {
    /// `line` is where the mapping begins: the place of a key that is missing.
    pub(crate) fn new(entries: &'n [Entry<'n>], line: u32, report: &'r mut Report) -> Self {
        Self {
            entries,
            line,
            report,
        }
    }

    pub(crate) fn entries(&self) -> &'n [Entry<'n>] {
        self.entries
    }

    pub(crate) fn entry(&self, key: &str) -> Option<&'n Entry<'n>> {
        yaml::find(self.entries, key)
    }

    /// Where a key stands, or should.
    pub(crate) fn line_of(&self, key: &str) -> u32 {
        self.entry(key).map_or(self.line, |entry| entry.line)
    }

    /// The keys of another mapping within this one.
    pub(crate) fn nested(&mut self, entries: &'n [Entry<'n>], line: u32) -> Fields<'n, '_> {
        Fields {
            entries,
            line,
            report: self.report,
        }
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<&'n str> {
        self.read(key, "text", |entry| entry.value.text())
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |entry| entry.value.boolean())
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<i64> {
        self.read(key, "a whole number", |entry| entry.value.integer())
    }

    pub(crate) fn milliseconds(&mut self, key: &str) -> Option<Duration> {
        self.read(
            key,
            "a whole number of milliseconds, not negative",
            |entry| {
                entry
                    .value
                    .integer()
                    .and_then(|number| u64::try_from(number).ok())
            },
        )
        .map(Duration::from_millis)
    }

    /// A text that has to be read further.
    pub(crate) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &str) -> Option<T> {
        self.parsed_by(key, str::parse)
    }

    /// A text that has to be read further, by a function.
    pub(crate) fn parsed_by<T, E: Display>(
        &mut self,
        key: &str,
        parse: impl FnOnce(&'n str) -> Result<T, E>,
    ) -> Option<T> {
        let text = self.text(key)?;
        match parse(text) {
            Ok(value) => Some(value),
            Err(why) => {
                let reason = format!("`{key}`: {} {why}", quoted(text));
                self.report.error(self.line_of(key), reason);
                None
            }
        }
    }

    /// Reports those of the keys that are missing.
    pub(crate) fn require(&mut self, keys: &[&str]) {
        let absent: Vec<_> = keys
            .iter()
            .copied()
            .filter(|key| self.entry(key).is_none())
            .collect();
        self.missing(&absent);
    }

    /// Reports missing keys, all in one as Ambassador does.
    pub(crate) fn missing(&mut self, keys: &[&str]) {
        if !keys.is_empty() {
            self.report
                .error(self.line, format!("need {}", keys.join(", ")));
        }
    }

    pub(crate) fn wrong_type(&mut self, entry: &Entry<'_>, expected: &str) {
        let reason = format!(
            "{}: expected {expected}, found {}",
            quoted(&entry.key),
            entry.value.found()
        );
        self.report.error(entry.line, reason);
    }

    pub(crate) fn error(&mut self, line: u32, reason: impl Into<Box<str>>) {
        self.report.error(line, reason);
    }

    pub(crate) fn warning(&mut self, line: u32, reason: impl Into<Box<str>>) {
        self.report.warning(line, reason);
    }

    /// Whether anything in the document was an error.
    pub(crate) fn failed(&self) -> bool {
        self.report.failed()
    }

    /// Any value that is made of one entry.
    pub(crate) fn read<T>(
        &mut self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'n Entry<'n>) -> Option<T>,
    ) -> Option<T> {
        let entry = self.entry(key)?;
        let value = read(entry);
        if value.is_none() {
            self.wrong_type(entry, expected);
        }
        value
    }
}
