//! Mappings and lists within a mapping.
//!
//! Invariant: a section or list in which anything was an error yields `None`, so whoever goes on in
//! spite of the error never holds half of what was written.

use super::Fields;
use crate::quote::quoted;
use crate::yaml::{Entry, Node};

/// A text and the line it stands in.
#[derive(Clone, Copy)]
pub(crate) struct Line<'n> {
    pub(crate) text: &'n str,
    pub(crate) line: u32,
}

impl<'n> Fields<'n, '_> {
    /// The keys of another mapping, of which reasons say that it stands `within`.
    pub(crate) fn nested(
        &mut self,
        entries: &'n [Entry<'n>],
        line: u32,
        within: &str,
    ) -> Fields<'n, '_> {
        Fields {
            entries,
            line,
            within: format!("{}{within}", self.within).into(),
            report: self.report,
        }
    }

    /// What `read` makes, unless it reported an error.
    pub(crate) fn whole<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        let before = self.report.errors();
        let value = read(self);
        (self.report.errors() == before).then_some(value)
    }

    /// What `read` makes of the mapping under a key.
    pub(crate) fn section<T>(
        &mut self,
        key: &str,
        read: impl FnOnce(&mut Fields<'n, '_>) -> T,
    ) -> Option<T> {
        let entry = self.entry(key)?;
        let Some(entries) = entry.value.entries() else {
            self.wrong_type(entry, "a mapping");
            return None;
        };
        self.nested(entries, entry.line, &format!("{key}."))
            .whole(read)
    }

    /// Whether an empty mapping stands under a key. In documents that went through a custom resource
    /// it stands for none.
    pub(crate) fn says_nothing(&self, key: &str) -> bool {
        let entries = self.entry(key).and_then(|entry| entry.value.entries());
        entries.is_some_and(<[_]>::is_empty)
    }

    /// What `read` makes of each mapping of the list under a key.
    pub(crate) fn list<T>(
        &mut self,
        key: &str,
        read: impl FnMut(&mut Fields<'n, '_>) -> Option<T>,
    ) -> Option<Box<[T]>> {
        let entry = self.entry(key)?;
        self.list_of(entry, read)
    }

    /// What `read` makes of each mapping of a list of these keys.
    pub(crate) fn list_of<T>(
        &mut self,
        entry: &'n Entry<'n>,
        mut read: impl FnMut(&mut Fields<'n, '_>) -> Option<T>,
    ) -> Option<Box<[T]>> {
        let key = &entry.key;
        let Some(items) = entry.value.items() else {
            self.wrong_type(entry, "a list");
            return None;
        };
        self.whole(|fields| {
            let numbered = items.iter().enumerate();
            numbered
                .filter_map(|(number, item)| {
                    read(&mut fields.item(&format!("{key}[{number}]"), item)?)
                })
                .collect()
        })
    }

    /// The texts under a key: one, or a list of them.
    pub(crate) fn texts(&mut self, key: &str) -> Option<Vec<Line<'n>>> {
        let entry = self.entry(key)?;
        let items = entry
            .value
            .items()
            .unwrap_or(std::slice::from_ref(&entry.value));
        let texts = items.iter().map(|item| {
            let text = item.text()?;
            Some(Line {
                text,
                line: item.line,
            })
        });
        let texts: Option<_> = texts.collect();
        if texts.is_none() {
            self.wrong_type(entry, "text or a list of texts");
        }
        texts
    }

    /// Warns of keys that are none of these.
    pub(crate) fn review(&mut self, known: &[&str]) {
        for entry in self.entries {
            if !known.contains(&&*entry.key) {
                let reason = format!("{} is not known", self.name(&entry.key));
                self.warning(entry.line, reason);
            }
        }
    }

    /// Warns that a key was written in vain.
    pub(crate) fn in_vain(&mut self, key: &str, why: &str) {
        if let Some(entry) = self.entry(key) {
            let reason = format!("{} has no effect{why}", self.name(key));
            self.warning(entry.line, reason);
        }
    }

    fn item(&mut self, name: &str, item: &'n Node<'n>) -> Option<Fields<'n, '_>> {
        let Some(entries) = item.entries() else {
            let name = quoted(&format!("{}{name}", self.within));
            let reason = format!("{name}: expected a mapping, found {}", item.found());
            self.error(item.line, reason);
            return None;
        };
        Some(self.nested(entries, item.line, &format!("{name}.")))
    }
}
