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
    let outlets = Outlets {
        publish,
        telemetry,
        wanted: watch::Sender::default(),
        verdicts: verdicts().0,
    };
    let gate = Gate::new(feeds, Box::new(drop));
    let pipeline = Pipeline::new(Rules::default(), gate, outlets);
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
    running.send(Change::Waited {
        patience: Patience::Optional,
    });
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
    let mut all = running.next();
    while !has(&all, "s499") {
        all = running.next();
    }
    assert!(has(&all, "s0"));
    // Two, unless the machine is so busy that time ends a batch.
    assert!(all.generation <= 10, "{}", all.generation);
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
