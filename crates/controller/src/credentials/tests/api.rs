//! An API server that has Secrets and nothing else.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc::{self, UnboundedSender};
use http::{Request, Response};
use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};
use tower::service_fn;

/// The server. Clones are the same one.
#[derive(Clone, Default)]
pub(super) struct Api(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    secrets: BTreeMap<(String, String), Value>,
    version: u64,
    events: Vec<(u64, Event)>,
    watches: Vec<(Asked, UnboundedSender<Bytes>)>,
    /// Whether requests over these are refused.
    refused: Option<fn(&Asked) -> bool>,
    asked: Vec<Asked>,
    hangs: bool,
}

struct Event {
    what: &'static str,
    object: Value,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    pub(super) namespace: Option<String>,
    pub(super) name: Option<String>,
    pub(super) watch: bool,
    version: u64,
}

type Reply = Response<UnsyncBoxBody<Bytes, Infallible>>;

impl Api {
    pub(super) fn client(&self) -> Client {
        let api = self.clone();
        let service = service_fn(move |request: Request<Body>| {
            let (api, hangs) = (api.clone(), api.0.lock().unwrap().hangs);
            async move {
                match hangs {
                    true => std::future::pending().await,
                    false => Ok::<_, io::Error>(api.answer(&request)),
                }
            }
        });
        Client::new(service, "default")
    }

    /// Creates or changes a Secret.
    pub(super) fn put(&self, (namespace, name): (&str, &str), mut secret: Value) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        secret["metadata"] = json!({
            "namespace": namespace, "name": name, "resourceVersion": state.version.to_string(),
        });
        let key = (namespace.to_owned(), name.to_owned());
        let before = state.secrets.insert(key, secret.clone());
        let what = before.map_or("ADDED", |_| "MODIFIED");
        state.note(what, secret);
    }

    /// Deletes a Secret.
    pub(super) fn remove(&self, (namespace, name): (&str, &str)) {
        let mut state = self.0.lock().unwrap();
        state.version += 1;
        let secret = state
            .secrets
            .remove(&(namespace.to_owned(), name.to_owned()));
        state.note("DELETED", secret.unwrap());
    }

    /// Refuses some requests, and ends every watch.
    pub(super) fn refuse(&self, which: Option<fn(&Asked) -> bool>) {
        let mut state = self.0.lock().unwrap();
        state.refused = which;
        state.watches.clear();
    }

    /// Never answers.
    pub(super) fn hang(&self) {
        self.0.lock().unwrap().hangs = true;
    }

    /// The requests so far.
    pub(super) fn asked(&self) -> Vec<Asked> {
        self.0.lock().unwrap().asked.clone()
    }

    fn answer(&self, request: &Request<Body>) -> Reply {
        let query = request.uri().query().unwrap_or_default();
        if query.contains("sendInitialEvents") {
            return status(422);
        }
        let asked = Asked::of(request.uri().path(), query);
        let mut state = self.0.lock().unwrap();
        state.asked.push(asked.clone());
        if state.refused.is_some_and(|refuses| refuses(&asked)) {
            return status(403);
        }
        match asked.watch {
            true => state.watch(asked),
            false => state.list(&asked),
        }
    }
}

impl State {
    fn note(&mut self, what: &'static str, object: Value) {
        let event = Event { what, object };
        for (asked, watch) in &self.watches {
            if asked.selects(&event.object) {
                drop(watch.unbounded_send(event.line()));
            }
        }
        self.events.push((self.version, event));
    }

    fn list(&self, asked: &Asked) -> Reply {
        let all = self.secrets.values();
        let items: Vec<_> = all.filter(|secret| asked.selects(secret)).collect();
        let version = self.version.to_string();
        let list = json!({"metadata": {"resourceVersion": version}, "items": items});
        reply(200, &list)
    }

    fn watch(&mut self, asked: Asked) -> Reply {
        let (sender, receiver) = mpsc::unbounded();
        for (version, event) in &self.events {
            if *version > asked.version && asked.selects(&event.object) {
                sender.unbounded_send(event.line()).unwrap();
            }
        }
        self.watches.push((asked, sender));
        let frames = receiver.map(|bytes| Ok(hyper::body::Frame::data(bytes)));
        Response::new(UnsyncBoxBody::new(StreamBody::new(frames)))
    }
}

impl Asked {
    fn of(path: &str, query: &str) -> Self {
        let value = |key: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find(|(name, _)| *name == key).map(|(_, value)| value)
        };
        let namespace = path.strip_prefix("/api/v1/namespaces/");
        let namespace = namespace.and_then(|rest| rest.strip_suffix("/secrets"));
        let name = value("fieldSelector").and_then(|text| text.strip_prefix("metadata.name%3D"));
        Self {
            namespace: namespace.map(str::to_owned),
            name: name.map(str::to_owned),
            watch: value("watch").is_some(),
            version: value("resourceVersion").map_or(0, |text| text.parse().unwrap_or(0)),
        }
    }

    fn selects(&self, secret: &Value) -> bool {
        let is = |wanted: &Option<String>, key: &str| {
            let wanted = wanted.as_deref();
            wanted.is_none_or(|wanted| secret["metadata"][key] == wanted)
        };
        is(&self.namespace, "namespace") && is(&self.name, "name")
    }
}

impl Event {
    /// The type first, as API servers have it.
    fn line(&self) -> Bytes {
        let Self { what, object } = self;
        format!("{{\"type\":\"{what}\",\"object\":{object}}}\n").into()
    }
}

fn status(code: u16) -> Reply {
    let message = "secrets is forbidden: User \"nuncio\" cannot list resource \"secrets\"";
    let status = json!({"kind": "Status", "status": "Failure", "message": message, "code": code});
    reply(code, &status)
}

fn reply(code: u16, body: &Value) -> Reply {
    let text = Bytes::from(body.to_string());
    let frames = futures::stream::iter([Ok(hyper::body::Frame::data(text))]);
    let mut reply = Response::new(UnsyncBoxBody::new(StreamBody::new(frames)));
    *reply.status_mut() = code.try_into().unwrap();
    reply
}
