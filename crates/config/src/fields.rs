//! Reads typed values from the keys of a mapping and reports those that are not what they must be.
//!
//! Invariant: a reading that yields `None` for a key that was written has reported an error.

mod sections;

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

pub(crate) use sections::Line;

use crate::name::Name;
use crate::patterns::Patterns;
use crate::quote::quoted;
use crate::report::Report;
use crate::yaml::{self, Entry};
use crate::{Pattern, duration};

/// The keys of one mapping. A key whose value is null counts as absent.
pub(crate) struct Fields<'n, 'r> {
    entries: &'n [Entry<'n>],
    line: u32,
    /// What stands before a key's name in reasons: `cors.` within `cors`.
    within: Box<str>,
    report: &'r mut Report,
}

impl<'n, 'r> Fields<'n, 'r> {
    /// `line` is where the mapping begins: the place of a key that is missing.
    pub(crate) fn new(entries: &'n [Entry<'n>], line: u32, report: &'r mut Report) -> Self {
        Self {
            entries,
            line,
            within: Box::default(),
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

    /// How a key is named in reasons: with the keys it stands within.
    pub(crate) fn name(&self, key: &str) -> String {
        quoted(&format!("{}{key}", self.within))
    }

    pub(crate) fn text(&mut self, key: &str) -> Option<&'n str> {
        self.read(key, "text", |entry| entry.value.text())
    }

    /// The text of an entry of these keys.
    pub(crate) fn text_of(&mut self, entry: &'n Entry<'n>) -> Option<&'n str> {
        let text = entry.value.text();
        if text.is_none() {
            self.wrong_type(entry, "text");
        }
        text
    }

    pub(crate) fn boolean(&mut self, key: &str) -> Option<bool> {
        self.read(key, "true or false", |entry| entry.value.boolean())
    }

    /// Whether true was written; says nothing of what is no boolean.
    pub(crate) fn is_true(&self, key: &str) -> bool {
        self.entry(key)
            .is_some_and(|entry| entry.value.boolean() == Some(true))
    }

    pub(crate) fn integer(&mut self, key: &str) -> Option<i64> {
        self.read(key, "a whole number", |entry| entry.value.integer())
    }

    /// A whole number within a range.
    pub(crate) fn number(&mut self, key: &str, range: RangeInclusive<u32>) -> Option<u32> {
        let expected = match (range.start(), range.end()) {
            (least, &u32::MAX) => format!("a whole number from {least}"),
            (least, most) => format!("a whole number from {least} to {most}"),
        };
        self.read(key, &expected, |entry| {
            let number = u32::try_from(entry.value.integer()?).ok()?;
            range.contains(&number).then_some(number)
        })
    }

    /// A port that can be listened on.
    pub(crate) fn port(&mut self, key: &str) -> Option<u16> {
        self.read(key, "a port from 1 to 65535", |entry| {
            let port = u16::try_from(entry.value.integer()?).ok()?;
            (port > 0).then_some(port)
        })
    }

    /// A name; an empty text is none, as in Emissary.
    pub(crate) fn named(&mut self, key: &str) -> Option<Box<str>> {
        if self.text(key)?.is_empty() {
            return None;
        }
        self.parsed::<Name>(key).map(Name::into_text)
    }

    /// A number of bytes.
    pub(crate) fn bytes(&mut self, key: &str) -> Option<u64> {
        self.read(key, "a whole number of bytes, not negative", |entry| {
            u64::try_from(entry.value.integer()?).ok()
        })
    }

    /// A duration with units: `0.5s`, `250ms`, `1m30s`.
    pub(crate) fn duration(&mut self, key: &str) -> Option<Duration> {
        self.parsed_by(key, duration::parse)
    }

    /// A regular expression.
    pub(crate) fn pattern(&mut self, key: &str) -> Option<Pattern> {
        let entry = self.entry(key)?;
        self.pattern_of(entry)
    }

    /// The regular expression of an entry of these keys.
    pub(crate) fn pattern_of(&mut self, entry: &'n Entry<'n>) -> Option<Pattern> {
        let Some(text) = entry.value.text() else {
            self.wrong_type(entry, "a regular expression");
            return None;
        };
        match self.patterns().pattern(text) {
            Ok(pattern) => Some(pattern),
            Err(why) => {
                let reason = format!("{}: {} {why}", self.name(&entry.key), quoted(text));
                self.report.error(entry.line, reason);
                None
            }
        }
    }

    pub(crate) fn patterns(&mut self) -> &mut Patterns {
        self.report.patterns()
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
                let reason = format!("{}: {} {why}", self.name(key), quoted(text));
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
        if keys.is_empty() {
            return;
        }
        self.error_here(&format!("need {}", keys.join(", ")));
    }

    pub(crate) fn wrong_type(&mut self, entry: &Entry<'_>, expected: &str) {
        let reason = format!(
            "{}: expected {expected}, found {}",
            self.name(&entry.key),
            entry.value.found()
        );
        self.report.error(entry.line, reason);
    }

    pub(crate) fn error(&mut self, line: u32, reason: impl Into<Box<str>>) {
        self.report.error(line, reason);
    }

    /// An error about the mapping itself.
    pub(crate) fn error_here(&mut self, reason: &str) {
        let reason = match self.within.strip_suffix('.') {
            Some(within) => format!("{}: {reason}", quoted(within)),
            None => reason.to_owned(),
        };
        self.report.error(self.line, reason);
    }

    pub(crate) fn warning(&mut self, line: u32, reason: impl Into<Box<str>>) {
        self.report.warning(line, reason);
    }

    /// Whether anything in the document was an error.
    pub(crate) fn failed(&self) -> bool {
        self.report.errors() > 0
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
