//! The ConfigMap `ambassador-config` of the gateway's namespace: each of its keys is a file.
//!
//! Invariant: a ConfigMap is told as a whole, so that a key that goes takes its documents along.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{Form, ObjectRef, Origin};
use serde::Deserialize;
use tokio::sync::mpsc;

use super::announcer::send;
use super::object::Object;
use super::refusal::refusal;
use super::watch::{Depth, Follower, Kind, Stopped, Target, Told};
use crate::change::{Announced, Change, Feed};

/// What Ambassador reads at its start.
const NAME: &str = "ambassador-config";

pub(super) const CONFIG_MAP: Kind = Kind {
    feed: Feed::ConfigMap,
    name: "ConfigMap",
    plural: "configmaps",
};

/// The one ConfigMap.
pub(super) fn target(namespace: &str) -> Target {
    Target {
        fields: Some(format!("metadata.name={NAME}")),
        ..Target::new(("v1", CONFIG_MAP.plural), Some(namespace), Depth::Whole)
    }
}

/// Takes the ConfigMap.
pub(super) struct Files {
    changes: mpsc::Sender<Change>,
    listing: Vec<Announced>,
}

impl Files {
    pub(super) fn new(changes: mpsc::Sender<Change>) -> Self {
        let listing = Vec::new();
        Self { changes, listing }
    }

    fn listed(objects: Vec<Announced>) -> Change {
        Change::Listed {
            feed: CONFIG_MAP.feed,
            objects,
            diagnostics: Vec::new(),
        }
    }
}

impl Follower for Files {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        let feed = CONFIG_MAP.feed;
        let change = match told {
            Told::Began => {
                self.listing = Vec::new();
                return Ok(());
            }
            Told::Item(object) => {
                self.listing.extend(files(&object));
                return Ok(());
            }
            // The server was asked for one; should it send another, that says nothing of ours.
            Told::Applied(object) | Told::Removed(object) if &*object.meta.name != NAME => {
                return Ok(());
            }
            Told::Listed => Self::listed(std::mem::take(&mut self.listing)),
            Told::Applied(object) => Self::listed(files(&object)),
            Told::Removed(_) => Self::listed(Vec::new()),
            Told::Refused(error) => Change::Refused {
                feed,
                diagnostic: refusal(CONFIG_MAP, error),
            },
            Told::Granted => Change::Granted { feed },
            Told::Absent => Change::Absent { feed },
        };
        send(&self.changes, change).await
    }
}

#[derive(Deserialize)]
struct Keys {
    #[serde(default)]
    data: Option<BTreeMap<String, String>>,
}

/// An object for each key; another ConfigMap has none, should the server send one.
fn files(object: &Object<'_>) -> Vec<Announced> {
    if &*object.meta.name != NAME {
        return Vec::new();
    }
    let keys = serde_json::from_str::<Keys>(object.text);
    let data = keys.ok().and_then(|keys| keys.data).unwrap_or_default();
    let file = |(key, text): (&String, &String)| {
        let named = ObjectRef {
            kind: CONFIG_MAP.name.into(),
            namespace: object.meta.namespace.clone(),
            name: format!("{NAME}/{key}").into(),
        };
        Announced::new(Origin::api(Arc::new(named)), Form::Configuration, text)
    };
    data.iter().map(file).collect()
}
