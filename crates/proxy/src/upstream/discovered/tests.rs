use super::*;
use crate::upstream::tests::cluster;
use crate::upstream::{Pick, Upstream};
use nuncio_telemetry::{BuildInfo, Telemetry};

/// What the control path would tell to.
struct Scene {
    discovered: Arc<Discovered>,
    telemetry: Arc<Telemetry>,
}

impl Scene {
    fn new() -> Self {
        let discovered = Discovered::new(Resolver::from_system().unwrap());
        discovered.want(&Arc::new([port()].into()));
        Self {
            discovered,
            telemetry: Telemetry::new(BuildInfo::default()),
        }
    }

    fn upstream(&self, adjust: impl FnOnce(&mut Cluster)) -> Upstream {
        let mut cluster = cluster();
        cluster.host = ServiceHost::Name("localhost".into());
        cluster.discovery = Discovery::Endpoints(Box::new(port()));
        adjust(&mut cluster);
        let stats = self.telemetry.cluster("c");
        Upstream::new(Arc::new(cluster), stats, &self.discovered, None)
    }

    fn tell(&self, hosts: &[u8]) {
        self.discovered.set(&port(), Some(&addresses(hosts)));
    }

    fn tell_nothing(&self) {
        self.discovered.set(&port(), None);
    }

    fn ports(&self) -> usize {
        self.discovered.known().ports.len()
    }

    fn counts(&self, name: &str) -> u64 {
        let mut page = Vec::new();
        self.telemetry.render(&mut page);
        let page = String::from_utf8(page).unwrap();
        let series = format!("envoy_cluster_{name}{{envoy_cluster_name=\"c\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&series));
        line.map_or(0, |value| value.parse().unwrap())
    }
}

fn port() -> ServicePort {
    ServicePort {
        namespace: "default".into(),
        service: "s".into(),
        port: 80,
    }
}

fn addresses(hosts: &[u8]) -> Vec<SocketAddr> {
    let address = |host: &u8| SocketAddr::from(([10, 0, 0, *host], 8080));
    hosts.iter().map(address).collect()
}

fn used(upstream: &Upstream) -> Vec<SocketAddr> {
    let hosts = upstream.endpoints.hosts();
    hosts.iter().map(|host| host.address()).collect()
}

#[tokio::test]
async fn what_is_told_is_in_use_at_once_in_every_cluster_of_the_port() {
    let scene = Scene::new();
    let (one, other) = (scene.upstream(|_| {}), scene.upstream(|c| c.port = 2));
    scene.tell(&[2, 1]);
    assert_eq!(used(&one), addresses(&[1, 2]));
    assert_eq!(used(&other), addresses(&[1, 2]));
    scene.tell(&[3]);
    assert_eq!(used(&one), addresses(&[3]));
}

#[tokio::test]
async fn a_cluster_that_is_made_anew_has_its_endpoints_at_once() {
    let scene = Scene::new();
    scene.tell(&[1]);
    assert_eq!(used(&scene.upstream(|_| {})), addresses(&[1]));
    scene.tell(&[2]);
    assert_eq!(used(&scene.upstream(|_| {})), addresses(&[2]));
}

#[tokio::test]
async fn no_endpoints_are_an_answer_that_nobody_waits_for() {
    let scene = Scene::new();
    let upstream = scene.upstream(|_| {});
    scene.tell(&[]);
    let day = Duration::from_hours(24);
    assert!(upstream.endpoint(day, &Pick::default()).await.is_none());
    assert_eq!(scene.counts("membership_total"), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_to_be_told() {
    let scene = Scene::new();
    let upstream = Arc::new(scene.upstream(|_| {}));
    let waiting = Arc::clone(&upstream);
    let pick = Pick::default();
    let request = tokio::spawn(async move { waiting.endpoint(GRACE, &pick).await });
    tokio::task::yield_now().await;
    scene.tell(&[1]);
    assert_eq!(
        request.await.unwrap().unwrap().address(),
        addresses(&[1])[0]
    );
}

#[tokio::test(start_paused = true)]
async fn the_name_is_resolved_when_nothing_is_told_in_time() {
    let scene = Scene::new();
    let upstream = scene.upstream(|_| {});
    let endpoint = upstream.endpoint(GRACE * 3, &Pick::default()).await;
    assert_eq!(endpoint.unwrap().address(), ([127, 0, 0, 1], 1).into());
    scene.tell(&[1]);
    assert_eq!(used(&upstream), addresses(&[1]));
    assert!(upstream.follower.unwrap().resolution().is_none());
}

#[tokio::test]
async fn the_name_is_resolved_when_endpoints_cannot_be_known() {
    let scene = Scene::new();
    scene.tell_nothing();
    let upstream = scene.upstream(|_| {});
    let (day, any) = (Duration::from_hours(24), Pick::default());
    let endpoint = upstream.endpoint(day, &any).await;
    assert_eq!(endpoint.unwrap().address(), ([127, 0, 0, 1], 1).into());
}

#[tokio::test]
async fn what_was_told_stays_until_the_name_is_resolved() {
    let scene = Scene::new();
    let upstream = scene.upstream(|c| c.host = ServiceHost::Name("a.invalid".into()));
    scene.tell(&[1]);
    scene.tell_nothing();
    assert_eq!(used(&upstream), addresses(&[1]));
    assert_eq!(
        upstream.endpoints.replace(addresses(&[2])),
        Replaced::Changed(1)
    );
}

#[tokio::test]
async fn a_late_answer_does_not_replace_what_is_told() {
    let scene = Scene::new();
    let upstream = scene.upstream(|_| {});
    scene.tell(&[1]);
    assert_eq!(
        upstream.endpoints.replace(addresses(&[2])),
        Replaced::Unchanged
    );
    assert_eq!(used(&upstream), addresses(&[1]));
}

#[tokio::test]
async fn ports_that_nobody_wants_are_forgotten() {
    let scene = Scene::new();
    let upstream = scene.upstream(|_| {});
    assert_eq!(scene.ports(), 1);
    drop(upstream);
    assert_eq!(scene.ports(), 0);

    scene.tell(&[1]);
    drop(scene.upstream(|_| {}));
    assert_eq!(scene.ports(), 1);
    let lingering = scene.upstream(|_| {});
    scene.discovered.want(&Arc::default());
    scene.tell_nothing();
    assert_eq!(scene.ports(), 0);
    assert_eq!(used(&lingering), addresses(&[1]));
    assert!(lingering.follower.unwrap().resolution().is_none());
}

#[tokio::test]
async fn a_cluster_takes_the_addresses_of_its_family() {
    let v6 = SocketAddr::from(([0xfd00, 0, 0, 0, 0, 0, 0, 1], 8080));
    let both = [addresses(&[1]), vec![v6]].concat();
    assert_eq!(of_family(&both, Families::V4), addresses(&[1]));
    assert_eq!(of_family(&both, Families::V6), [v6]);
    assert_eq!(of_family(&both, Families::Both), [v6]);
    assert_eq!(of_family(&[v6], Families::V4), [v6]);
    assert_eq!(of_family(&addresses(&[1]), Families::Both), addresses(&[1]));
}

#[tokio::test]
async fn updates_are_counted_as_those_of_envoys_eds() {
    let scene = Scene::new();
    let _upstream = scene.upstream(|_| {});
    scene.tell(&[1, 2]);
    scene.tell(&[2, 1]);
    scene.tell(&[1]);
    assert_eq!(scene.counts("update_attempt"), 3);
    assert_eq!(scene.counts("update_success"), 3);
    assert_eq!(scene.counts("update_no_rebuild"), 1);
    assert_eq!(scene.counts("membership_change"), 2);
    assert_eq!(scene.counts("membership_total"), 1);
    assert_eq!(scene.counts("membership_healthy"), 1);
}

#[tokio::test]
async fn connections_are_kept_by_endpoint_whatever_the_dns_type() {
    let scene = Scene::new();
    let upstream = scene.upstream(|c| c.dns_type = nuncio_config::DnsType::Logical);
    scene.tell(&[1]);
    let (stays, gone) = (addresses(&[1])[0], addresses(&[2])[0]);
    assert_eq!(upstream.pooled_as(stays), stays);
    assert!(upstream.keeps_connections_to(stays));
    assert!(!upstream.keeps_connections_to(gone));
}
