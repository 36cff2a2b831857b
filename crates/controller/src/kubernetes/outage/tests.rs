//! All watches of a gateway together, in a time that passes at once.

use std::io;
use std::sync::atomic::{AtomicU16, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use nuncio_config::Identity;
use nuncio_telemetry::{BuildInfo, Telemetry};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::service_fn;

use super::*;
use crate::kubernetes::{self, Following, KubernetesOptions};

/// A gateway that follows every kind, and the server that it asks.
struct Scene {
    server: Arc<Server>,
    telemetry: Arc<Telemetry>,
    following: JoinHandle<()>,
}

/// Serves nothing of any kind, while it serves.
struct Server {
    /// Breaks what is under way.
    away: watch::Sender<bool>,
    /// Answers this instead.
    refuses: AtomicU16,
    /// It was asked since it went away.
    asked: Mutex<Vec<Instant>>,
}

type Reply = Response<UnsyncBoxBody<Bytes, io::Error>>;

fn body(chunks: impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static) -> Reply {
    let frames = chunks.map(|chunk| chunk.map(hyper::body::Frame::data));
    Response::new(UnsyncBoxBody::new(StreamBody::new(frames)))
}

fn text(code: u16, text: String) -> Reply {
    let mut reply = body(stream::iter([Ok(Bytes::from(text))]));
    *reply.status_mut() = code.try_into().unwrap();
    reply
}

impl Server {
    fn reply(&self, request: &Request<Body>) -> io::Result<Reply> {
        self.asked.lock().unwrap().push(Instant::now());
        if *self.away.borrow() {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        let status = |code| {
            let status = r#"{"kind":"Status","status":"Failure","message":"no","code":"#;
            text(code, format!("{status}{code}}}"))
        };
        let (uri, refuses) = (request.uri(), self.refuses.load(Relaxed));
        let query = uri.query().unwrap_or_default();
        Ok(match () {
            () if refuses != 0 => status(refuses),
            () if uri.path().contains("customresourcedefinitions") => status(404),
            () if query.contains("sendInitialEvents") => status(422),
            () if query.contains("watch=true") => self.watch(),
            () => text(200, r#"{"metadata":{"resourceVersion":"7"}}"#.to_owned()),
        })
    }

    /// Says nothing until its time is over, or the server goes.
    fn watch(&self) -> Reply {
        let mut away = self.away.subscribe();
        body(stream::once(async move {
            tokio::select! {
                () = sleep(Duration::from_secs(50)) => Ok(Bytes::new()),
                _away = away.wait_for(|away| *away) => Err(io::ErrorKind::ConnectionReset.into()),
            }
        }))
    }

    /// How often it was asked from a moment on.
    fn asked_since(&self, since: Instant) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|at| **at >= since).count()
    }
}

impl Scene {
    fn begin(away: bool) -> Self {
        let server = Arc::new(Server {
            away: watch::Sender::new(away),
            refuses: AtomicU16::new(0),
            asked: Mutex::default(),
        });
        let asked = Arc::clone(&server);
        let service = service_fn(move |request: Request<Body>| {
            let reply = asked.reply(&request);
            async move { reply }
        });
        let client = Client::new(service, "default");
        let telemetry = Telemetry::new(BuildInfo::default());
        let following = tokio::spawn(follow(client, Arc::clone(&telemetry)));
        Self {
            server,
            telemetry,
            following,
        }
    }

    fn goes(&self) -> Instant {
        self.server.away.send_replace(true);
        Instant::now()
    }

    fn returns(&self) {
        self.server.away.send_replace(false);
    }

    /// `nuncio_control_plane_connected`.
    fn is_connected(&self) -> bool {
        let mut page = Vec::new();
        self.telemetry.render(&mut page);
        let page = String::from_utf8(page).unwrap();
        page.lines()
            .any(|line| line == "nuncio_control_plane_connected 1")
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.following.abort();
    }
}

async fn follow(client: Client, telemetry: Arc<Telemetry>) {
    let (changes, mut told) = mpsc::channel(64);
    let (options, identity) = (KubernetesOptions::default(), Identity::default());
    let following = Following {
        client,
        namespace: None,
        options: &options,
        identity: &identity,
        telemetry: &telemetry,
        outage: &Arc::default(),
        first_list: Duration::ZERO,
        touched: &Arc::default(),
    };
    tokio::select! {
        () = kubernetes::watch(following, &changes) => {}
        () = async { while told.recv().await.is_some() {} } => {}
    }
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn all_kinds_together_ask_rarely_and_are_connected_soon_after() {
    let scene = Scene::begin(false);
    seconds(10).await;
    assert!(scene.is_connected());
    let gone = scene.goes();
    seconds(10).await;
    assert!(!scene.is_connected());
    seconds(50).await;
    let asked = scene.server.asked_since(gone);
    assert!((5..=30).contains(&asked), "{asked} tries in a minute");
    scene.returns();
    seconds(35).await;
    assert!(scene.is_connected());
}

#[tokio::test(start_paused = true)]
async fn every_minute_of_a_long_outage_has_few_tries() {
    let scene = Scene::begin(false);
    seconds(10).await;
    scene.goes();
    for minute in 0..30 {
        let begun = Instant::now();
        seconds(60).await;
        let asked = scene.server.asked_since(begun);
        assert!(asked <= 30, "{asked} in minute {minute}");
        assert!(asked > 0, "none in minute {minute}");
    }
    scene.returns();
    seconds(35).await;
    assert!(scene.is_connected());
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_first_list_has_it_within_five_seconds() {
    let scene = Scene::begin(true);
    let begun = Instant::now();
    seconds(60).await;
    let asked = scene.server.asked_since(begun);
    assert!((10..=40).contains(&asked), "{asked} tries in a minute");
    scene.returns();
    seconds(5).await;
    assert!(scene.is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_accepted_again_is_noticed_within_five_seconds() {
    let scene = Scene::begin(false);
    seconds(10).await;
    scene.server.refuses.store(401, Relaxed);
    let begun = Instant::now();
    seconds(120).await;
    assert!(!scene.is_connected());
    // A kind whose version is not known is asked about in three ways.
    let asked = scene.server.asked_since(begun);
    assert!(
        (20..=150).contains(&asked),
        "{asked} requests in two minutes"
    );
    scene.server.refuses.store(0, Relaxed);
    seconds(5).await;
    assert!(scene.is_connected());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_is_never_used_is_taken_by_the_next() {
    let outage = Arc::new(Outage::default());
    outage.lost(Loss::Away);
    for _ in 0..20 {
        tokio::time::timeout(Duration::from_secs(31), outage.turn())
            .await
            .unwrap();
    }
    let begun = Instant::now();
    let others: Vec<_> = (0..20)
        .map(|_| {
            let outage = Arc::clone(&outage);
            tokio::spawn(async move { outage.turn().await })
        })
        .collect();
    tokio::task::yield_now().await;
    outage.answered();
    for other in others {
        other.await.unwrap();
    }
    assert!(begun.elapsed() <= RETURN);
}
