use std::net::SocketAddr;
use std::sync::mpsc as std_mpsc;

use nuncio_config::{Form, ObjectRef, Origin};
use nuncio_routing::{Compiled, Compiler, Credential, ServicePort};
use nuncio_telemetry::BuildInfo;
use nuncio_tls::Material;

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

    fn credential(&self, _of: &Credential, _material: Option<Material>) {}
}

struct Running {
    changes: mpsc::Sender<Change>,
    begun: std_mpsc::Receiver<()>,
    published: std_mpsc::Receiver<Arc<Snapshot>>,
    verdicts: Verdicts,
}

/// Compiles, but for what is called `panic`.
fn panicking(compiler: &mut Compiler, generation: u64) -> Compiled {
    let all = compiler.objects().flat_map(|(_, parsed)| &parsed.resources);
    let fatal = all.filter(|resource| resource.name.starts_with("panic"));
    assert_eq!(fatal.count(), 0);
    compiler.compile(generation)
}

fn start(feeds: &[Feed]) -> Running {
    start_from(feeds, None)
}

fn start_from(feeds: &[Feed], state: Option<StateDir>) -> Running {
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
    let (teller, verdicts) = verdicts(|object| &*object.name != "quiet");
    let outlets = Outlets {
        publish,
        telemetry,
        wanted: watch::Sender::default(),
        wanted_credentials: watch::Sender::default(),
        issuances: watch::Sender::default(),
        verdicts: teller,
    };
    let gate = Gate::new(feeds, Box::new(drop));
    let mut pipeline = Pipeline::new(Rules::default(), gate, outlets, state);
    pipeline.objects.compile = panicking;
    std::thread::spawn(move || pipeline.run(incoming));
    Running {
        changes,
        begun,
        published,
        verdicts,
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
    let running = start(&[Feed::Directories, Feed::Services, Feed::Ingresses]);
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

#[test]
fn after_most_objects_are_gone_the_rest_is_moved_together_and_served_as_before() {
    let running = start(&[Feed::Services]);
    let all = (0..1_200).map(with_cluster).collect();
    running.send(list_of(all));
    running.next();
    running.send(list_of(vec![with_cluster(1_007), with_cluster(1_008)]));
    let before = running.next();
    let pause = || Change::Waited {
        patience: Patience::Pause,
    };
    running.send(pause());
    let after = running.next();
    assert_eq!((before.generation, after.generation), (2, 3));
    assert_eq!(
        *before,
        Snapshot {
            generation: 2,
            ..Snapshot::clone(&after)
        }
    );
    let targets = |snapshot: &Snapshot| {
        let clusters = snapshot.clusters.by_name();
        clusters
            .iter()
            .map(|cluster| cluster.name.to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(targets(&before), targets(&after));
    assert_eq!(after.clusters.len(), 2);
    let places = |snapshot: &Snapshot| {
        let clusters = snapshot.clusters.slots();
        clusters.iter().map(|(place, _)| place).max()
    };
    assert!(places(&after) < places(&before), "clusters are moved too");
    let route = |snapshot: &Snapshot| Arc::clone(snapshot.routes.iter().next().unwrap());
    assert!(!Arc::ptr_eq(&route(&before), &route(&after)));
    // Once is enough, and changes go on from there.
    running.send(pause());
    running.send(renamed("s1007", "changed"));
    let next = running.next();
    assert_eq!(next.generation, 4);
    assert!(has(&next, "changed") && has(&next, "s1008") && !has(&next, "s1007"));
}

/// A Service whose Mapping has a cluster of its own.
fn with_cluster(number: usize) -> Announced {
    let name = format!("s{number}");
    let text = format!(
        "apiVersion: ambassador/v0\nkind: Mapping\nname: {name}\nprefix: /{name}/\nservice: {name}\n"
    );
    Announced::new(Origin::api(Arc::new(object(&name))), Form::Documents, &text)
}

fn list_of(objects: Vec<Announced>) -> Change {
    Change::Listed {
        feed: Feed::Services,
        objects,
        diagnostics: Vec::new(),
    }
}

/// What an object says instead.
fn renamed(object: &str, mapping: &str) -> Change {
    let mut said = service(mapping);
    let text = Arc::clone(&said.text);
    let origin = Origin::api(Arc::new(self::object(object)));
    said = Announced::new(origin, Form::Documents, &text);
    Change::Applied {
        feed: Feed::Services,
        object: said,
    }
}

#[test]
fn a_panic_of_the_compiler_harms_the_object_that_brought_it_about() {
    let running = start(&[Feed::Services]);
    running.send(listed(Feed::Services, &["a", "b"]));
    running.next();
    // All three in one batch, while a publication is under way.
    running.send(applied("during"));
    running.begun.recv().unwrap();
    running.begun.recv().unwrap();
    running.send(renamed("a", "panic"));
    running.send(renamed("b", "changed"));
    running.send(applied("c"));
    running.next();
    let next = running.next();
    assert!(has(&next, "a"), "its last good version stays");
    assert!(has(&next, "changed") && has(&next, "c") && has(&next, "during"));
    let told: Vec<_> = next.diagnostics.iter().map(ToString::to_string).collect();
    let [told] = &*told else { panic!("{told:?}") };
    let expected = "Service default/a: internal error (a panic, see the log); its last good version \
                    stays live";
    assert_eq!(told, expected);
    running.send(renamed("a", "mended"));
    let mended = running.next();
    assert!(has(&mended, "mended") && !has(&mended, "a"));
    assert!(mended.diagnostics.is_empty());
}

#[test]
fn a_panic_over_what_is_new_leaves_the_rest_as_it_comes() {
    let running = start(&[Feed::Services]);
    running.send(listed(Feed::Services, &["a", "panic", "z"]));
    let first = running.next();
    assert!(has(&first, "a") && has(&first, "z") && !has(&first, "panic"));
    assert_eq!(first.diagnostics.len(), 1);
    running.send(Change::Removed {
        feed: Feed::Services,
        object: object("panic"),
    });
    assert!(running.next().diagnostics.is_empty());
}

#[test]
fn a_stream_without_end_does_not_keep_it_from_publishing() {
    let running = start(&[Feed::Services]);
    running.send(listed(Feed::Services, &[]));
    running.next();
    let changes = running.changes.clone();
    // Ends when the pipeline does.
    let stream = std::thread::spawn(move || {
        for number in 0_u64.. {
            let name = format!("s{}", number % 50);
            let change = match (number / 50) % 2 {
                0 => applied(&name),
                _ => Change::Removed {
                    feed: Feed::Services,
                    object: object(&name),
                },
            };
            if changes.blocking_send(change).is_err() {
                return;
            }
        }
    });
    for _ in 0..5 {
        running.next();
    }
    drop(running);
    // The publication under way fails, and with it the pipeline.
    stream.join().unwrap();
}

#[test]
fn saved_objects_of_a_kind_that_is_gone_are_told_of_and_go() {
    let directory = tempfile::TempDir::new().unwrap();
    let state = || {
        let path = directory.path().to_owned();
        Some(StateDir::new(path, nuncio_config::Identity::default()))
    };
    let feeds = [Feed::Services, Feed::Mappings];
    let running = start_from(&feeds, state());
    running.send(listed(Feed::Mappings, &["a"]));
    running.send(listed(Feed::Services, &["b"]));
    running.next();
    drop(running.changes);
    let file = directory.path().join("nuncio.state");
    let deadline = Instant::now() + Duration::from_secs(10);
    while !file.exists() && Instant::now() < deadline {
        std::thread::yield_now();
    }

    let running = start_from(&feeds, state());
    let absent = Change::Absent {
        feed: Feed::Mappings,
    };
    running.send(absent);
    running.send(listed(Feed::Services, &["b"]));
    let first = running.next();
    assert!(has(&first, "a") && has(&first, "b"));
    let told: Vec<_> = first.diagnostics.iter().map(ToString::to_string).collect();
    let [told] = &*told else { panic!("{told:?}") };
    assert!(
        told.contains("mappings") && told.contains("of the saved state"),
        "{told}"
    );
    running.send(Change::Absent {
        feed: Feed::Mappings,
    });
    let second = running.next();
    assert!(!has(&second, "a") && has(&second, "b"));
    assert!(second.diagnostics.is_empty());
}

#[test]
fn verdicts_tell_what_is_live_and_why_the_rest_is_not() {
    let mut running = start(&[Feed::Services]);
    let broken = Announced::new(
        Origin::api(Arc::new(object("broken"))),
        Form::Documents,
        "kind: [Mapping\n",
    );
    running.send(Change::Listed {
        feed: Feed::Services,
        objects: vec![service("a"), broken, service("quiet")],
        diagnostics: Vec::new(),
    });
    running.next();
    let told = |running: &mut Running| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let next = async {
            loop {
                let news = running.verdicts.next().await.unwrap();
                if !news.verdicts.is_empty() {
                    return news.verdicts;
                }
            }
        };
        let told = runtime.block_on(next).into_iter();
        told.map(|it| (it.object.name.to_string(), it.live, it.diagnostics.len()))
            .collect::<Vec<_>>()
    };
    let first = [("a".to_owned(), true, 0), ("broken".to_owned(), false, 1)];
    assert_eq!(told(&mut running), first);
    // The same name once more: `a` comes first, and is overridden.
    running.send(renamed("z", "a"));
    running.next();
    let second = [("a".to_owned(), false, 1), ("z".to_owned(), true, 0)];
    assert_eq!(told(&mut running), second);
    running.send(Change::Removed {
        feed: Feed::Services,
        object: object("z"),
    });
    running.next();
    let third = [("a".to_owned(), true, 0), ("z".to_owned(), false, 0)];
    assert_eq!(told(&mut running), third);
    running.send(renamed("r", "quiet"));
    running.next();
    let fourth = [("quiet".to_owned(), false, 1), ("r".to_owned(), true, 0)];
    assert_eq!(told(&mut running), fourth);
    running.send(Change::Removed {
        feed: Feed::Services,
        object: object("r"),
    });
    running.next();
    let fifth = [("quiet".to_owned(), true, 0), ("r".to_owned(), false, 0)];
    assert_eq!(told(&mut running), fifth);
}
