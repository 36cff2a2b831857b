//! Tells the pipeline of the objects of a kind that say something to us.
//!
//! Invariant: of objects that are not ours nothing is kept, nor told but that they are gone.

use std::sync::Arc;

use nuncio_config::{CONFIG_ANNOTATION, Form, Origin};
use tokio::sync::mpsc;

use super::endpoints::Touched;
use super::ingress::Lookups;
use super::object::Object;
use super::refusal::refusal;
use super::trimmed::trimmed;
use super::watch::{Follower, Kind, Stopped, Told};
use crate::change::{Announced, Change};

/// Takes objects one at a time, each in the form that `read` gives it.
pub(super) struct Announcer {
    kind: Kind,
    read: fn(&Kind, &Object<'_>) -> Option<Announced>,
    changes: mpsc::Sender<Change>,
    listing: Vec<Announced>,
    hearers: Option<Hearers>,
}

/// Who else hears of Services, ours or not: endpoints, and the named ports of Ingresses.
type Hearers = (Arc<Touched>, Arc<Lookups>);

impl Announcer {
    /// Reads the annotation of Services, whose events others hear of too.
    pub(super) fn of_services(kind: Kind, hearers: Hearers, changes: mpsc::Sender<Change>) -> Self {
        Self {
            kind,
            read: annotated,
            changes,
            listing: Vec::new(),
            hearers: Some(hearers),
        }
    }

    /// Reads custom resources.
    pub(super) fn of_custom(kind: Kind, changes: mpsc::Sender<Change>) -> Self {
        Self {
            kind,
            read: custom,
            changes,
            listing: Vec::new(),
            hearers: None,
        }
    }

    fn applied(&self, object: &Object<'_>) -> Change {
        let feed = self.kind.feed;
        match (self.read)(&self.kind, object) {
            Some(object) => Change::Applied { feed, object },
            None => Change::Removed {
                feed,
                object: object.named(self.kind.name),
            },
        }
    }

    fn touch(&self, object: &Object<'_>) {
        if let Some((touched, lookups)) = &self.hearers {
            touched.touch(&object.meta.namespace, &object.meta.name);
            lookups.touched(&object.meta.namespace, &object.meta.name);
        }
    }

    fn listed(&mut self) -> Change {
        if let Some((touched, _)) = &self.hearers {
            touched.touch_all();
        }
        Change::Listed {
            feed: self.kind.feed,
            objects: std::mem::take(&mut self.listing),
            diagnostics: Vec::new(),
        }
    }
}

impl Follower for Announcer {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        let feed = self.kind.feed;
        let change = match told {
            Told::Began => {
                self.listing = Vec::new();
                return Ok(());
            }
            Told::Item(object) => {
                self.listing.extend((self.read)(&self.kind, &object));
                return Ok(());
            }
            Told::Listed => self.listed(),
            Told::Applied(object) => {
                self.touch(&object);
                self.applied(&object)
            }
            Told::Removed(object) => {
                self.touch(&object);
                Change::Removed {
                    feed,
                    object: object.named(self.kind.name),
                }
            }
            Told::Refused(error) => Change::Refused {
                feed,
                diagnostic: refusal(self.kind, error),
            },
            Told::Granted => Change::Granted { feed },
            Told::Absent => Change::Absent { feed },
        };
        send(&self.changes, change).await
    }
}

/// Tells the pipeline, as long as there is one.
pub(super) async fn send(changes: &mpsc::Sender<Change>, change: Change) -> Result<(), Stopped> {
    changes.send(change).await.map_err(|_closed| Stopped)
}

fn annotated(kind: &Kind, object: &Object<'_>) -> Option<Announced> {
    let text = object.annotation(CONFIG_ANNOTATION)?;
    let origin = Origin::api(Arc::new(object.named(kind.name)));
    let origin = origin.labelled(object.labels());
    Some(Announced::new(origin, Form::Documents, text))
}

fn custom(kind: &Kind, object: &Object<'_>) -> Option<Announced> {
    let text = trimmed(kind.name, object.text)?;
    let origin = Origin::api(Arc::new(object.named(kind.name)));
    Some(Announced::new(origin, Form::CustomResource, &text))
}
