//! The diagnostics of a Snapshot, in a sorted list whose unchanged parts are shared.
//!
//! Invariant: sorted by location; what was found twice is listed twice. A clone is a snapshot:
//! nothing done to either is seen in the other. One change copies one chunk and the list of chunks,
//! whatever the number of diagnostics.
//! Deliberately absent: finding anything wrong.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use nuncio_config::{Diagnostic, Location, ObjectRef, Severity};
use serde::{Serialize, Serializer};

/// All that is wrong with the resources of a configuration.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    /// None is empty.
    chunks: Arc<Vec<Arc<Chunk>>>,
    errors: usize,
    warnings: usize,
}

type Chunk = Vec<Arc<Diagnostic>>;

/// Small enough to copy for one change, large enough that a list of chunks is short.
const CHUNK: usize = 128;

impl Diagnostics {
    /// All of them, sorted by location.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.iter().map(|held| &**held))
    }

    /// Those of one object. Costs what there are of it.
    pub fn of<'s>(&'s self, object: &'s ObjectRef) -> impl Iterator<Item = &'s Diagnostic> {
        let ends_before = |chunk: &Arc<Chunk>| {
            let last = chunk.last();
            last.is_some_and(|last| *last.at.object < *object)
        };
        let first = self.chunks.partition_point(ends_before);
        let rest = self.chunks.iter().skip(first);
        let all = rest.flat_map(|chunk| chunk.iter().map(|held| &**held));
        all.skip_while(|held| *held.at.object < *object)
            .take_while(|held| *held.at.object == *object)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.errors + self.warnings
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many there are of one severity; costs nothing.
    pub fn count(&self, severity: Severity) -> usize {
        match severity {
            Severity::Error => self.errors,
            Severity::Warning => self.warnings,
        }
    }

    /// What is here and was not `before`, sorted. Costs what differs, and a look at each chunk.
    pub fn since<'s>(&'s self, before: &Self) -> Vec<&'s Diagnostic> {
        let mut known = BTreeMap::<_, usize>::new();
        for diagnostic in before.unshared(self) {
            *known.entry(sort_key(diagnostic)).or_default() += 1;
        }
        let mut new = Vec::new();
        for diagnostic in self.unshared(before) {
            match known.get_mut(&sort_key(diagnostic)) {
                Some(left @ 1..) => *left -= 1,
                Some(0) | None => new.push(diagnostic),
            }
        }
        new
    }

    /// What is in chunks that `other` has not.
    fn unshared<'s>(&'s self, other: &Self) -> impl Iterator<Item = &'s Diagnostic> {
        let shared: HashSet<_> = other.chunks.iter().map(Arc::as_ptr).collect();
        let unshared = self.chunks.iter();
        let unshared = unshared.filter(move |chunk| !shared.contains(&Arc::as_ptr(chunk)));
        unshared.flat_map(|chunk| chunk.iter().map(|held| &**held))
    }

    pub(crate) fn insert(&mut self, diagnostic: Arc<Diagnostic>) {
        *self.counter(diagnostic.severity) += 1;
        let nth = self.chunk_of(&diagnostic);
        let chunks = Arc::make_mut(&mut self.chunks);
        let Some(chunk) = chunks.get_mut(nth) else {
            chunks.push(Arc::new(vec![diagnostic]));
            return;
        };
        let place = chunk.partition_point(|other| sort_key(other) < sort_key(&diagnostic));
        let chunk = Arc::make_mut(chunk);
        chunk.insert(place, diagnostic);
        if chunk.len() > CHUNK {
            let upper = chunk.split_off(CHUNK / 2);
            chunks.insert(nth + 1, Arc::new(upper));
        }
    }

    /// Takes one such away, if there is any.
    pub(crate) fn remove(&mut self, diagnostic: &Diagnostic) {
        let nth = self.chunk_of(diagnostic);
        let found = self.chunks.get(nth).and_then(|chunk| {
            let equal = |other: &Arc<Diagnostic>| sort_key(other).cmp(&sort_key(diagnostic));
            chunk.binary_search_by(equal).ok()
        });
        let Some(place) = found else { return };
        *self.counter(diagnostic.severity) -= 1;
        let chunks = Arc::make_mut(&mut self.chunks);
        if let Some(chunk) = chunks.get_mut(nth) {
            let chunk = Arc::make_mut(chunk);
            chunk.remove(place);
            if chunk.is_empty() {
                chunks.remove(nth);
            }
        }
    }

    /// The chunk it is in, if it is in any, and else belongs into: the first that does not end
    /// before it, or the last.
    fn chunk_of(&self, diagnostic: &Diagnostic) -> usize {
        let key = sort_key(diagnostic);
        let ends_before =
            |chunk: &Arc<Chunk>| chunk.last().is_some_and(|last| sort_key(last) < key);
        let nth = self.chunks.partition_point(ends_before);
        nth.min(self.chunks.len().saturating_sub(1))
    }

    fn counter(&mut self, severity: Severity) -> &mut usize {
        match severity {
            Severity::Error => &mut self.errors,
            Severity::Warning => &mut self.warnings,
        }
    }
}

impl PartialEq for Diagnostics {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.chunks, &other.chunks)
            || (self.len() == other.len() && self.iter().eq(other.iter()))
    }
}

impl Serialize for Diagnostics {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter())
    }
}

type SortKey<'d> = (&'d Location, Option<&'d str>, Severity, &'d str);

fn sort_key(diagnostic: &Diagnostic) -> SortKey<'_> {
    let Diagnostic {
        severity,
        at,
        resource,
        reason,
    } = diagnostic;
    (at, resource.as_deref(), *severity, reason)
}

#[cfg(test)]
mod tests {
    use nuncio_config::ObjectRef;

    use super::*;

    fn diagnostic(line: u32) -> Arc<Diagnostic> {
        let (kind, namespace, name) = ("Service".into(), "a".into(), "b".into());
        let object = Arc::new(ObjectRef {
            kind,
            namespace,
            name,
        });
        let severity = match line.is_multiple_of(3) {
            true => Severity::Error,
            false => Severity::Warning,
        };
        let at = Location {
            object,
            file: None,
            document: 1,
            line,
        };
        let (resource, reason) = (None, "wrong".into());
        Arc::new(Diagnostic {
            severity,
            at,
            resource,
            reason,
        })
    }

    /// Of these lines, in this order.
    fn listed(lines: impl IntoIterator<Item = u32>) -> Diagnostics {
        let mut all = Diagnostics::default();
        lines
            .into_iter()
            .for_each(|line| all.insert(diagnostic(line)));
        all
    }

    fn lines(all: &Diagnostics) -> Vec<u32> {
        all.iter().map(|diagnostic| diagnostic.at.line).collect()
    }

    #[test]
    fn they_are_sorted_and_counted_whatever_the_order_they_are_found_in() {
        let scattered = listed((0..1_000).map(|nth| nth * 7 % 1_000));
        assert_eq!(lines(&scattered), Vec::from_iter(0..1_000));
        assert_eq!(scattered, listed(0..1_000));
        let of = |severity| scattered.count(severity);
        assert_eq!((of(Severity::Error), of(Severity::Warning)), (334, 666));
    }

    #[test]
    fn what_is_found_twice_is_listed_twice_and_goes_one_by_one() {
        let mut all = listed([1, 1].repeat(200));
        assert_eq!(all.len(), 400);
        for left in (0..400).rev() {
            all.remove(&diagnostic(1));
            assert_eq!(all.len(), left);
        }
        all.remove(&diagnostic(1));
        assert!(all.is_empty() && all.chunks.is_empty());
    }

    #[test]
    fn a_clone_keeps_what_it_had_and_the_difference_is_told() {
        let mut all = listed(0..1_000);
        let before = all.clone();
        all.remove(&diagnostic(500));
        all.insert(diagnostic(2_000));
        assert_eq!(lines(&before), Vec::from_iter(0..1_000));
        let told = |since: Vec<&Diagnostic>| Vec::from_iter(since.iter().map(|d| d.at.line));
        assert_eq!(told(all.since(&before)), [2_000]);
        assert_eq!(told(before.since(&all)), [500]);
        assert_eq!(told(all.since(&all)), [0; 0]);
        assert_eq!(all.unshared(&before).count(), before.unshared(&all).count());
        assert!(all.unshared(&before).count() <= 2 * CHUNK);
    }

    #[test]
    fn one_more_of_the_same_is_a_difference() {
        let (one, two) = (listed([1]), listed([1, 1]));
        assert_eq!(two.since(&one).len(), 1);
        assert_eq!(one.since(&two).len(), 0);
    }
}
