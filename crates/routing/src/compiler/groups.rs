//! The groups of Mappings, and what each was compiled to.
//!
//! Invariant: a group has all live Mappings with its key. It is compiled when one of them comes, goes
//! or is another, or when something that one of them names does; what everything depends on touches
//! all groups.
//! Deliberately absent: what a group means.

use std::collections::{BTreeMap, BTreeSet};

use nuncio_config::{Mapping, Selector};

use super::assembly::{Assembly, Held, Laid};
use crate::compile::{Class, GroupKey, Matching, Report, Surroundings, Told, canonical, told};

/// All groups.
#[derive(Debug, Default)]
pub(super) struct Groups {
    by_key: BTreeMap<GroupKey, Box<Group>>,
    /// The groups with members that name something, with the number of such members.
    naming: BTreeMap<Reference, BTreeMap<GroupKey, usize>>,
    touched: BTreeSet<GroupKey>,
}

#[derive(Debug, Default)]
struct Group {
    /// In insertion order.
    members: Vec<Told>,
    laid: Laid,
    held: Held,
}

/// What a Mapping names.
type Reference = (Class, Box<str>);

impl Groups {
    /// Takes a live Mapping.
    pub(super) fn add(&mut self, told: Told) {
        let Some(mapping) = told.member().map(|member| member.mapping) else {
            return;
        };
        let key = Matching::of(mapping).key();
        for reference in references(mapping) {
            let groups = self.naming.entry(reference).or_default();
            *groups.entry(key.clone()).or_default() += 1;
        }
        let group = self.by_key.entry(key.clone()).or_default();
        told::insert(&mut group.members, told);
        self.touched.insert(key);
    }

    /// Takes a Mapping away that is live no longer.
    pub(super) fn remove(&mut self, told: &Told) {
        let Some(mapping) = told.member().map(|member| member.mapping) else {
            return;
        };
        let key = Matching::of(mapping).key();
        for reference in references(mapping) {
            self.forget(&reference, &key);
        }
        if let Some(group) = self.by_key.get_mut(&key) {
            told::take(&mut group.members, told);
            self.touched.insert(key);
        }
    }

    /// Something that Mappings may name has changed.
    pub(super) fn touch_naming(&mut self, class: Class, name: &str) {
        let reference = (class, name.into());
        let groups = self.naming.get(&reference).into_iter().flatten();
        self.touched.extend(groups.map(|(key, _)| key.clone()));
    }

    /// These selectors come or go. Looks at all Mappings, since few Hosts select by labels, and most
    /// Mappings have some. Labels of a group's members may count together: one of them is enough.
    pub(super) fn touch_selected(&mut self, selectors: &[Selector]) {
        let is_selected = |told: &Told| {
            let labels = told.resource().map(|resource| &resource.labels);
            let mut selectors = selectors.iter();
            labels.is_some_and(|labels| selectors.any(|wanted| wanted.selects_by_any(labels)))
        };
        if selectors.is_empty() {
            return;
        }
        for (key, group) in &self.by_key {
            if group.members.iter().any(is_selected) {
                self.touched.insert(key.clone());
            }
        }
    }

    /// Something that all depend on has changed.
    pub(super) fn touch_all(&mut self) {
        self.touched = self.by_key.keys().cloned().collect();
    }

    /// Compiles the groups that were touched.
    pub(super) fn settle(&mut self, surroundings: &Surroundings<'_>, assembly: &mut Assembly) {
        for key in std::mem::take(&mut self.touched) {
            let Some(group) = self.by_key.get_mut(&key) else {
                continue;
            };
            let mut report = Report::default();
            let members = group.members.iter().filter_map(Told::member);
            let routes = surroundings.lay_out(members, &mut assembly.roster, &mut report);
            assembly.lay(&mut group.laid, routes);
            assembly.report(&mut group.held, report);
            if group.members.is_empty() {
                self.by_key.remove(&key);
            }
        }
    }

    fn forget(&mut self, reference: &Reference, key: &GroupKey) {
        let Some(groups) = self.naming.get_mut(reference) else {
            return;
        };
        if let Some(count) = groups.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                groups.remove(key);
            }
        }
        if groups.is_empty() {
            self.naming.remove(reference);
        }
    }
}

fn references(mapping: &Mapping) -> impl Iterator<Item = Reference> {
    let options = &mapping.cluster;
    let resolver = options.resolver.as_deref().map(canonical);
    let named = [
        (Class::CircuitBreaker, options.circuit_breaker.as_deref()),
        (
            Class::OutlierDetection,
            options.outlier_detection.as_deref(),
        ),
        (Class::Resolver, resolver),
        (Class::TlsContext, mapping.service.tls_context.as_deref()),
    ];
    let named = named.into_iter();
    named.filter_map(|(class, name)| Some((class, Box::from(name?))))
}
