use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use nuncio_config::Identity;
use nuncio_controller::{OnInvalid, Source};
use nuncio_routing::{Credential, IdentitySource, ServicePort, Snapshot};
use nuncio_telemetry::BuildInfo;
use nuncio_tls::Material;
use tokio::time::sleep;

use super::*;

/// Panics at the first snapshot, with the directory moved away.
struct Fragile {
    directory: PathBuf,
    published: AtomicUsize,
    credentials: Mutex<Vec<Option<Material>>>,
}

impl Fragile {
    fn new(directory: PathBuf) -> Arc<Self> {
        Arc::new(Self {
            directory,
            published: AtomicUsize::new(0),
            credentials: Mutex::default(),
        })
    }

    fn away(&self) -> PathBuf {
        self.directory.with_extension("away")
    }

    fn published(&self) -> usize {
        self.published.load(Ordering::Relaxed)
    }
}

impl Publish for Fragile {
    fn publish(&self, _snapshot: Arc<Snapshot>) {
        if self.published.fetch_add(1, Ordering::Relaxed) == 0 {
            fs::rename(&self.directory, self.away()).unwrap();
            panic!("on purpose");
        }
    }

    fn endpoints(&self, _of: &ServicePort, _addresses: Option<&[SocketAddr]>) {}

    fn credential(&self, _of: &Credential, material: Option<Material>) {
        self.credentials.lock().unwrap().push(material);
    }
}

fn credential() -> Credential {
    Credential::Identity(IdentitySource::SelfSigned)
}

async fn eventually(what: &str, mut is_so: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !is_so() {
        assert!(Instant::now() < until, "{what}");
        sleep(Duration::from_millis(10)).await;
    }
}

fn page(telemetry: &Telemetry) -> String {
    let mut page = Vec::new();
    telemetry.render(&mut page);
    String::from_utf8(page).unwrap()
}

#[tokio::test]
async fn a_directory_that_is_away_at_a_later_beginning_is_followed_once_it_is_back() {
    let root = tempfile::tempdir().unwrap();
    let directory = root.path().join("manifests");
    fs::create_dir(&directory).unwrap();
    let fragile = Fragile::new(directory.clone());
    let telemetry = Telemetry::new(BuildInfo::default());
    let (stop, stopping) = watch::channel(false);
    let options = Options {
        source: Source::Directories(vec![directory.clone()]),
        identity: Identity::default(),
        write_back: None,
        on_invalid: OnInvalid::Keep,
        state_dir: None,
    };
    let publish = Arc::clone(&fragile) as Arc<dyn Publish>;
    let following = tokio::spawn(follow(options, publish, Arc::clone(&telemetry), stopping));
    eventually("nothing panicked", || {
        page(&telemetry).contains("nuncio_panics_total{work=\"control\"} 1\n")
    })
    .await;
    // The next beginning finds no directory.
    sleep(Duration::from_millis(300)).await;
    assert!(!following.is_finished());
    fs::rename(fragile.away(), &directory).unwrap();
    eventually("nothing is published", || fragile.published() > 1).await;
    stop.send_replace(true);
    assert!(following.await.unwrap().is_ok());
}

#[test]
fn what_has_ended_publishes_nothing() {
    let fragile = Fragile::new(PathBuf::new());
    let turn = Turn::first(&(Arc::clone(&fragile) as _));
    turn.end();
    turn.credential(&credential(), None);
    assert_eq!(fragile.credentials.lock().unwrap().len(), 0);
}

#[test]
fn a_later_run_takes_nothing_out_of_use_that_it_has_not_told_of() {
    let fragile = Fragile::new(PathBuf::new());
    Turn::later(&(Arc::clone(&fragile) as _)).credential(&credential(), None);
    assert_eq!(fragile.credentials.lock().unwrap().len(), 0);
    Turn::first(&(Arc::clone(&fragile) as _)).credential(&credential(), None);
    assert_eq!(fragile.credentials.lock().unwrap().len(), 1);
}
