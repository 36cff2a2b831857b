//! Long outages, in a time that passes at once.

use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::{StreamExt, stream};
use http::{Request, Response};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use nuncio_telemetry::{BuildInfo, Telemetry};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tower::service_fn;

use super::*;
use crate::kubernetes::options::Pace;

/// What the API server does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Conduct {
    /// Lists one object, and keeps watches open for their time.
    Serves,
    /// Cannot be reached.
    IsAway,
    /// Lets watches begin and never says a word, nor ends them.
    Hangs,
    /// Says half of an event, and then nothing.
    Tears,
    /// Ends watches after a second.
    CutsWatches,
    /// Has forgotten every version.
    Forgets,
    /// Takes a streaming list for a watch of old.
    IgnoresStreams,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Asked {
    List,
    Watch,
}

/// A watch of Services, the server's conduct, and what either did.
struct Scene {
    conduct: Arc<Mutex<Conduct>>,
    asked: Arc<Mutex<Vec<(Instant, Asked)>>>,
    told: Arc<Mutex<Vec<&'static str>>>,
    watch: JoinHandle<()>,
}

struct Recorder(Arc<Mutex<Vec<&'static str>>>);

impl Follower for Recorder {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        let word = match told {
            Told::Began | Told::Item(_) => return Ok(()),
            Told::Listed => "listed",
            Told::Applied(_) => "applied",
            Told::Removed(_) => "removed",
            Told::Refused(_) => "refused",
            Told::Granted => "granted",
            Told::Absent => "absent",
        };
        self.0.lock().unwrap().push(word);
        Ok(())
    }
}

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

fn body(chunks: impl futures::Stream<Item = Bytes> + Send + 'static) -> Reply {
    let frames = chunks.map(|chunk| Ok(hyper::body::Frame::data(chunk)));
    Response::new(UnsyncBoxBody::new(StreamBody::new(frames)))
}

fn status(code: u16) -> Reply {
    let text = format!(r#"{{"kind":"Status","status":"Failure","message":"no","code":{code}}}"#);
    let mut reply = body(stream::iter([Bytes::from(text)]));
    *reply.status_mut() = code.try_into().unwrap();
    reply
}

/// Nothing, for as long as it takes.
fn silence(seconds: u64) -> Reply {
    body(stream::once(async move {
        sleep(Duration::from_secs(seconds)).await;
        Bytes::from("\n")
    }))
}

fn listed() -> Reply {
    let text = r#"{"metadata":{"resourceVersion":"7"},"items":[{"metadata":{"name":"a"}}]}"#;
    body(stream::iter([Bytes::from(text)]))
}

fn reply(conduct: Conduct, asked: Asked, streaming: bool) -> io::Result<Reply> {
    Ok(match (conduct, asked) {
        (Conduct::IsAway, _) => return Err(io::ErrorKind::ConnectionRefused.into()),
        (Conduct::IgnoresStreams, Asked::Watch) if streaming => body(stream::pending()),
        (_, Asked::Watch) if streaming => status(422),
        (_, Asked::List) => listed(),
        (Conduct::Serves | Conduct::IgnoresStreams, _) => silence(u64::from(WATCH_SECONDS)),
        (Conduct::Hangs, _) => body(stream::pending()),
        (Conduct::Tears, _) => {
            let half = Bytes::from(r#"{"type":"ADDED","object":{"meta"#);
            body(stream::iter([half]).chain(stream::pending()))
        }
        (Conduct::CutsWatches, _) => silence(1),
        (Conduct::Forgets, _) => status(410),
    })
}

impl Scene {
    fn begin(conduct: Conduct) -> Self {
        Self::begin_after(Duration::ZERO, conduct)
    }

    fn begin_after(first_list: Duration, conduct: Conduct) -> Self {
        let conduct = Arc::new(Mutex::new(conduct));
        let (asked, told) = (Arc::default(), Arc::default());
        let (ours, log) = (Arc::clone(&conduct), Arc::clone(&asked));
        let service = service_fn(move |request: Request<Body>| {
            let query = request.uri().query().unwrap_or_default().to_owned();
            let watches = query.contains("watch=true");
            let what = if watches { Asked::Watch } else { Asked::List };
            let streaming = query.contains("sendInitialEvents");
            if !streaming {
                let log: &Mutex<Vec<_>> = &log;
                log.lock().unwrap().push((Instant::now(), what));
            }
            let reply = reply(*ours.lock().unwrap(), what, streaming);
            async move { reply }
        });
        let server = Server::new(
            (Client::new(service, "default"), &Arc::default()),
            (Pace::default(), first_list),
            &telemetry(),
        );
        let kind = Kind {
            feed: Feed::Services,
            name: "Service",
            plural: "services",
        };
        let services = Target::new(("v1", "services"), None, Depth::Metadata);
        let follower = Recorder(Arc::clone(&told));
        let candidates = Candidates::Known(services);
        let watch = Watch::new(kind, &Arc::new(server), candidates, follower);
        Self {
            conduct,
            asked,
            told,
            watch: tokio::spawn(watch.run()),
        }
    }

    fn becomes(&self, conduct: Conduct) {
        *self.conduct.lock().unwrap() = conduct;
    }

    /// What was asked for from a moment on, and when.
    fn asked_since(&self, since: Instant, what: Asked) -> Vec<Instant> {
        let asked = self.asked.lock().unwrap();
        let after = asked.iter().filter(|(at, one)| *at > since && *one == what);
        after.map(|(at, _)| *at).collect()
    }

    fn told(&self) -> Vec<&'static str> {
        self.told.lock().unwrap().clone()
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        self.watch.abort();
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

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_for_ten_minutes_is_asked_rarely_and_found_again_soon() {
    let scene = Scene::begin(Conduct::Serves);
    seconds(10).await;
    scene.becomes(Conduct::IsAway);
    let gone = Instant::now();
    seconds(600).await;
    let asked = scene.asked_since(gone, Asked::Watch).len();
    assert!((10..=45).contains(&asked), "{asked} attempts");
    scene.becomes(Conduct::Serves);
    let back = Instant::now();
    seconds(35).await;
    assert_eq!(scene.asked_since(back, Asked::Watch).len(), 1);
    assert!(scene.asked_since(gone, Asked::List).is_empty());
    assert_eq!(scene.told(), ["listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_away_at_first_is_found_within_half_a_minute() {
    let scene = Scene::begin(Conduct::IsAway);
    seconds(600).await;
    assert!(scene.told().is_empty());
    scene.becomes(Conduct::Serves);
    seconds(32).await;
    assert_eq!(scene.told(), ["listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_hangs_is_given_up_within_a_minute() {
    let scene = Scene::begin(Conduct::Hangs);
    seconds(1).await;
    let begun = Instant::now();
    seconds(59).await;
    assert_eq!(scene.asked_since(begun, Asked::Watch).len(), 1);
    assert_eq!(scene.told(), ["listed"]);
}

#[tokio::test(start_paused = true)]
async fn half_an_event_and_then_nothing_is_given_up_within_a_minute() {
    let scene = Scene::begin(Conduct::Tears);
    seconds(1).await;
    let begun = Instant::now();
    seconds(59).await;
    assert_eq!(scene.asked_since(begun, Asked::Watch).len(), 1);
    assert_eq!(scene.told(), ["listed"]);
}

#[tokio::test(start_paused = true)]
async fn watches_cut_every_second_are_resumed_without_a_list() {
    let scene = Scene::begin(Conduct::CutsWatches);
    let begun = Instant::now();
    seconds(60).await;
    let watches = scene.asked_since(begun, Asked::Watch).len();
    assert!((30..=61).contains(&watches), "{watches}");
    assert_eq!(scene.told(), ["listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_forgets_every_version_is_listed_ever_more_slowly() {
    let scene = Scene::begin(Conduct::Forgets);
    let begun = Instant::now();
    seconds(600).await;
    let lists = scene.asked_since(begun, Asked::List);
    assert!((10..=45).contains(&lists.len()), "{} lists", lists.len());
    let all_complete = scene.told().iter().all(|told| *told == "listed");
    assert!(all_complete, "{:?}", scene.told());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_never_ends_a_streaming_list_is_asked_for_pages() {
    let scene = Scene::begin(Conduct::IgnoresStreams);
    seconds(12).await;
    assert_eq!(scene.told(), ["listed"]);
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_goes_well_asks_for_nothing_but_its_renewal() {
    let scene = Scene::begin(Conduct::Serves);
    let begun = Instant::now();
    seconds(600).await;
    let watches = scene.asked_since(begun, Asked::Watch).len();
    assert!(watches <= 13, "{watches}");
    assert!(scene.asked_since(begun, Asked::List).len() <= 1);
}

#[tokio::test(start_paused = true)]
async fn a_first_list_waits_for_its_time_and_is_then_retried_without_more_delay() {
    let scene = Scene::begin_after(Duration::from_secs(600), Conduct::IsAway);
    let begun = Instant::now();
    seconds(599).await;
    assert!(scene.asked_since(begun, Asked::List).is_empty());
    seconds(31).await;
    scene.becomes(Conduct::Serves);
    seconds(35).await;
    assert_eq!(scene.told(), ["listed"]);
}
