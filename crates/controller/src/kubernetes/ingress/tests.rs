//! Lists of Ingresses, and classes that come late.

use kube::Client;
use kube::client::Body;
use nuncio_config::Identity;
use nuncio_telemetry::{BuildInfo, Telemetry};
use tower::service_fn;

use super::*;
use crate::kubernetes::options::Pace;

const BY_CLASS: &str =
    r#"{"metadata":{"name":"by-class","namespace":"n"},"spec":{"ingressClassName":"ours"}}"#;
const BY_ANNOTATION: &str = r#"{"metadata":{"name":"by-annotation","namespace":"n",
    "annotations":{"kubernetes.io/ingress.class":"ambassador"}},"spec":{}}"#;
const CLASS: &str =
    r#"{"metadata":{"name":"ours"},"spec":{"controller":"getambassador.io/ingress-controller"}}"#;

fn server() -> Arc<Server> {
    let nobody = service_fn(|_request: http::Request<Body>| async {
        Err::<http::Response<Body>, _>(std::io::Error::from(std::io::ErrorKind::NotFound))
    });
    let text = || "test".into();
    let telemetry = Telemetry::new(BuildInfo {
        version: text(),
        commit: text(),
        ambassador_id: text(),
        cluster_id: text(),
        single_namespace: false,
    });
    let client = Client::new(nobody, "default");
    Arc::new(Server::new(
        (client, &Arc::default()),
        (Pace::default(), Duration::ZERO),
        &telemetry,
    ))
}

async fn list(follower: &mut impl Follower, items: &[&str]) {
    follower.take(Told::Began).await.unwrap();
    for item in items {
        let object = Object::read(item).unwrap();
        follower.take(Told::Item(object)).await.unwrap();
    }
    follower.take(Told::Listed).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn ingresses_listed_before_their_classes_are_listed_again_when_those_are_known() {
    let (stale, mut relist) = watch::channel(());
    let (interest, interested) = watch::channel(Interest::None);
    let (known, classes) = watch::channel(None);
    let (changes, mut told) = mpsc::channel(16);
    let lookups = Arc::new(Lookups::new(stale.clone()));
    let mut ingresses = Ingresses::new(&server(), lookups, (interest, classes), changes);
    let identity = Identity::default();
    let mut reader = ClassReader::new(&identity, (known, interested), stale);

    list(&mut ingresses, &[BY_CLASS, BY_ANNOTATION]).await;
    let change = told.recv().await.unwrap();
    assert!(matches!(change, Change::Applied { .. }), "{change:?}");
    assert!(told.try_recv().is_err(), "a blind list is not complete");
    assert!(!relist.has_changed().unwrap());

    list(&mut reader, &[CLASS]).await;
    assert!(relist.has_changed().unwrap());
    relist.mark_unchanged();
    list(&mut ingresses, &[BY_CLASS, BY_ANNOTATION]).await;
    let Change::Listed { objects, .. } = told.recv().await.unwrap() else {
        panic!("the list is complete");
    };
    assert_eq!(objects.len(), 2);
    assert!(!relist.has_changed().unwrap());
}
