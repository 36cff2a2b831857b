//! The endpoints of the Services that Mappings name, from EndpointSlices.
//!
//! ```text
//! wanted ports --> Cover --> Watch (slices of a namespace) --+
//!      |                                                     +--> Followed --> Publish::endpoints
//!      +---------> Fetches (ports of a Service) -------------+
//!                     ^ Touched: the standing watch of Services saw a change
//! ```
//!
//! Invariant: only Services that are wanted are asked for, and nothing is kept of others. What is
//! known stays in force until the server says otherwise; nothing waits for a compile.
//! Deliberately absent: Mappings, and which cluster uses which endpoints.

mod fetch;
mod followed;
mod name;
mod namespace;
mod remarks;
mod service;
mod slice;
mod touched;
mod watch;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use nuncio_routing::ServicePort;
use tokio::sync::{mpsc, watch as value};
use tokio::time::{MissedTickBehavior, interval};
use tracing::debug;

use super::outage::Outage;
use crate::Publish;
use crate::change::{Change, Feed};
use crate::remark::Remarks;
use fetch::{Answer, Fetched, Fetches};
use followed::{Known, Told};
use name::ServiceName;
use namespace::{Namespace, Watches};
use remarks::Subject;
pub(crate) use touched::Touched;
use watch::{Heard, What};

/// The ports whose endpoints clusters have to be told.
pub(crate) type Wanted = value::Receiver<Arc<BTreeSet<ServicePort>>>;

/// What slices have to say, under way to be merged; watches that are faster wait.
const HEARD: usize = 1024;

/// What was heard is merged together up to so many, so that a burst of changes to one Service is
/// told once.
const BURST: usize = 256;

/// How often Services are looked at again whose changes no standing watch tells.
const POLL: Duration = Duration::from_mins(1);

/// Follows the endpoints of wanted ports.
pub(crate) struct Endpoints {
    publish: Arc<dyn Publish>,
    changes: mpsc::Sender<Change>,
    touched: Arc<Touched>,
    sight: Sight,
    wanted: Arc<BTreeSet<ServicePort>>,
    namespaces: HashMap<Box<str>, Namespace>,
    watches: Watches,
    fetches: Fetches,
    remarks: Remarks<Subject>,
    /// Services of which there may be something to tell.
    stirred: BTreeSet<ServiceName>,
    heard: mpsc::Receiver<Heard>,
}

/// Which Services the standing watch sees.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// All there are.
    All,
    /// Those of one namespace.
    Namespace(Box<str>),
    /// Those that selectors leave.
    Selected,
}

/// What has happened.
enum Step {
    Wanted(Arc<BTreeSet<ServicePort>>),
    Heard,
    Touched(BTreeSet<ServiceName>),
    Fetched(Vec<Fetched>),
    Told,
    Poll,
    /// Nobody listens any more.
    Stopped,
}

impl Endpoints {
    /// `sight`: the Services that `touched` is told of.
    pub(crate) fn new(
        (client, outage): (&Client, &Arc<Outage>),
        (publish, changes): (Arc<dyn Publish>, mpsc::Sender<Change>),
        touched: Arc<Touched>,
        sight: Sight,
    ) -> Self {
        let (sender, heard) = mpsc::channel(HEARD);
        Self {
            publish,
            changes,
            touched,
            sight,
            wanted: Arc::default(),
            namespaces: HashMap::new(),
            watches: Watches::new((client, outage), sender),
            fetches: Fetches::new(client.clone()),
            remarks: Remarks::new(Feed::Endpoints),
            stirred: BTreeSet::new(),
            heard,
        }
    }

    /// Follows until nobody wants anything any more.
    pub(crate) async fn run(mut self, mut wanted: Wanted) {
        wanted.mark_changed();
        let mut poll = interval(POLL);
        poll.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut burst = Vec::new();
        loop {
            let step = tokio::select! {
                changed = wanted.changed() => match changed {
                    Ok(()) => Step::Wanted(Arc::clone(&wanted.borrow_and_update())),
                    Err(_gone) => Step::Stopped,
                },
                _count = self.heard.recv_many(&mut burst, BURST) => Step::Heard,
                touched = self.touched.next() => Step::Touched(touched),
                fetched = self.fetches.next() => Step::Fetched(fetched),
                place = self.changes.reserve(), if self.remarks.have_changed() => match place {
                    Ok(place) => {
                        place.send(self.remarks.told());
                        Step::Told
                    }
                    Err(_gone) => Step::Stopped,
                },
                _tick = poll.tick(), if self.sight != Sight::All => Step::Poll,
            };
            match step {
                Step::Wanted(wanted) => self.want(wanted),
                Step::Heard => burst.drain(..).for_each(|heard| self.hear(heard)),
                Step::Touched(services) => self.fetches.ask(services),
                Step::Fetched(fetched) => fetched.into_iter().for_each(|one| self.fetched(one)),
                Step::Told => {}
                Step::Poll => self.poll(),
                Step::Stopped => return,
            }
            self.tell();
        }
    }

    /// Follows what is wanted from now on, and forgets what is not any more.
    fn want(&mut self, wanted: Arc<BTreeSet<ServicePort>>) {
        let before = std::mem::replace(&mut self.wanted, wanted);
        let now = Arc::clone(&self.wanted);
        let mut concerned = BTreeSet::new();
        for gone in before.difference(&now) {
            self.forget(gone);
            concerned.insert(gone.namespace.clone());
        }
        for new in now.difference(&before) {
            self.follow(new);
            concerned.insert(new.namespace.clone());
        }
        for namespace in concerned {
            let Some(held) = self.namespaces.get_mut(&namespace) else {
                continue;
            };
            if !held.fit(&mut self.watches) {
                self.namespaces.remove(&namespace);
                self.remarks.withdraw(&Subject::Slices(namespace));
            }
        }
    }

    fn follow(&mut self, port: &ServicePort) {
        let name = ServiceName::from(port);
        if !name.is_possible() {
            // No Service has this name; a DNS server may know it.
            self.publish.endpoints(port, None);
            return;
        }
        let namespace = self.namespaces.entry(name.namespace.clone());
        let namespace = namespace.or_insert_with(|| Namespace::new(&name.namespace));
        let (followed, is_new) = namespace.follow(&name.name);
        followed.want(port.port);
        if is_new {
            self.touched.watch(&name);
            self.fetches.ask([name.clone()]);
        }
        self.stirred.insert(name);
    }

    fn forget(&mut self, port: &ServicePort) {
        self.publish.endpoints(port, None);
        let name = ServiceName::from(port);
        self.remarks
            .withdraw(&Subject::Port(name.clone(), port.port));
        let Some(namespace) = self.namespaces.get_mut(&name.namespace) else {
            return;
        };
        let followed = namespace.service(&name.name);
        if followed.is_some_and(|followed| followed.forget(port.port)) {
            namespace.forget(&name.name);
            self.touched.unwatch(&name);
            self.fetches.forget(&name);
            self.stirred.remove(&name);
            self.remarks.withdraw(&Subject::Service(name));
        }
    }

    fn hear(&mut self, heard: Heard) {
        let Some(namespace) = self.namespaces.get_mut(&*heard.namespace) else {
            return;
        };
        let subject = || Subject::Slices((&*heard.namespace).into());
        match &heard.what {
            What::Listed(_) => self.remarks.withdraw(&subject()),
            What::Refused(why) => self.remarks.refused(subject(), why),
            What::Applied(_) | What::Removed { .. } => {}
        }
        let concerned = namespace.hear(heard.watch, heard.what);
        let concerned = concerned.iter();
        self.stirred
            .extend(concerned.map(|name| ServiceName::new(&heard.namespace, name)));
    }

    fn fetched(&mut self, (name, answer): Fetched) {
        let namespace = self.namespaces.get_mut(&name.namespace);
        let Some(followed) = namespace.and_then(|held| held.service(&name.name)) else {
            self.fetches.forget(&name);
            return;
        };
        let subject = Subject::Service(name.clone());
        let service = match answer {
            Answer::Found(service) => Some(service),
            Answer::Absent => None,
            Answer::Refused(why) => {
                followed.service = Known::Refused;
                self.remarks.refused(subject, &why);
                self.stirred.insert(name);
                return;
            }
            Answer::Failed(_) => return,
        };
        if followed.found(service) {
            self.fetches.ask([name]);
            return;
        }
        self.remarks.withdraw(&subject);
        self.stirred.insert(name);
    }

    /// Asks again for Services whose changes nobody tells.
    fn poll(&mut self) {
        for (namespace, held) in &self.namespaces {
            if self.sight == Sight::Namespace(namespace.clone()) {
                continue;
            }
            let names = held.names();
            self.fetches
                .ask(names.map(|service| ServiceName::new(namespace, service)));
        }
    }

    /// Publishes what is other than before.
    fn tell(&mut self) {
        for name in std::mem::take(&mut self.stirred) {
            let namespace = self.namespaces.get_mut(&name.namespace);
            let Some(followed) = namespace.and_then(|held| held.service(&name.name)) else {
                continue;
            };
            for (port, told) in followed.news() {
                if told == Told::NoSuchPort {
                    self.remarks.no_such_port(&name, port);
                } else {
                    self.remarks.withdraw(&Subject::Port(name.clone(), port));
                }
                if let Some(addresses) = told.addresses() {
                    let port = name.port(port);
                    debug!(%port, endpoints = addresses.map(<[_]>::len), "endpoints");
                    self.publish.endpoints(&port, addresses);
                }
            }
        }
    }
}
