//! Which selectors of Hosts have a Mapping.
//!
//! As in Emissary 3.8 and later (`IRHost.matches_httpgroup`): a Mapping that names no host at all belongs
//! to those who select its labels, and such Mappings form a group with those alone that the same
//! selectors have. Of a group with a host the labels count together.
//!
//! One deviation: what names no host and is selected by nobody belongs to all Hosts that select nothing,
//! not to none.

use std::collections::{BTreeMap, BTreeSet};

use nuncio_config::{Host, Labels, Selector};

use super::groups::Member;
use crate::SelectedBy;

/// The selectors of all Hosts.
#[derive(Debug, Default)]
pub(crate) struct Selectors {
    all: BTreeSet<Selector>,
    /// Those that may select what has a label, by its key and value.
    by_label: BTreeMap<Box<str>, BTreeMap<Box<str>, BTreeSet<Selector>>>,
    /// Whether one label of those wanted will do, and a host goes before labels.
    any_label: bool,
}

/// Members of a group, and who has them.
pub(super) struct Part<'r> {
    pub(super) members: Vec<Member<'r>>,
    pub(super) selected_by: SelectedBy,
}

impl Selectors {
    pub(crate) fn of<'h>(hosts: impl Iterator<Item = &'h Host>, any_label: bool) -> Self {
        let selectors = hosts.filter_map(|host| host.mapping_selector.as_ref());
        let mut known = Self {
            any_label,
            ..Self::default()
        };
        for selector in selectors {
            let wants = selector.iter().next().is_some();
            if wants && !known.all.contains(selector) {
                known.add(selector);
            }
        }
        known
    }

    fn add(&mut self, selector: &Selector) {
        self.all.insert(selector.clone());
        let needed = match self.any_label {
            true => usize::MAX,
            // What lacks one of them is not selected.
            false => 1,
        };
        for (key, value) in selector.iter().take(needed) {
            let values = self.by_label.entry(key.into()).or_default();
            let selectors = values.entry(value.into()).or_default();
            selectors.insert(selector.clone());
        }
    }

    /// Those that only one of both has.
    pub(crate) fn differing(&self, other: &Self) -> Vec<Selector> {
        let differing = self.all.symmetric_difference(&other.all);
        differing.cloned().collect()
    }

    /// Whether labels have all that a selector wants, or any of it where that will do.
    pub(crate) fn selects(selector: &Selector, labels: &Labels, any_label: bool) -> bool {
        match any_label {
            true => selector.selects_by_any(labels),
            false => selector.selects(labels),
        }
    }

    /// The members of a group that belong together, in the order of their first ones.
    pub(super) fn parts<'r>(&self, members: Vec<Member<'r>>) -> Vec<Part<'r>> {
        if self.all.is_empty() {
            let selected_by = SelectedBy::default();
            return vec![Part {
                members,
                selected_by,
            }];
        }
        let mut parts: Vec<Part<'r>> = Vec::with_capacity(1);
        for member in members {
            let own = match member.mapping.hostless {
                true => self.selecting(&member.resource.labels),
                false => BTreeSet::new(),
            };
            let selected_by = SelectedBy::only(own);
            let same = parts
                .iter_mut()
                .find(|part| part.selected_by == selected_by);
            match same {
                Some(part) => part.members.push(member),
                None => parts.push(Part {
                    members: vec![member],
                    selected_by,
                }),
            }
        }
        let nobodys = parts.iter_mut().filter(|part| part.selected_by.is_nobody());
        for part in nobodys {
            part.selected_by = self.selecting_together(&part.members);
        }
        parts
    }

    fn selecting_together(&self, members: &[Member<'_>]) -> SelectedBy {
        let hosted = |member: &&Member<'_>| !member.mapping.hostless;
        if self.any_label && members.iter().any(|member| hosted(&member)) {
            return SelectedBy::everybody();
        }
        let labels = members.iter().filter(hosted);
        let labels = labels.flat_map(|member| member.resource.labels.iter());
        let labels = labels.map(|(key, value)| (key.into(), value.into()));
        SelectedBy::these(self.selecting(&labels.collect()))
    }

    fn selecting(&self, labels: &Labels) -> BTreeSet<Selector> {
        let known = labels.iter().filter_map(|(key, value)| {
            let selectors = self.by_label.get(key)?.get(value)?;
            Some(selectors)
        });
        let selecting = known
            .flatten()
            .filter(|selector| Self::selects(selector, labels, self.any_label));
        selecting.cloned().collect()
    }
}
