//! Who is refused for no reason that lies in one other object, and is tried again whenever something changes.
//!
//! Invariant: each has its turn. Who says where the gateway listens and by which TLS does not wait for
//! Mappings, so it is not tried again when nothing else has changed.
//! Deliberately absent: why they are refused.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::Arc;

use nuncio_config::{Kind, ObjectRef, Resource};

/// Those who wait for anything to change.
#[derive(Debug, Default)]
pub(super) struct Restless {
    any: Queue,
    /// Hosts, Listeners and TLSContexts.
    edge: Queue,
}

/// Whose turns come round.
#[derive(Debug, Default)]
struct Queue {
    waiting: BTreeSet<Arc<ObjectRef>>,
    /// The last of them that was tried again.
    cursor: Option<Arc<ObjectRef>>,
}

/// What has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    Mappings,
    Anything,
}

/// Those of a queue that are tried again at once; trying costs a compile.
pub(super) const RESTLESS: usize = 16;

impl Changed {
    /// Where these are all the resources that were there before, or are now.
    pub(super) fn of<'a>(mut resources: impl Iterator<Item = &'a Resource>) -> Self {
        // Nothing is known of what has changed where nothing has.
        let Some(first) = resources.next() else {
            return Self::Anything;
        };
        let is_mapping = |resource: &Resource| matches!(resource.kind, Kind::Mapping(_));
        match is_mapping(first) && resources.all(is_mapping) {
            true => Self::Mappings,
            false => Self::Anything,
        }
    }
}

impl Restless {
    /// The object waits since `refused` of it is refused.
    pub(super) fn add(&mut self, object: &Arc<ObjectRef>, refused: &Resource) {
        let queue = match is_of_the_edge(refused) {
            true => &mut self.edge,
            false => &mut self.any,
        };
        queue.waiting.insert(Arc::clone(object));
    }

    pub(super) fn remove(&mut self, object: &ObjectRef) {
        self.any.waiting.remove(object);
        self.edge.waiting.remove(object);
    }

    /// Those whose turn it is after such a change.
    pub(super) fn next(&mut self, changed: Changed) -> Vec<Arc<ObjectRef>> {
        let mut turn = self.any.next();
        match changed {
            Changed::Mappings => {}
            Changed::Anything => turn.append(&mut self.edge.next()),
        }
        turn
    }

    #[cfg(test)]
    pub(super) fn contains(&self, object: &ObjectRef) -> bool {
        self.any.waiting.contains(object) || self.edge.waiting.contains(object)
    }
}

impl Queue {
    fn next(&mut self) -> Vec<Arc<ObjectRef>> {
        let start = match &self.cursor {
            Some(last) => Bound::Excluded(Arc::clone(last)),
            None => Bound::Unbounded,
        };
        let behind = self.waiting.range((start, Bound::Unbounded));
        let turn = behind.chain(&self.waiting);
        let turn = turn.take(RESTLESS.min(self.waiting.len()));
        let turn: Vec<_> = turn.map(Arc::clone).collect();
        self.cursor = turn.last().map(Arc::clone);
        turn
    }
}

fn is_of_the_edge(resource: &Resource) -> bool {
    matches!(
        resource.kind,
        Kind::Host(_) | Kind::Listener(_) | Kind::TlsContext(_)
    )
}

#[cfg(test)]
mod tests {
    use nuncio_config::{Form, Identity, Origin, parse};

    use super::*;

    fn resource(name: &str, text: &str) -> Resource {
        let object = Arc::new(ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        });
        let text = format!("apiVersion: getambassador.io/v3alpha1\nname: {name}\n{text}");
        let origin = Origin::api(object);
        let parsed = parse(Form::Documents, &text, &origin, &Identity::default());
        parsed.resources[0].clone()
    }

    #[test]
    fn who_says_where_to_listen_does_not_wait_for_mappings() {
        let mapping = resource(
            "m",
            "kind: Mapping\nhostname: a.org\nprefix: /m/\nservice: s\n",
        );
        let host = resource("h", "kind: Host\nhostname: a.org\n");
        let mut restless = Restless::default();
        for refused in [&mapping, &host] {
            restless.add(&refused.at.object, refused);
        }
        let [of_mapping, of_host] = [&mapping, &host].map(|of| Arc::clone(&of.at.object));
        let mappings = Changed::of([&mapping, &mapping].into_iter());
        assert_eq!(restless.next(mappings), [Arc::clone(&of_mapping)]);
        let more = Changed::of([&mapping, &host].into_iter());
        assert_eq!(restless.next(more), [of_mapping, Arc::clone(&of_host)]);
        assert_eq!(Changed::of(std::iter::empty()), Changed::Anything);
        restless.remove(&of_host);
        assert!(!restless.contains(&of_host));
    }
}
