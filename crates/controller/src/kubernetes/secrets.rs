//! The Secrets that TLS wants, and no others.
//!
//! Each has a watch of its own while few are wanted in a namespace; beyond that all Secrets of the
//! namespace are watched, and where very many namespaces are concerned, all there are. A namespace is listed
//! as a whole at most once a second, so that what comes one by one does not starve. What is not
//! wanted is dropped as it comes: of it, no more than its head is read. A wide watch that is refused goes
//! on asking, and narrower ones take its place until it is granted.
//!
//! Invariant: only wanted Secrets are asked for by name; of others nothing is kept, nor decoded. A watch
//! that was replaced is not listened to any more.
//! Deliberately absent: what Secrets hold, and what becomes of it.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use nuncio_routing::SecretName;
use nuncio_telemetry::Telemetry;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::cover::{Cover, Limits, Listing, Scope, Selection};
use super::failure::status;
use super::object::Object;
use super::options::Pace;
use super::outage::Outage;
use super::watch::{Candidates, Depth, Follower, Kind, Server, Stopped, Target, Told, Watch};
use crate::change::Feed;
use crate::credentials::{Found, Pieces};

/// What a watch has to say.
#[derive(Debug)]
pub(crate) struct Heard {
    watch: WatchId,
    area: Area,
    what: What,
}

/// Watches of wanted Secrets.
pub(crate) struct Secrets {
    server: Arc<Server>,
    heard: mpsc::Sender<Heard>,
    wanted: BTreeSet<SecretName>,
    reach: Reach,
    areas: HashMap<Area, Cover<SecretName, Running>>,
    /// Watches of whole areas that were refused; narrower ones stand in for them.
    refused: HashMap<Area, Running>,
    /// Since when whole areas are listed, if it is not long.
    listed: HashMap<Area, Instant>,
    /// Areas with Secrets that lack a watch until they may be listed again.
    lacking: BTreeSet<Area>,
    last: u64,
}

/// A namespace, or all of them.
type Area = Option<Arc<str>>;

/// How far watches reach that are not of single Secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reach {
    /// Over a namespace; over all when there are too many.
    Namespaces,
    /// Over all.
    Everywhere,
    /// Over a namespace: more is refused for now.
    NamespacesOnly,
}

/// Tells a watch from any other there ever was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct WatchId(u64);

/// A watch under way; ends when dropped.
#[derive(Debug)]
struct Running {
    id: WatchId,
    _task: JoinSet<()>,
}

#[derive(Debug)]
enum What {
    /// A Secret is there, in a list or as an event.
    There(SecretName, Pieces),
    /// It is gone.
    Gone(SecretName),
    /// A list is complete, and these were there.
    Listed(BTreeSet<SecretName>),
    /// The server refuses to tell, and why.
    Refused(Box<str>),
    /// It does so no more.
    Granted,
}

const SECRETS: Kind = Kind {
    feed: Feed::Credentials,
    name: "Secret",
    plural: "secrets",
};

/// A field selector takes one name.
const LIMITS: Limits = Limits {
    selected: 1,
    watches: 8,
    beside: 64,
};

/// The same where a watch of the namespace is refused: `resourceNames` may grant these.
const BY_NAME: Limits = Limits {
    selected: 1,
    watches: 32,
    beside: 64,
};

/// An area is listed as a whole no sooner again.
const LISTING_PAUSE: Duration = Duration::from_secs(1);

/// From so many namespaces on, all are watched together.
const NAMESPACES: usize = 32;

/// RBAC changes by hand; what is refused is known to be wanted.
const REFUSED_RETRY: Duration = Duration::from_secs(5);

impl Secrets {
    /// What there is to hear has to be given to [`Secrets::hear`].
    pub(crate) fn new(
        (client, outage): (&Client, &Arc<Outage>),
        pace: &Pace,
        telemetry: &Arc<Telemetry>,
        heard: mpsc::Sender<Heard>,
    ) -> Self {
        let pace = Pace {
            refused: pace.refused.min(REFUSED_RETRY),
            ..pace.clone()
        };
        Self {
            server: Arc::new(Server::new(
                (client.clone(), outage),
                (pace, Duration::ZERO),
                telemetry,
            )),
            heard,
            wanted: BTreeSet::new(),
            reach: Reach::Namespaces,
            areas: HashMap::new(),
            refused: HashMap::new(),
            listed: HashMap::new(),
            lacking: BTreeSet::new(),
            last: 0,
        }
    }

    /// Asks for more Secrets, and for others no more. `known`: those that were found before.
    pub(crate) fn want(
        &mut self,
        new: Vec<SecretName>,
        gone: &[SecretName],
        known: impl Fn(&SecretName) -> bool,
    ) {
        let mut concerned = BTreeSet::new();
        for secret in gone {
            self.wanted.remove(secret);
            concerned.insert(self.area(secret));
        }
        if self.wanted.is_empty() && self.reach == Reach::NamespacesOnly {
            self.reach = Reach::Namespaces;
            self.refused.remove(&None);
        }
        self.widen(&new, &mut concerned);
        for secret in new {
            concerned.insert(self.area(&secret));
            self.wanted.insert(secret);
        }
        for area in concerned {
            self.fit(&area, &known);
        }
    }

    /// When [`Secrets::list`] has something to do.
    pub(crate) fn next_listing(&self) -> Option<Instant> {
        let listed = self.lacking.iter().map(|area| self.listed.get(area));
        let due = listed.map(|at| at.map_or_else(Instant::now, |at| *at + LISTING_PAUSE));
        due.min()
    }

    /// Asks for what had to wait, as far as it has. `known`: those that were found before.
    pub(crate) fn list(&mut self, known: impl Fn(&SecretName) -> bool) {
        for area in std::mem::take(&mut self.lacking) {
            self.fit(&area, &known);
        }
    }

    /// Whether an area may be listed.
    fn listing(&mut self, area: &Area) -> Listing {
        self.listed.retain(|_, at| at.elapsed() < LISTING_PAUSE);
        match self.listed.contains_key(area) {
            true => Listing::Later,
            false => Listing::Now,
        }
    }

    /// Asks for a Secret again, as if it had not been asked for.
    pub(crate) fn again(&mut self, secret: &SecretName) {
        self.want(Vec::new(), std::slice::from_ref(secret), |_| false);
        self.want(vec![secret.clone()], &[], |_| false);
    }

    /// Whether a Secret can have this name (RFC 1123): no others are put into paths and selectors.
    pub(crate) fn can_be(secret: &SecretName) -> bool {
        let is_alphanumeric = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
        let is_label = |text: &str| {
            text.bytes().all(|c| is_alphanumeric(c) || c == b'-')
                && text.bytes().next().is_some_and(is_alphanumeric)
                && text.bytes().last().is_some_and(is_alphanumeric)
        };
        secret.namespace.len() <= 63
            && is_label(&secret.namespace)
            && secret.name.len() <= 253
            && secret.name.split('.').all(is_label)
    }

    /// Takes what a watch has to say; answers what that tells of wanted Secrets. `known`: those that were
    /// found before.
    pub(crate) fn hear(
        &mut self,
        heard: Heard,
        known: impl Fn(&SecretName) -> bool,
    ) -> Vec<(SecretName, Found)> {
        if self.hear_again(&heard, &known) || self.hear_refusal(&heard, &known) {
            return Vec::new();
        }
        let Some(cover) = self.areas.get(&heard.area) else {
            return Vec::new();
        };
        let is_it = |running: &Running| running.id == heard.watch;
        let concerns = |secret: &SecretName| cover.of(secret).is_some_and(is_it);
        let gone = |secret| (secret, Found::Missing("there is no such Secret".into()));
        match heard.what {
            What::There(secret, pieces) if concerns(&secret) => {
                vec![(secret, Found::There(pieces))]
            }
            What::Gone(secret) if concerns(&secret) => vec![gone(secret)],
            What::There(..) | What::Gone(_) | What::Granted => Vec::new(),
            What::Listed(there) => {
                let covered = cover.names(is_it).into_iter().flatten();
                let lacking = covered.filter(|secret| !there.contains(*secret));
                lacking.cloned().map(gone).collect()
            }
            What::Refused(why) => {
                let covered = cover.names(is_it).into_iter().flatten();
                let refused = |secret: &SecretName| (secret.clone(), Found::Refused(why.clone()));
                covered.map(refused).collect()
            }
        }
    }

    fn area(&self, secret: &SecretName) -> Area {
        match self.reach {
            Reach::Namespaces | Reach::NamespacesOnly => Some((&*secret.namespace).into()),
            Reach::Everywhere => None,
        }
    }

    /// Watches all namespaces together when they are too many to be watched one by one.
    fn widen(&mut self, new: &[SecretName], concerned: &mut BTreeSet<Area>) {
        let namespaces = self.wanted.iter().chain(new).map(|one| &one.namespace);
        let are_many = || namespaces.collect::<BTreeSet<_>>().len() > NAMESPACES;
        if self.reach == Reach::Namespaces && are_many() {
            self.reach = Reach::Everywhere;
            self.areas.clear();
            self.lacking.clear();
            self.refused.clear();
            concerned.clear();
            concerned.insert(None);
        }
    }

    /// Whether a watch says this that was refused, and that others stand in for. Where it is refused no
    /// more, it is begun again in their place.
    fn hear_again(&mut self, heard: &Heard, known: &impl Fn(&SecretName) -> bool) -> bool {
        let refused = self.refused.get(&heard.area);
        if refused.is_none_or(|running| running.id != heard.watch) {
            return false;
        }
        if let What::Granted = heard.what {
            self.refused.remove(&heard.area);
            if heard.area.is_none() {
                self.reach = Reach::Everywhere;
                self.areas.clear();
                self.lacking.clear();
                self.refused.clear();
            }
            self.areas.remove(&heard.area);
            self.fit(&heard.area, known);
        }
        true
    }

    /// Whether narrower watches stand in for one that is refused from now on.
    fn hear_refusal(&mut self, heard: &Heard, known: &impl Fn(&SecretName) -> bool) -> bool {
        let (What::Refused(_), Some(cover)) = (&heard.what, self.areas.get(&heard.area)) else {
            return false;
        };
        let is_it = |running: &Running| running.id == heard.watch;
        let names = cover.names(is_it).map_or(0, BTreeSet::len);
        let are_few = heard.area.is_none() || names <= BY_NAME.watches;
        if !cover.is_whole(is_it) || !are_few {
            return false;
        }
        let whole = self.areas.remove(&heard.area).and_then(Cover::into_whole);
        self.refused
            .extend(whole.map(|running| (heard.area.clone(), running)));
        if heard.area.is_some() {
            self.areas.insert(heard.area.clone(), Cover::new(BY_NAME));
            self.fit(&heard.area, known);
            return true;
        }
        self.reach = Reach::NamespacesOnly;
        let areas: BTreeSet<Area> = self.wanted.iter().map(|secret| self.area(secret)).collect();
        for area in areas {
            self.fit(&area, known);
        }
        true
    }

    fn fit(&mut self, area: &Area, known: impl Fn(&SecretName) -> bool) {
        let is_in = |secret: &&SecretName| {
            let namespace = area.as_deref();
            namespace.is_none_or(|namespace| namespace == &*secret.namespace)
        };
        let wanted: BTreeSet<SecretName> = self.wanted.iter().filter(is_in).cloned().collect();
        let cover = self.areas.remove(area);
        self.lacking.remove(area);
        if wanted.is_empty() {
            self.refused.remove(area);
            return;
        }
        let mut cover = cover.unwrap_or_else(|| Cover::new(LIMITS));
        let listing = self.listing(area);
        let is_complete = cover.fit((&wanted, listing), |scope| {
            let held = scope.names.iter().filter(|secret| known(secret)).count();
            self.start(area, &scope, held)
        });
        if !is_complete {
            self.lacking.insert(area.clone());
        }
        self.areas.insert(area.clone(), cover);
    }

    fn start(&mut self, area: &Area, scope: &Scope<SecretName>, held: usize) -> Running {
        self.last += 1;
        let id = WatchId(self.last);
        if scope.by == Selection::Place {
            self.listed.insert(area.clone(), Instant::now());
        }
        let reader = Reader {
            id,
            area: area.clone(),
            wanted: Arc::clone(&scope.names),
            heard: self.heard.clone(),
            listing: BTreeSet::new(),
        };
        let candidates = Candidates::Known(target(area, scope));
        let watch = Watch::new(SECRETS, &self.server, candidates, reader).succeeding(held);
        let mut task = JoinSet::new();
        task.spawn(watch.run());
        Running { id, _task: task }
    }
}

fn target(area: &Area, scope: &Scope<SecretName>) -> Target {
    let only = match scope.by {
        Selection::Name => scope.names.first(),
        Selection::Place => None,
    };
    let namespace = only.map_or(area.as_deref(), |secret| Some(&*secret.namespace));
    Target {
        fields: only.map(|secret| format!("metadata.name={}", secret.name)),
        ..Target::new(("v1", SECRETS.plural), namespace, Depth::Whole)
    }
}

/// Decodes wanted Secrets as they come.
struct Reader {
    id: WatchId,
    area: Area,
    wanted: Arc<BTreeSet<SecretName>>,
    heard: mpsc::Sender<Heard>,
    listing: BTreeSet<SecretName>,
}

impl Reader {
    fn name(&self, object: Object<'_>) -> Option<SecretName> {
        let secret = SecretName {
            namespace: object.meta.namespace,
            name: object.meta.name,
        };
        self.wanted.contains(&secret).then_some(secret)
    }

    fn there(&self, object: Object<'_>) -> Option<What> {
        let text = object.text;
        let secret = self.name(object)?;
        Some(What::There(secret, Pieces::of_secret(text)))
    }
}

impl Follower for Reader {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        let what = match told {
            Told::Began => {
                self.listing.clear();
                None
            }
            // An item is true whether or not its list ends.
            Told::Item(object) => {
                let there = self.there(object);
                if let Some(What::There(secret, _)) = &there {
                    self.listing.insert(secret.clone());
                }
                there
            }
            Told::Listed => Some(What::Listed(std::mem::take(&mut self.listing))),
            Told::Applied(object) => self.there(object),
            Told::Removed(object) => self.name(object).map(What::Gone),
            Told::Refused(error) => {
                let why = status(error).map_or("forbidden", |status| &status.message);
                Some(What::Refused(why.into()))
            }
            Told::Granted => Some(What::Granted),
            Told::Absent => None,
        };
        let Some(what) = what else { return Ok(()) };
        let heard = Heard {
            watch: self.id,
            area: self.area.clone(),
            what,
        };
        self.heard.send(heard).await.map_err(|_closed| Stopped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(namespace: &str, name: &str) -> SecretName {
        SecretName {
            namespace: namespace.into(),
            name: name.into(),
        }
    }

    #[test]
    fn no_name_reaches_beyond_its_place_in_a_path_or_selector() {
        for bad in [
            "", "..", "a..b", "a/b", "a,b", "a=b", "a%2e", "A", "-a", "a-", "a b", "a\n", ".a",
        ] {
            assert!(!Secrets::can_be(&secret("default", bad)), "{bad:?}");
            assert!(!Secrets::can_be(&secret(bad, "s")), "{bad:?}");
        }
        assert!(Secrets::can_be(&secret("kube-system", "tls.example.com")));
        assert!(!Secrets::can_be(&secret("kube.system", "tls")));
    }

    #[test]
    fn one_secret_is_asked_for_by_its_name_and_many_by_their_place() {
        let scope = |names: &[&str], by| Scope {
            names: Arc::new(names.iter().map(|name| secret("a", name)).collect()),
            by,
        };
        let one = target(&Some("a".into()), &scope(&["x"], Selection::Name));
        assert_eq!(one.path, "/api/v1/namespaces/a/secrets");
        assert_eq!(one.fields.as_deref(), Some("metadata.name=x"));
        let many = target(&Some("a".into()), &scope(&["x", "y"], Selection::Place));
        assert_eq!(many.path, "/api/v1/namespaces/a/secrets");
        assert_eq!(many.fields, None);
        let wide = target(&None, &scope(&["x", "y"], Selection::Place));
        assert_eq!(wide.path, "/api/v1/secrets");
        let late = target(&None, &scope(&["x"], Selection::Name));
        assert_eq!(late.path, "/api/v1/namespaces/a/secrets");
    }
}
