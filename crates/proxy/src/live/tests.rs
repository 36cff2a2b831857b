use super::*;

use nuncio_config::{Identity, ObjectRef, Origin, ServiceHost, parse_annotation};
use nuncio_routing::{Cluster, Compiler};
use nuncio_telemetry::{BuildInfo, ClusterLabel};

/// A Switch that follows objects.
struct Scene {
    compiler: Compiler,
    telemetry: Arc<Telemetry>,
    switch: Switch,
    generation: u64,
}

fn object(name: &str) -> Arc<ObjectRef> {
    let (kind, namespace) = ("Service".into(), "default".into());
    let name = name.into();
    Arc::new(ObjectRef {
        kind,
        namespace,
        name,
    })
}

impl Scene {
    fn new() -> Self {
        Self::calling(ClusterLabel::default())
    }

    fn calling(label: ClusterLabel) -> Self {
        let identity = Identity::default();
        let telemetry = Telemetry::calling(BuildInfo::default(), label);
        let empty = Arc::new(nuncio_routing::compile([], [], &identity, 0));
        let resolver = Resolver::from_system().unwrap();
        Self {
            compiler: Compiler::new(identity),
            switch: Switch::new(empty, Arc::clone(&telemetry), resolver),
            telemetry,
            generation: 0,
        }
    }

    fn put(&mut self, name: &str, more: &str) -> &mut Self {
        let (object, identity) = (object(name), Identity::default());
        let text = format!(
            "apiVersion: getambassador.io/v2\nkind: Mapping\nname: {name}\nprefix: /{name}/\n\
             service: {name}.example:80\n{more}"
        );
        let parsed = parse_annotation(&text, &Origin::api(Arc::clone(&object)), &identity);
        assert_eq!(parsed.diagnostics, []);
        self.compiler.put(&object, parsed);
        self
    }

    fn remove(&mut self, name: &str) -> &mut Self {
        self.compiler.remove(&object(name));
        self
    }

    fn install(&mut self) {
        self.generation += 1;
        let compiled = self.compiler.compile(self.generation);
        self.switch.install(Arc::new(compiled.snapshot));
    }

    /// The cluster of this name as it runs.
    fn upstream(&self, name: &str) -> Arc<Upstream> {
        let live = self.switch.live();
        let wanted = ServiceHost::Name(format!("{name}.example").into());
        let named = |(_, upstream): &(_, &Arc<Upstream>)| upstream.cluster.host == wanted;
        let (place, upstream) = live.upstreams.iter().find(named).unwrap();
        let cluster: &Arc<Cluster> = live.snapshot.clusters.slots().get(place).unwrap();
        assert_eq!(*upstream.cluster, **cluster);
        Arc::clone(upstream)
    }

    /// A number of the cluster manager, by its name.
    fn count(&self, name: &str) -> u64 {
        let mut page = Vec::new();
        self.telemetry.render(&mut page);
        let page = String::from_utf8(page).unwrap();
        let series = format!("envoy_cluster_manager_{name}{{}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&series));
        line.unwrap().parse().unwrap()
    }
}

#[tokio::test]
async fn a_cluster_runs_on_while_others_come_and_go() {
    let mut scene = Scene::new();
    scene.put("a", "").put("b", "").put("c", "").install();
    let (a, c) = (scene.upstream("a"), scene.upstream("c"));
    scene
        .remove("b")
        .put("d", "")
        .put("a", "timeout_ms: 7\n")
        .install();
    assert!(Arc::ptr_eq(&a, &scene.upstream("a")));
    assert!(Arc::ptr_eq(&c, &scene.upstream("c")));
    assert_eq!(scene.switch.live().upstreams.len(), 3);
}

#[tokio::test]
async fn clusters_that_share_a_stats_name_are_apart_when_they_are_called_by_their_names() {
    for (label, names) in [
        (ClusterLabel::StatsName, ["shared", "shared"]),
        (
            ClusterLabel::Name,
            [
                "cluster_a_example_80_default",
                "cluster_b_example_80_default",
            ],
        ),
    ] {
        let mut scene = Scene::calling(label);
        let shared = "stats_name: shared\n";
        scene.put("a", shared).put("b", shared).install();
        let (a, b) = (scene.upstream("a"), scene.upstream("b"));
        assert_eq!([a.stats.name(), b.stats.name()], names);
    }
}

#[tokio::test]
async fn a_cluster_that_has_moved_runs_on() {
    let mut scene = Scene::new();
    scene.put("a", "").put("b", "").install();
    let before = scene.upstream("b");
    // Placed by a compiler that never knew the first.
    scene.compiler = Compiler::new(Identity::default());
    scene.put("b", "").install();
    assert!(Arc::ptr_eq(&before, &scene.upstream("b")));
    assert_eq!(scene.count("active_clusters"), 1);
}

#[tokio::test]
async fn a_cluster_that_has_changed_is_another() {
    let mut scene = Scene::new();
    scene.put("a", "").install();
    let before = scene.upstream("a");
    scene.put("a", "connect_timeout_ms: 7\n").install();
    let after = scene.upstream("a");
    assert!(!Arc::ptr_eq(&before, &after));
    assert!(Arc::ptr_eq(&before.stats, &after.stats));
}

#[tokio::test]
async fn the_cluster_manager_counts_what_comes_and_goes() {
    let mut scene = Scene::new();
    let updates = scene.count("cds_update_success");
    scene.put("a", "").put("b", "").install();
    scene
        .put("a", "connect_timeout_ms: 7\n")
        .remove("b")
        .put("c", "")
        .install();
    scene.put("b", "").install();
    for (name, count) in [
        ("active_clusters", 3),
        ("cluster_added", 4),
        ("cluster_removed", 1),
        ("cds_update_success", updates + 3),
    ] {
        assert_eq!(scene.count(name), count, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_left_of_what_nobody_uses_any_more() {
    let mut scene = Scene::new();
    scene.put("a", "").put("b", "").install();
    let old = Arc::downgrade(&scene.switch.live());
    let a = Arc::downgrade(&scene.upstream("a"));
    let name_of = |name| scene.upstream(name).stats.name().to_owned();
    let (name, other) = (name_of("a"), name_of("b"));
    scene.remove("a").install();
    let deadline = tokio::time::Instant::now() + 10 * upstreams::LOOK;
    while scene.telemetry.known_cluster(&name).is_some() {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(upstreams::LOOK).await;
    }
    assert!(old.upgrade().is_none() && a.upgrade().is_none());
    assert!(scene.telemetry.known_cluster(&other).is_some());
}

/// The names of the Mappings that are counted and whether somebody has their handles, once nothing
/// moves any more.
async fn counted(scene: &Scene, mappings: &[&str]) {
    let deadline = tokio::time::Instant::now() + 10 * upstreams::LOOK;
    loop {
        let mut page = Vec::new();
        scene.telemetry.render(&mut page);
        let page = String::from_utf8(page).unwrap();
        let family = "nuncio_mapping_retries_total{mapping_namespace=\"default\",mapping=\"";
        let lines = page.lines().filter_map(|line| line.strip_prefix(family));
        let names: Vec<_> = lines.filter_map(|line| line.split('"').next()).collect();
        if names == mappings && scene.telemetry.unused_mappings().is_empty() {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{names:?}");
        tokio::time::sleep(upstreams::LOOK).await;
    }
}

/// As the first request of each Route does.
fn count_all(scene: &Scene) {
    let live = scene.switch.live();
    for route in live.routes().in_any_order() {
        assert!(live.mapping_stats(route).is_some());
    }
}

#[tokio::test(start_paused = true)]
async fn a_mapping_is_counted_while_it_is_configured_and_has_had_a_request() {
    let probes = [
        "internal_liveness_probe_mapping",
        "internal_readiness_probe_mapping",
    ];
    let all = |names: &[&'static str]| [names, &probes[..]].concat();
    let mut scene = Scene::new();
    scene.put("a", "").put("b", "").install();
    count_all(&scene);
    scene.put("c", "").install();
    counted(&scene, &all(&["a", "b"])).await;
    scene.put("a", "timeout_ms: 7\n").remove("b").install();
    counted(&scene, &all(&["a"])).await;
}

#[tokio::test(start_paused = true)]
async fn a_mapping_leaves_when_a_page_in_flight_gives_its_handle_back() {
    let mut scene = Scene::new();
    scene.put("a", "").put("b", "").install();
    count_all(&scene);
    let all = scene.telemetry.known_mappings();
    let in_flight = scene.telemetry.mapping("default", "b");
    scene.remove("b").install();
    tokio::time::sleep(10 * upstreams::LOOK).await;
    assert_eq!(scene.telemetry.known_mappings(), all);
    drop(in_flight);
    tokio::time::sleep(10 * upstreams::LOOK).await;
    assert_eq!(scene.telemetry.known_mappings(), all - 1);
}
