//! Ingresses of our class.
//!
//! An Ingress is ours by its annotation, by an IngressClass whose controller is Ambassador's, or
//! because such a class is the default. Whose the others are is asked anew when classes change: the
//! Ingresses are listed again, so that nothing of those that are not ours needs to be kept.
//!
//! Invariant: what is told has port numbers wherever the Service could be asked for them.
//! Deliberately absent: what an Ingress means, and its status.

mod classes;
mod ports;

use std::sync::Arc;
use std::time::Duration;

use nuncio_config::{Form, Origin};
use serde::Deserialize;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use super::announcer::send;
use super::object::Object;
use super::refusal::refusal;
use super::trimmed::trimmed;
use super::watch::{Follower, Kind, Server, Stopped, Told};
use crate::change::{Announced, Change, Feed};
pub(super) use classes::{ClassReader, Classes, INGRESS_CLASSES};
pub(super) use ports::Lookups;
use ports::Ports;

pub(super) const INGRESSES: Kind = Kind {
    feed: Feed::Ingresses,
    name: "Ingress",
    plural: "ingresses",
};

/// A list of Ingresses waits so long for the first list of classes.
const CLASSES_WITHIN: Duration = Duration::from_secs(2);

/// What the watch of classes tells the watch of Ingresses; `None` before it knows.
pub(super) type Known = Option<Arc<Classes>>;

/// What the watch of Ingresses wants of the watch of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Interest {
    /// Nothing: Ingresses may not be read, as far as is known.
    None,
    /// To be told.
    Waits,
    /// To have Ingresses listed again: they were listed without knowing classes.
    ListedBlind,
}

/// Takes Ingresses.
pub(super) struct Ingresses {
    changes: mpsc::Sender<Change>,
    listing: Vec<Announced>,
    interest: watch::Sender<Interest>,
    classes: watch::Receiver<Known>,
    ports: Ports,
}

impl Ingresses {
    pub(super) fn new(
        server: &Arc<Server>,
        lookups: Arc<Lookups>,
        (interest, classes): (watch::Sender<Interest>, watch::Receiver<Known>),
        changes: mpsc::Sender<Change>,
    ) -> Self {
        Self {
            changes,
            listing: Vec::new(),
            interest,
            classes,
            ports: Ports::new(server.client.clone(), lookups),
        }
    }

    async fn began(&mut self) {
        self.listing = Vec::new();
        self.ports.forget();
        let unknown = self.classes.borrow().is_none();
        if unknown {
            self.interest.send_replace(Interest::Waits);
            let known = self.classes.wait_for(Option::is_some);
            drop(timeout(CLASSES_WITHIN, known).await);
        }
        // Said before it is looked whether they came: classes that come later bring another list.
        self.interest.send_replace(Interest::ListedBlind);
        if self.classes.borrow().is_some() {
            self.interest.send_replace(Interest::Waits);
        }
    }

    async fn announced(&mut self, object: &Object<'_>) -> Option<Announced> {
        if !self.is_ours(object) {
            return None;
        }
        let text = trimmed(INGRESSES.name, object.text)?;
        let text = self.ports.numbered(text, &object.meta.namespace).await;
        let origin = Origin::api(Arc::new(object.named(INGRESSES.name)));
        Some(Announced::new(origin, Form::Ingress, &text))
    }

    fn is_ours(&self, object: &Object<'_>) -> bool {
        if let Some(class) = object.annotation("kubernetes.io/ingress.class") {
            return class == "ambassador";
        }
        let known = self.classes.borrow();
        let Some(classes) = &*known else {
            return false;
        };
        match class_name(object.text) {
            Some(class) => classes.have(&class),
            None => classes.have_the_default(),
        }
    }

    /// Tells what a list brought, as complete only if it is.
    async fn listed(&mut self) -> Result<(), Stopped> {
        if !self.is_blind() {
            let complete = self.complete();
            return send(&self.changes, complete).await;
        }
        let feed = INGRESSES.feed;
        for object in std::mem::take(&mut self.listing) {
            send(&self.changes, Change::Applied { feed, object }).await?;
        }
        Ok(())
    }

    fn is_blind(&self) -> bool {
        *self.interest.borrow() == Interest::ListedBlind
    }

    fn complete(&mut self) -> Change {
        let refusal = self.classes.borrow().as_ref().and_then(|c| c.refusal());
        Change::Listed {
            feed: INGRESSES.feed,
            objects: std::mem::take(&mut self.listing),
            diagnostics: refusal.into_iter().collect(),
        }
    }
}

impl Follower for Ingresses {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        let feed = INGRESSES.feed;
        let removed = |object: &Object<'_>| Change::Removed {
            feed,
            object: object.named(INGRESSES.name),
        };
        let change = match told {
            Told::Began => {
                self.began().await;
                return Ok(());
            }
            Told::Item(object) => {
                let announced = self.announced(&object).await;
                self.listing.extend(announced);
                return Ok(());
            }
            Told::Listed => return self.listed().await,
            Told::Applied(object) => {
                self.ports.forget();
                let announced = self.announced(&object).await;
                if announced.is_none() && self.is_blind() {
                    return Ok(());
                }
                announced.map_or_else(
                    || removed(&object),
                    |object| Change::Applied { feed, object },
                )
            }
            Told::Removed(object) => removed(&object),
            Told::Refused(error) => Change::Refused {
                feed,
                diagnostic: refusal(INGRESSES, error),
            },
            Told::Granted => Change::Granted { feed },
            Told::Absent => Change::Absent { feed },
        };
        send(&self.changes, change).await
    }
}

fn class_name(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        spec: Option<Spec>,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec {
        #[serde(default)]
        ingress_class_name: Option<String>,
    }
    let head: Head = serde_json::from_str(text).ok()?;
    head.spec?.ingress_class_name
}

#[cfg(test)]
mod tests;
