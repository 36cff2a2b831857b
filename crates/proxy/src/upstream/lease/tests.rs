use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::task::{Context, Waker};
use std::time::Duration;

use nuncio_config::{DnsType, ServiceHost};
use nuncio_routing::{Cluster, Limits, Origination, SecretName, Source};
use nuncio_telemetry::{BuildInfo, Telemetry};
use tokio::net::TcpListener;

use super::*;
use crate::live::Credentials;
use crate::upstream::tests::cluster;
use crate::upstream::{Discovered, Originators, Pick, Resolver};

/// A worker's connector, and one cluster with one endpoint that accepts connections.
struct Scene {
    connector: Connector,
    upstream: Arc<Upstream>,
    endpoint: Endpoint,
    telemetry: Arc<Telemetry>,
    /// What connections are made with from now on.
    originated: Cell<u64>,
    _listener: TcpListener,
}

impl Scene {
    async fn with(adjust: impl FnOnce(&mut Cluster)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut cluster = cluster();
        cluster.host = ServiceHost::Ip(address.ip());
        cluster.port = address.port();
        adjust(&mut cluster);
        let telemetry = Telemetry::new(BuildInfo::default());
        let stats = telemetry.cluster("c");
        let discovered = Discovered::new(Resolver::from_system().unwrap());
        let originator = Originators::new(&Arc::new(Credentials::new())).of(&cluster);
        let upstream = Upstream::new(Arc::new(cluster), stats, &discovered, originator);
        let upstream = Arc::new(upstream);
        let endpoint = upstream.endpoint(Duration::ZERO, &Pick::default()).await;
        Self {
            connector: Connector::new(&crate::limits::Limits::COMPATIBLE),
            upstream,
            endpoint: endpoint.unwrap(),
            telemetry,
            originated: Cell::default(),
            _listener: listener,
        }
    }

    async fn limited(connections: u32, pending: u32) -> Self {
        Self::with(|cluster| {
            cluster.limits = Limits {
                max_connections: connections,
                max_pending_requests: pending,
                ..Limits::default()
            };
        })
        .await
    }

    fn key(&self, priority: Priority) -> PoolKey {
        PoolKey {
            upstream: self.upstream.id,
            address: self.upstream.pooled_as(self.endpoint.address()),
            originated: self.originated.get(),
            priority,
        }
    }

    fn pool(&self, priority: Priority) -> Rc<Pool> {
        let key = self.key(priority);
        self.connector.pools.borrow_mut().of(key, &self.upstream)
    }

    /// What [`Connector::lease`] does but for the session.
    async fn connection(&self) -> Result<Connection, ConnectFailure> {
        self.connection_for(Priority::Default, Reuse::Allowed).await
    }

    async fn connection_for(
        &self,
        priority: Priority,
        reuse: Reuse,
    ) -> Result<Connection, ConnectFailure> {
        let pool = self.pool(priority);
        if reuse == Reuse::Allowed
            && let Some((wire, seat)) = pool.take(&self.upstream)
        {
            return Ok(Connection::ready(wire, seat));
        }
        let order = Order {
            connector: &self.connector,
            upstream: &self.upstream,
            pool: &pool,
            key: self.key(priority),
            reuse,
        };
        let target = Target {
            address: self.endpoint.address(),
            originated: None,
        };
        self.connector.pending(order, target).await
    }

    fn sweep_after(&self, time: Duration) {
        self.connector
            .pools
            .borrow_mut()
            .sweep(Instant::now() + time);
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

impl Connection {
    fn give_back(self) {
        self.seat.keep(self.wire);
    }
}

fn is_waiting<T>(future: Pin<&mut impl Future<Output = T>>) -> bool {
    let mut nobody = Context::from_waker(Waker::noop());
    future.poll(&mut nobody).is_pending()
}

#[tokio::test]
async fn who_waits_gets_the_connection_that_is_given_back() {
    let scene = Scene::limited(1, 1).await;
    let first = scene.connection().await.unwrap();
    assert_eq!(scene.counts("circuit_breakers_default_cx_open"), 1);
    let mut second = pin!(scene.connection());
    assert!(is_waiting(second.as_mut()));
    assert_eq!(scene.counts("upstream_rq_pending_active"), 1);
    assert_eq!(scene.counts("circuit_breakers_default_rq_pending_open"), 1);
    first.give_back();
    assert!(second.await.unwrap().reused);
    for (name, count) in [
        ("upstream_cx_total", 1),
        ("upstream_cx_overflow", 1),
        ("upstream_rq_pending_total", 2),
        ("upstream_rq_pending_active", 0),
        ("circuit_breakers_default_rq_pending_open", 0),
    ] {
        assert_eq!(scene.counts(name), count, "{name}");
    }
}

#[tokio::test]
async fn who_waits_longest_is_first() {
    let scene = Scene::limited(1, 9).await;
    let first = scene.connection().await.unwrap();
    let (mut second, mut third) = (pin!(scene.connection()), pin!(scene.connection()));
    assert!(is_waiting(second.as_mut()) && is_waiting(third.as_mut()));
    first.give_back();
    let mut newcomer = pin!(scene.connection());
    assert!(is_waiting(newcomer.as_mut()) && is_waiting(third.as_mut()));
    second.await.unwrap().give_back();
    assert!(is_waiting(newcomer.as_mut()));
    third.await.unwrap().give_back();
    newcomer.await.unwrap();
}

#[tokio::test]
async fn who_left_the_queue_takes_nobodys_turn() {
    let scene = Scene::limited(1, 9).await;
    let first = scene.connection().await.unwrap();
    let mut second = Box::pin(scene.connection());
    let mut third = Box::pin(scene.connection());
    let mut fourth = pin!(scene.connection());
    assert!(is_waiting(second.as_mut()) && is_waiting(third.as_mut()));
    assert!(is_waiting(fourth.as_mut()));
    drop(second);
    first.give_back();
    // The third has been told and does not take it.
    drop(third);
    fourth.await.unwrap().give_back();
    assert_eq!(scene.counts("upstream_rq_pending_active"), 0);
    assert!(scene.connection().await.unwrap().reused);
}

#[tokio::test]
async fn when_a_connection_ends_who_waits_gets_a_new_one() {
    let scene = Scene::limited(1, 1).await;
    let first = scene.connection().await.unwrap();
    let mut second = pin!(scene.connection());
    assert!(is_waiting(second.as_mut()));
    drop(first);
    assert!(!second.await.unwrap().reused);
    assert_eq!(scene.counts("upstream_cx_total"), 2);
    assert_eq!(scene.counts("upstream_cx_active"), 0);
    assert_eq!(scene.counts("circuit_breakers_default_cx_open"), 0);
}

#[tokio::test]
async fn one_too_many_is_refused_at_once() {
    let scene = Scene::limited(1, 1).await;
    let _first = scene.connection().await.unwrap();
    let mut second = pin!(scene.connection());
    assert!(is_waiting(second.as_mut()));
    let third = scene.connection().await;
    assert!(matches!(third, Err(ConnectFailure::Overflow)));
    assert_eq!(scene.counts("upstream_rq_pending_overflow"), 1);
    assert_eq!(scene.counts("upstream_rq_pending_total"), 2);
}

#[tokio::test]
async fn nobody_waits_for_an_endpoint_that_has_just_failed() {
    let scene = Scene::limited(1, 9).await;
    let _first = scene.connection().await.unwrap();
    let (mut second, mut third) = (pin!(scene.connection()), pin!(scene.connection()));
    assert!(is_waiting(second.as_mut()) && is_waiting(third.as_mut()));
    scene
        .pool(Priority::Default)
        .failed(ConnectFailure::TimedOut);
    assert!(matches!(second.await, Err(ConnectFailure::TimedOut)));
    assert!(matches!(third.await, Err(ConnectFailure::TimedOut)));
    assert_eq!(scene.counts("upstream_rq_pending_failure_eject"), 2);
}

#[tokio::test]
async fn there_may_always_be_one_connection() {
    let scene = Scene::limited(0, 1).await;
    let first = scene.connection().await.unwrap();
    let mut second = pin!(scene.connection());
    assert!(is_waiting(second.as_mut()));
    first.give_back();
    second.await.unwrap();
}

#[tokio::test]
async fn priorities_have_their_own_connections() {
    let scene = Scene::limited(1, 1).await;
    scene.connection().await.unwrap().give_back();
    let high = scene.connection_for(Priority::High, Reuse::Allowed).await;
    assert!(!high.unwrap().reused);
    assert!(scene.connection().await.unwrap().reused);
}

#[tokio::test]
async fn a_limit_of_idle_connections_does_not_keep_from_a_new_one() {
    let scene = Scene::limited(1, 1).await;
    scene.connection().await.unwrap().give_back();
    let fresh = scene
        .connection_for(Priority::Default, Reuse::Refused)
        .await;
    assert!(!fresh.unwrap().reused);
    assert_eq!(scene.counts("upstream_cx_active"), 0);
    assert_eq!(scene.counts("upstream_cx_total"), 2);
}

#[tokio::test]
async fn a_request_too_many_leaves_its_connection_to_the_next() {
    let scene = Scene::with(|cluster| cluster.limits.max_requests = 1).await;
    let lease = || {
        let (reuse, priority) = (Reuse::Allowed, Priority::Default);
        let connector = &scene.connector;
        connector.lease(&scene.upstream, &scene.endpoint, reuse, priority)
    };
    let first = lease().await.unwrap();
    assert!(matches!(lease().await, Err(ConnectFailure::Overflow)));
    assert_eq!(scene.counts("upstream_rq_total"), 1);
    assert_eq!(scene.counts("circuit_breakers_default_rq_open"), 1);
    drop(first);
    assert!(lease().await.unwrap().reused);
    assert_eq!(scene.counts("circuit_breakers_default_rq_open"), 0);
    assert_eq!(scene.counts("upstream_rq_active_overflow"), 1);
}

#[tokio::test]
async fn idle_connections_are_closed_in_time() {
    let seconds = Duration::from_secs;
    for (configured, kept, closed) in [
        (None, seconds(54), Some(seconds(56))),
        (Some(seconds(2)), seconds(1), Some(seconds(3))),
        (Some(Duration::ZERO), seconds(86_400), None),
    ] {
        let scene = Scene::with(|cluster| cluster.idle_timeout = configured).await;
        scene.connection().await.unwrap().give_back();
        scene.sweep_after(kept);
        assert_eq!(scene.counts("upstream_cx_active"), 1, "{configured:?}");
        let Some(closed) = closed else { continue };
        scene.sweep_after(closed);
        assert_eq!(scene.counts("upstream_cx_active"), 0, "{configured:?}");
        assert_eq!(scene.counts("upstream_cx_idle_timeout"), 1);
    }
}

#[tokio::test]
async fn a_connection_that_is_too_old_serves_no_further_request() {
    let hour = Duration::from_secs(3600);
    let scene = Scene::with(|cluster| cluster.max_connection_lifetime = Some(hour)).await;
    let connection = scene.connection().await.unwrap();
    let place = connection.wire.place();
    assert!(!place.is_too_old(&scene.upstream, Instant::now()));
    assert!(place.is_too_old(&scene.upstream, Instant::now() + hour));
    connection.give_back();
    scene.sweep_after(hour);
    assert_eq!(scene.counts("upstream_cx_active"), 0);
    assert_eq!(scene.counts("upstream_cx_idle_timeout"), 0);
}

fn elsewhere() -> SocketAddr {
    ([127, 0, 0, 2], 9).into()
}

#[tokio::test]
async fn connections_to_an_endpoint_that_is_gone_are_closed() {
    let scene = Scene::limited(9, 9).await;
    scene.connection().await.unwrap().give_back();
    scene.upstream.endpoints.replace(vec![elsewhere()]);
    scene.sweep_after(Duration::ZERO);
    assert_eq!(scene.counts("upstream_cx_active"), 0);
}

#[tokio::test]
async fn where_a_name_is_one_endpoint_connections_to_its_former_address_stay() {
    let mut scene = Scene::with(|cluster| cluster.dns_type = DnsType::Logical).await;
    scene.connection().await.unwrap().give_back();
    scene.upstream.endpoints.replace(vec![elsewhere()]);
    scene.sweep_after(Duration::ZERO);
    let pick = Pick::default();
    scene.endpoint = scene
        .upstream
        .endpoint(Duration::ZERO, &pick)
        .await
        .unwrap();
    assert_eq!(scene.endpoint.address(), elsewhere());
    assert!(scene.connection().await.unwrap().reused);
}

/// TLS that is verified by what nobody has told of.
fn unverifiable(cluster: &mut Cluster) {
    let name = SecretName {
        namespace: "default".into(),
        name: "ca".into(),
    };
    cluster.tls = Some(Arc::new(Origination {
        authorities: Some(Source::Secret(name)),
        ..Origination::default()
    }));
}

#[tokio::test]
async fn what_credentials_are_wanting_for_is_no_endpoints_fault() {
    for http2 in [false, true] {
        let scene = Scene::with(|cluster| {
            unverifiable(cluster);
            cluster.http2 = http2;
        })
        .await;
        let (upstream, endpoint) = (&scene.upstream, &scene.endpoint);
        let lease = scene
            .connector
            .lease(upstream, endpoint, Reuse::Allowed, Priority::Default);
        assert!(matches!(lease.await, Err(ConnectFailure::NoCredentials)));
        for (name, count) in [
            ("ssl_connection_error", 1),
            ("upstream_cx_total", 0),
            ("upstream_cx_connect_fail", 0),
            ("upstream_rq_pending_active", 0),
        ] {
            assert_eq!(scene.counts(name), count, "{name}");
        }
    }
}

#[tokio::test]
async fn idle_connections_made_with_other_credentials_are_closed_by_a_sweep() {
    let scene = Scene::with(unverifiable).await;
    scene.originated.set(7);
    scene.connection().await.unwrap().give_back();
    assert_eq!(scene.counts("upstream_cx_active"), 1);
    scene.sweep_after(Duration::ZERO);
    assert_eq!(scene.counts("upstream_cx_active"), 0);
}

#[tokio::test]
async fn idle_connections_made_with_other_credentials_make_room() {
    let scene = Scene::limited(1, 9).await;
    scene.originated.set(1);
    scene.connection().await.unwrap().give_back();
    scene.originated.set(2);
    let second = scene.connection().await.unwrap();
    assert!(!second.reused);
    assert_eq!(scene.counts("upstream_cx_active"), 1);
}
