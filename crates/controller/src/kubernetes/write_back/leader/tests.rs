use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use k8s_openapi::api::coordination::v1::LeaseSpec;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use nuncio_telemetry::BuildInfo;
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::*;

/// The record of an API server that can be cut off, slow, and without permissions.
#[derive(Default)]
struct Server {
    lease: Mutex<Option<Lease>>,
    refusing: AtomicBool,
}

#[derive(Clone)]
struct Line {
    server: Arc<Server>,
    cut: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
    /// How long a request takes each way, at most.
    latency: Duration,
}

impl Line {
    async fn arrive(&self) -> Result<(), RecordError> {
        self.requests.fetch_add(1, SeqCst);
        self.travel().await;
        if self.server.refusing.load(SeqCst) {
            return Err(RecordError::Refused("forbidden".into()));
        }
        Ok(())
    }

    /// What is cut off hangs: the worst that a network does.
    async fn travel(&self) {
        sleep(self.latency.mul_f64(fastrand::f64())).await;
        while self.cut.load(SeqCst) {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

impl Record for Line {
    async fn read(&self) -> Result<Option<Lease>, RecordError> {
        self.arrive().await?;
        let lease = self.server.lease.lock().unwrap().clone();
        self.travel().await;
        Ok(lease)
    }

    async fn write(&self, mut lease: Lease) -> Result<Lease, RecordError> {
        self.arrive().await?;
        let written = self.server.put(&mut lease);
        self.travel().await;
        written
    }
}

impl Server {
    fn put(&self, lease: &mut Lease) -> Result<Lease, RecordError> {
        let mut held = self.lease.lock().unwrap();
        let before = held.as_ref().map(lease::version);
        if before != lease.metadata.resource_version.as_deref() {
            return Err(RecordError::Conflict);
        }
        let next = before.map_or(1, |version| version.parse::<u64>().unwrap() + 1);
        lease.metadata.resource_version = Some(next.to_string());
        *held = Some(lease.clone());
        Ok(lease.clone())
    }

    fn holder(&self) -> Option<String> {
        let lease = self.lease.lock().unwrap();
        lease.as_ref().and_then(lease::holder).map(str::to_owned)
    }
}

struct Running {
    leadership: Leadership,
    cut: Arc<AtomicBool>,
    requests: Arc<AtomicUsize>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
    telemetry: Arc<Telemetry>,
}

impl Running {
    fn start(server: &Arc<Server>, name: &str) -> Self {
        let line = Line {
            server: Arc::clone(server),
            cut: Arc::default(),
            requests: Arc::default(),
            latency: Duration::from_millis(300),
        };
        let (cut, requests) = (Arc::clone(&line.cut), Arc::clone(&line.requests));
        let telemetry = telemetry();
        let candidate = Candidate::new(
            line,
            name.to_owned(),
            LeaseTimes::default(),
            Arc::clone(&telemetry),
        );
        let leadership = candidate.leadership();
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(async move { candidate.run(stopping).await.release().await });
        Self {
            leadership,
            cut,
            requests,
            stop,
            task,
            telemetry,
        }
    }

    async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

fn telemetry() -> Arc<Telemetry> {
    let text = || "test".into();
    Telemetry::new(BuildInfo {
        version: text(),
        commit: text(),
        ambassador_id: text(),
        cluster_id: text(),
        single_namespace: false,
    })
}

fn page(telemetry: &Telemetry) -> String {
    let mut page = Vec::new();
    telemetry.render(&mut page);
    String::from_utf8(page).unwrap()
}

/// How long until `running` leads, watched closely.
async fn until_leading(running: &Running) -> Duration {
    let start = Instant::now();
    while !running.leadership.holds() {
        sleep(Duration::from_millis(10)).await;
        assert!(start.elapsed() < Duration::from_mins(10), "nobody leads");
    }
    start.elapsed()
}

fn leaders(all: &[Running]) -> usize {
    all.iter().filter(|one| one.leadership.holds()).count()
}

#[tokio::test(start_paused = true)]
async fn the_first_to_come_leads_and_says_so() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    assert!(until_leading(&first).await < Duration::from_secs(2));
    assert!(page(&first.telemetry).contains("nuncio_leader 1\n"));
    let second = Running::start(&server, "second");
    sleep(Duration::from_mins(30)).await;
    assert!(first.leadership.holds() && !second.leadership.holds());
    assert!(page(&second.telemetry).contains("nuncio_leader 0\n"));
    assert_eq!(server.holder().as_deref(), Some("first"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_is_cut_off_stops_before_its_successor_begins() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    until_leading(&first).await;
    let second = Running::start(&server, "second");
    sleep(Duration::from_mins(1)).await;
    first.cut.store(true, SeqCst);
    let start = Instant::now();
    let mut stopped = None;
    while !second.leadership.holds() {
        if stopped.is_none() && !first.leadership.holds() {
            stopped = Some(start.elapsed());
        }
        sleep(Duration::from_millis(10)).await;
        assert!(
            start.elapsed() < Duration::from_secs(40),
            "nobody took over"
        );
    }
    assert!(stopped.unwrap() <= Duration::from_secs(10));
    assert!(start.elapsed() >= stopped.unwrap() + Duration::from_secs(4));
    first.cut.store(false, SeqCst);
    sleep(Duration::from_mins(5)).await;
    assert!(!first.leadership.holds() && second.leadership.holds());
    assert!(page(&first.telemetry).contains("nuncio_leader 0\n"));
}

#[tokio::test(start_paused = true)]
async fn a_leader_survives_trouble_that_is_shorter_than_its_term() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    until_leading(&first).await;
    for _ in 0..20 {
        first.cut.store(true, SeqCst);
        sleep(Duration::from_secs(4)).await;
        first.cut.store(false, SeqCst);
        sleep(Duration::from_secs(10)).await;
        assert!(first.leadership.holds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_leader_that_ends_gives_the_lease_back() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    until_leading(&first).await;
    let second = Running::start(&server, "second");
    sleep(Duration::from_mins(1)).await;
    first.end().await;
    assert_eq!(server.holder(), None);
    // It looks once in a lease's time, and need not wait for the lease to end.
    assert!(until_leading(&second).await < Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn an_end_does_not_wait_for_a_server_that_is_away() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    until_leading(&first).await;
    first.cut.store(true, SeqCst);
    let start = Instant::now();
    first.end().await;
    assert!(start.elapsed() <= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn there_is_never_more_than_one_leader() {
    for seed in 0..8 {
        fastrand::seed(seed);
        let server = Arc::new(Server::default());
        let all: Vec<Running> = ["a", "b", "c", "d"]
            .map(|name| Running::start(&server, name))
            .into();
        let mut led = Duration::ZERO;
        for step in 0..20_000 {
            if step % 300 == 0 {
                for one in &all {
                    one.cut.store(fastrand::u8(..4) == 0, SeqCst);
                }
            }
            sleep(Duration::from_millis(100)).await;
            assert!(leaders(&all) <= 1, "seed {seed}, step {step}");
            led += Duration::from_millis(100) * u32::try_from(leaders(&all)).unwrap();
        }
        assert!(led > Duration::from_secs(500), "seed {seed}: led {led:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_wall_clock_says_changes_nothing() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    until_leading(&first).await;
    let second = Running::start(&server, "second");
    for year in ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z"] {
        sleep(Duration::from_mins(1)).await;
        let time = MicroTime(year.parse::<Timestamp>().unwrap());
        let mut lease = server.lease.lock().unwrap().clone().unwrap();
        let spec = lease.spec.as_mut().unwrap();
        spec.renew_time = Some(time.clone());
        spec.acquire_time = Some(time);
        server.put(&mut lease).unwrap();
        sleep(Duration::from_mins(1)).await;
        assert!(first.leadership.holds() && !second.leadership.holds());
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_claims_a_year_is_waited_for_a_minute() {
    let server = Arc::new(Server::default());
    let spec = LeaseSpec {
        holder_identity: Some("gone".to_owned()),
        lease_duration_seconds: Some(31_536_000),
        ..LeaseSpec::default()
    };
    let mut lease = Lease {
        spec: Some(spec),
        ..Lease::default()
    };
    server.put(&mut lease).unwrap();
    let first = Running::start(&server, "first");
    let waited = until_leading(&first).await;
    assert!((60..80).contains(&waited.as_secs()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn without_permission_nobody_leads_and_the_server_is_seldom_asked() {
    let server = Arc::new(Server::default());
    server.refusing.store(true, SeqCst);
    let first = Running::start(&server, "first");
    sleep(Duration::from_mins(10)).await;
    assert!(!first.leadership.holds());
    assert!(first.requests.load(SeqCst) <= 11);
    server.refusing.store(false, SeqCst);
    assert!(until_leading(&first).await < Duration::from_secs(90));
}

#[tokio::test(start_paused = true)]
async fn followers_ask_once_in_a_lease() {
    let server = Arc::new(Server::default());
    let first = Running::start(&server, "first");
    until_leading(&first).await;
    let second = Running::start(&server, "second");
    sleep(Duration::from_secs(150)).await;
    assert!(second.requests.load(SeqCst) <= 11);
}
