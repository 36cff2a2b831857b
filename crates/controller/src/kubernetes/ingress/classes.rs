//! IngressClasses: which of them are ours.

use std::collections::BTreeMap;
use std::sync::Arc;

use nuncio_config::{Diagnostic, Identity};
use serde::Deserialize;
use tokio::sync::watch;

use super::{Interest, Known};
use crate::change::Feed;
use crate::kubernetes::object::Object;
use crate::kubernetes::refusal::refusal;
use crate::kubernetes::watch::{Follower, Kind, Stopped, Told};

pub(in crate::kubernetes) const INGRESS_CLASSES: Kind = Kind {
    feed: Feed::Ingresses,
    name: "IngressClass",
    plural: "ingressclasses",
};

/// Emissary's `spec.controller`.
const CONTROLLER: &str = "getambassador.io/ingress-controller";

const DEFAULT_CLASS: &str = "ingressclass.kubernetes.io/is-default-class";

/// The IngressClasses that are ours.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::kubernetes) struct Classes {
    /// Each with whether it is the default.
    ours: BTreeMap<Box<str>, bool>,
    refusal: Option<Diagnostic>,
}

impl Classes {
    pub(super) fn have(&self, class: &str) -> bool {
        self.ours.contains_key(class)
    }

    pub(super) fn have_the_default(&self) -> bool {
        self.ours.values().any(|default| *default)
    }

    pub(super) fn refusal(&self) -> Option<Diagnostic> {
        self.refusal.clone()
    }
}

/// Takes IngressClasses.
pub(in crate::kubernetes) struct ClassReader {
    ambassador_id: Box<str>,
    now: Classes,
    told: watch::Sender<Known>,
    interest: watch::Receiver<Interest>,
    /// Changes when Ingresses have to be looked at again.
    stale: watch::Sender<()>,
}

impl ClassReader {
    pub(in crate::kubernetes) fn new(
        identity: &Identity,
        (told, interest): (watch::Sender<Known>, watch::Receiver<Interest>),
        stale: watch::Sender<()>,
    ) -> Self {
        Self {
            ambassador_id: identity.ambassador_id.clone(),
            now: Classes::default(),
            told,
            interest,
            stale,
        }
    }

    fn applied(&mut self, object: &Object<'_>) {
        if self.is_ours(object) {
            let default = object.annotation(DEFAULT_CLASS) == Some("true");
            self.now.ours.insert(object.meta.name.clone(), default);
        } else {
            self.now.ours.remove(&object.meta.name);
        }
    }

    fn is_ours(&self, object: &Object<'_>) -> bool {
        #[derive(Deserialize)]
        struct Head {
            #[serde(default)]
            spec: Spec,
        }
        #[derive(Default, Deserialize)]
        struct Spec {
            #[serde(default)]
            controller: Option<String>,
        }
        let head = serde_json::from_str::<Head>(object.text);
        let controller = head.ok().and_then(|head| head.spec.controller);
        let id = object.annotation("getambassador.io/ambassador-id");
        let id = id.unwrap_or("default");
        controller.as_deref() == Some(CONTROLLER)
            && (id == &*self.ambassador_id || id == "_automatic_")
    }

    /// Tells what is known now, if that is news.
    fn tell(&self) {
        let first = self.told.borrow().is_none();
        let news = self.told.send_if_modified(|known| {
            let news = known.as_deref() != Some(&self.now);
            if news {
                *known = Some(Arc::new(self.now.clone()));
            }
            news
        });
        // The first list of Ingresses waits for the first list of classes, though not for ever.
        let missed = *self.interest.borrow() == Interest::ListedBlind;
        if news && (!first || missed) {
            self.stale.send_replace(());
        }
    }
}

impl Follower for ClassReader {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        match told {
            Told::Began => self.now = Classes::default(),
            Told::Item(object) => self.applied(&object),
            Told::Listed | Told::Absent => self.tell(),
            Told::Applied(object) => {
                self.applied(&object);
                self.tell();
            }
            Told::Removed(object) => {
                self.now.ours.remove(&object.meta.name);
                self.tell();
            }
            Told::Refused(error) => {
                self.now.refusal = Some(refusal(INGRESS_CLASSES, error));
                self.tell();
            }
            Told::Granted => {
                self.now.refusal = None;
                self.tell();
            }
        }
        Ok(())
    }
}
