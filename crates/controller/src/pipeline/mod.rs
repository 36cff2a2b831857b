//! Changes in, snapshots out.
//!
//! One thread takes changes, parses the objects they name, compiles, and publishes. There is no
//! debounce: an idle pipeline acts on a change at once, and what arrives while it compiles is taken
//! together by the next compile.
//!
//! Invariant: nothing is published before every required feed listed once, nor when no record
//! changed. Generations rise by one per publication.
//! Deliberately absent: async, I/O, clocks that decide anything.

pub(crate) mod objects;

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use nuncio_config::{Diagnostic, Identity, Location, Severity};
use nuncio_routing::{Diagnostics, Snapshot};
use nuncio_telemetry::{Reconfiguration, Telemetry};
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::Publish;
use crate::change::{Change, Feed, Need};
use crate::containment::contained;
use objects::{Effect, Objects};

/// The changes that one compile takes together at most, so that an endless stream of changes never
/// keeps a snapshot from being published.
const BATCH: usize = 4096;

/// The state of the control path between changes.
pub(crate) struct Pipeline {
    identity: Identity,
    publish: Arc<dyn Publish>,
    telemetry: Arc<Telemetry>,
    awaited: BTreeSet<Feed>,
    objects: Objects,
    pending: Effect,
    generation: u64,
    /// The diagnostics that have had their line in the log.
    logged: Vec<Diagnostic>,
}

impl Pipeline {
    /// A pipeline that publishes first when all of `feeds` that are required have listed.
    pub(crate) fn new(
        identity: Identity,
        feeds: impl IntoIterator<Item = Feed>,
        publish: Arc<dyn Publish>,
        telemetry: Arc<Telemetry>,
    ) -> Self {
        Self {
            identity,
            publish,
            telemetry,
            awaited: feeds
                .into_iter()
                .filter(|feed| feed.need() == Need::Required)
                .collect(),
            objects: Objects::default(),
            // An empty first list is a state worth publishing.
            pending: Effect::Changed,
            generation: 0,
            logged: Vec::new(),
        }
    }

    /// Works until every sender is gone. Blocks its thread.
    pub(crate) fn run(mut self, mut changes: mpsc::Receiver<Change>) {
        let mut batch = Vec::new();
        let mut parse = Duration::ZERO;
        while changes.blocking_recv_many(&mut batch, BATCH) > 0 {
            let started = Instant::now();
            for change in batch.drain(..) {
                self.take(change);
            }
            parse += started.elapsed();
            if self.pending == Effect::Changed && self.awaited.is_empty() {
                self.advance(std::mem::take(&mut parse));
            }
        }
    }

    fn take(&mut self, change: Change) {
        let effect = match change {
            Change::Listed {
                feed,
                objects,
                diagnostics,
            } => {
                self.awaited.remove(&feed);
                self.objects
                    .list(feed, objects, diagnostics, &self.identity)
            }
            Change::Applied { feed, object } => self.objects.apply(feed, &object, &self.identity),
            Change::Removed { feed, object } => self.objects.remove(feed, &object),
            Change::Refused { feed, diagnostic } => self.refused(feed, diagnostic),
            Change::Absent { feed } => {
                self.awaited.remove(&feed);
                Effect::Unchanged
            }
            Change::Granted { feed } => self.objects.withdraw_notes(feed),
        };
        if effect == Effect::Changed {
            self.pending = Effect::Changed;
        }
    }

    /// Tells at once of a refusal: before the first snapshot nothing else would.
    fn refused(&mut self, feed: Feed, diagnostic: Diagnostic) -> Effect {
        let effect = self.objects.note(feed, diagnostic.clone());
        if effect == Effect::Changed {
            log(&diagnostic);
            self.logged.push(diagnostic);
        }
        effect
    }

    /// Compiles everything and publishes it as the next generation.
    fn advance(&mut self, parse: Duration) {
        self.pending = Effect::Unchanged;
        let started = Instant::now();
        let generation = self.generation + 1;
        let Ok(snapshot) = contained(|| self.objects.compile(&self.identity, generation)) else {
            error!(
                generation = self.generation,
                "compiling failed; the last snapshot stays"
            );
            return;
        };
        let compiled = Instant::now();
        let snapshot = Arc::new(snapshot);
        self.publish.publish(Arc::clone(&snapshot));
        self.generation = generation;
        self.tell_published(&snapshot);
        self.telemetry.control().published(&Reconfiguration {
            generation,
            // Objects come by themselves: nothing is fetched for a reconfiguration.
            fetch: Duration::ZERO,
            parse,
            compile: compiled - started,
            publish: compiled.elapsed(),
            at: SystemTime::now(),
            errors: snapshot.diagnostics.count(Severity::Error),
            warnings: snapshot.diagnostics.count(Severity::Warning),
        });
        self.tell_diagnostics(&snapshot);
    }

    fn tell_published(&self, snapshot: &Snapshot) {
        info!(
            generation = snapshot.generation,
            routes = snapshot.routes.len(),
            clusters = snapshot.clusters.len(),
            errors = snapshot.diagnostics.count(Severity::Error),
            warnings = snapshot.diagnostics.count(Severity::Warning),
            "snapshot published"
        );
    }

    /// Gives each diagnostic its line in the log, once, when it appears.
    fn tell_diagnostics(&mut self, snapshot: &Snapshot) {
        fresh(&self.logged, &snapshot.diagnostics).for_each(log);
        self.logged = snapshot.diagnostics.iter().cloned().collect();
    }
}

fn log(diagnostic: &Diagnostic) {
    warn!(severity = %diagnostic.severity, "{diagnostic}");
}

/// Those of `now` that were not there before.
fn fresh<'a>(before: &[Diagnostic], now: &'a Diagnostics) -> impl Iterator<Item = &'a Diagnostic> {
    let known: HashSet<(Location, Box<str>)> = before
        .iter()
        .map(|held| (held.at.clone(), held.reason.clone()))
        .collect();
    now.iter()
        .filter(move |new| !known.contains(&(new.at.clone(), new.reason.clone())))
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::mpsc as std_mpsc;

    use nuncio_config::{Form, ObjectRef, Origin};
    use nuncio_routing::ServicePort;
    use nuncio_telemetry::BuildInfo;

    use super::*;
    use crate::change::Announced;

    /// Tells that it publishes, and waits until the snapshot is taken.
    struct Handover {
        begun: std_mpsc::Sender<()>,
        snapshots: std_mpsc::SyncSender<Arc<Snapshot>>,
    }

    impl Publish for Handover {
        fn publish(&self, snapshot: Arc<Snapshot>) {
            self.begun.send(()).unwrap();
            self.snapshots.send(snapshot).unwrap();
        }

        fn endpoints(&self, _of: &ServicePort, _addresses: Option<&[SocketAddr]>) {}
    }

    struct Running {
        changes: mpsc::Sender<Change>,
        begun: std_mpsc::Receiver<()>,
        published: std_mpsc::Receiver<Arc<Snapshot>>,
    }

    fn start(feeds: &[Feed]) -> Running {
        let (snapshots, published) = std_mpsc::sync_channel(0);
        let (tell_begun, begun) = std_mpsc::channel();
        let (changes, incoming) = mpsc::channel(1024);
        let text = || "test".into();
        let telemetry = Telemetry::new(BuildInfo {
            version: text(),
            commit: text(),
            ambassador_id: text(),
            cluster_id: text(),
            single_namespace: false,
        });
        let publish = Arc::new(Handover {
            begun: tell_begun,
            snapshots,
        });
        let pipeline = Pipeline::new(
            Identity::default(),
            feeds.iter().copied(),
            publish,
            telemetry,
        );
        std::thread::spawn(move || pipeline.run(incoming));
        Running {
            changes,
            begun,
            published,
        }
    }

    impl Running {
        fn send(&self, change: Change) {
            self.changes.blocking_send(change).unwrap();
        }

        fn next(&self) -> Arc<Snapshot> {
            self.published
                .recv_timeout(Duration::from_secs(10))
                .unwrap()
        }
    }

    fn listed(feed: Feed, names: &[&str]) -> Change {
        let objects = names.iter().map(|name| service(name)).collect();
        Change::Listed {
            feed,
            objects,
            diagnostics: Vec::new(),
        }
    }

    fn applied(name: &str) -> Change {
        Change::Applied {
            feed: Feed::Services,
            object: service(name),
        }
    }

    fn object(name: &str) -> ObjectRef {
        ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: name.into(),
        }
    }

    fn service(name: &str) -> Announced {
        let text = format!(
            "apiVersion: ambassador/v0\nkind: Mapping\nname: {name}\nprefix: /{name}/\nservice: s\n"
        );
        Announced::new(Origin::api(Arc::new(object(name))), Form::Documents, &text)
    }

    fn has(snapshot: &Snapshot, name: &str) -> bool {
        snapshot
            .routes
            .iter()
            .any(|route| &*route.mapping.name == name)
    }

    #[test]
    fn the_first_snapshot_waits_for_every_required_list() {
        let running = start(&[Feed::Directories, Feed::Services, Feed::Secrets]);
        running.send(listed(Feed::Services, &["a"]));
        running.send(applied("b"));
        running.send(listed(Feed::Directories, &[]));
        let first = running.next();
        assert_eq!(first.generation, 1);
        assert!(has(&first, "a") && has(&first, "b"));
    }

    #[test]
    fn changes_that_arrive_during_a_compile_are_taken_together() {
        let running = start(&[Feed::Services]);
        running.send(listed(Feed::Services, &[]));
        running.begun.recv().unwrap();
        for number in 0..500 {
            running.send(applied(&format!("s{number}")));
        }
        assert_eq!(running.next().generation, 1);
        let all = running.next();
        let all = if has(&all, "s499") {
            all
        } else {
            running.next()
        };
        assert!(has(&all, "s0") && has(&all, "s499"));
        assert!(all.generation <= 3, "{}", all.generation);
    }

    #[test]
    fn a_resync_publishes_nothing() {
        let running = start(&[Feed::Services]);
        running.send(listed(Feed::Services, &["a", "b"]));
        running.next();
        running.send(listed(Feed::Services, &["b", "a"]));
        running.send(applied("a"));
        running.send(Change::Removed {
            feed: Feed::Services,
            object: object("unknown"),
        });
        running.send(applied("c"));
        let next = running.next();
        assert_eq!(next.generation, 2);
        assert!(has(&next, "c"));
    }

    #[test]
    fn a_list_takes_away_what_it_lacks() {
        let running = start(&[Feed::Services]);
        running.send(listed(Feed::Services, &["a", "b"]));
        running.next();
        running.send(listed(Feed::Services, &["b"]));
        let next = running.next();
        assert!(!has(&next, "a") && has(&next, "b"));
    }
}
