//! Services, asked for by name.
//!
//! Invariant: a Service that is asked for while it is being fetched is fetched once more; few
//! requests are under way at a time. Where very many are asked for in one namespace, it is listed.
//! A Service that is refused keeps no other waiting.
//! Deliberately absent: watching, and telling users of refusals.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use k8s_openapi::api::core::v1::Service as Object;
use kube::api::ListParams;
use kube::{Api, Client, Error};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{info, warn};

use super::name::ServiceName;
use super::service::Service;
use crate::kubernetes::retry::{Retry, Run};
use crate::kubernetes::watch::PAGE;

/// Services to be asked for, and requests under way.
pub(super) struct Fetches {
    client: Client,
    asked: BTreeSet<ServiceName>,
    busy: BTreeSet<ServiceName>,
    requests: JoinSet<Vec<Fetched>>,
    retry: Retry,
    /// Nothing is asked before, after a failure.
    resume_at: Option<Instant>,
    failing: bool,
    /// Asked for again when it is time.
    refused: BTreeSet<ServiceName>,
    refusals: Retry,
    refused_until: Option<Instant>,
}

/// What was asked for, and the answer.
pub(super) type Fetched = (ServiceName, Answer);

#[derive(Clone, Debug)]
pub(super) enum Answer {
    Found(Service),
    Absent,
    /// RBAC does not grant it.
    Refused(Box<str>),
    /// The server is away or in trouble.
    Failed(Box<str>),
}

/// Requests under way at a time.
const REQUESTS: usize = 8;

/// From so many on in one namespace, all of it is listed.
const MANY: usize = 200;

/// RBAC changes by hand.
const REFUSED_RETRY: Duration = Duration::from_secs(5);

impl Fetches {
    pub(super) fn new(client: Client) -> Self {
        Self {
            client,
            asked: BTreeSet::new(),
            busy: BTreeSet::new(),
            requests: JoinSet::new(),
            retry: Retry::default(),
            resume_at: None,
            failing: false,
            refused: BTreeSet::new(),
            refusals: Retry::default(),
            refused_until: None,
        }
    }

    pub(super) fn ask(&mut self, services: impl IntoIterator<Item = ServiceName>) {
        self.asked.extend(services);
    }

    /// Nobody wants to know any more.
    pub(super) fn forget(&mut self, service: &ServiceName) {
        self.asked.remove(service);
        self.refused.remove(service);
    }

    /// Waits for answers, which are repeated until each Service is found or absent. May be given up
    /// and called again.
    pub(super) async fn next(&mut self) -> Vec<Fetched> {
        loop {
            self.start();
            let (resume_at, refused_until) = (self.resume_at, self.refused_until);
            tokio::select! {
                Some(done) = self.requests.join_next() => {
                    // A request that panicked leaves its Services busy, which harms only them.
                    if let Ok(answers) = done {
                        return self.take(answers);
                    }
                }
                () = until(resume_at) => self.resume_at = None,
                () = until(refused_until) => {
                    self.refused_until = None;
                    self.asked.append(&mut self.refused);
                }
            }
        }
    }

    fn start(&mut self) {
        if self.resume_at.is_some() {
            return;
        }
        while self.requests.len() < REQUESTS
            && let Some(batch) = self.batch()
        {
            for service in &batch {
                self.asked.remove(service);
                self.busy.insert(service.clone());
            }
            let client = self.client.clone();
            self.requests.spawn(fetch(client, batch));
        }
    }

    /// What the next request is for: one Service, or very many of one namespace.
    fn batch(&self) -> Option<Vec<ServiceName>> {
        let mut free = self.asked.iter().filter(|one| !self.busy.contains(*one));
        let first = free.next()?;
        let rest = free.take_while(|other| other.namespace == first.namespace);
        let all: Vec<_> = std::iter::once(first).chain(rest).collect();
        let batch = match all.len() {
            MANY.. => all.into_iter().cloned().collect(),
            _ => vec![first.clone()],
        };
        Some(batch)
    }

    fn take(&mut self, answers: Vec<Fetched>) -> Vec<Fetched> {
        for (service, answer) in &answers {
            self.busy.remove(service);
            match answer {
                Answer::Found(_) | Answer::Absent => self.succeeded(),
                Answer::Refused(_) => self.refused(service),
                Answer::Failed(why) => self.failed(service, why),
            }
        }
        answers
    }

    fn succeeded(&mut self) {
        self.retry.progressed();
        if std::mem::take(&mut self.failing) {
            info!("the Kubernetes API tells the ports of Services again");
        }
    }

    fn refused(&mut self, service: &ServiceName) {
        self.refused.insert(service.clone());
        if self.refused_until.is_none() {
            let now = Instant::now();
            self.refusals.failed(now);
            self.refused_until = Some(now + self.refusals.delay(REFUSED_RETRY));
        }
    }

    fn failed(&mut self, service: &ServiceName, why: &str) {
        self.asked.insert(service.clone());
        // All that failed together is one failure.
        if self.resume_at.is_some() {
            return;
        }
        if self.retry.failed(Instant::now()) == Run::Begins || !self.failing {
            let (namespace, name) = (&*service.namespace, &*service.name);
            warn!(
                namespace,
                name, why, "cannot read the ports of a Service; the last state stays"
            );
        }
        self.failing = true;
        self.resume_at = Some(Instant::now() + self.retry.delay(Duration::ZERO));
    }
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

async fn fetch(client: Client, batch: Vec<ServiceName>) -> Vec<Fetched> {
    let Some(first) = batch.first() else {
        return Vec::new();
    };
    let api = Api::<Object>::namespaced(client, &first.namespace);
    if batch.len() > 1 {
        return listed(&api, batch).await;
    }
    let answer = match api.get_opt(&first.name).await {
        Ok(Some(object)) => Answer::Found(Service::of(&object)),
        Ok(None) => Answer::Absent,
        Err(error) => Answer::to(&error),
    };
    batch.into_iter().map(|one| (one, answer.clone())).collect()
}

/// Finds the Services of `batch` among all of their namespace.
async fn listed(api: &Api<Object>, batch: Vec<ServiceName>) -> Vec<Fetched> {
    let wanted: BTreeSet<&str> = batch.iter().map(|one| &*one.name).collect();
    let mut found = HashMap::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let list = match api.list(&page).await {
            Ok(list) => list,
            Err(error) => {
                let answer = Answer::to(&error);
                return batch.into_iter().map(|one| (one, answer.clone())).collect();
            }
        };
        for object in &list.items {
            let name = object.metadata.name.as_deref().unwrap_or_default();
            if wanted.contains(name) {
                found.insert(Box::<str>::from(name), Service::of(object));
            }
        }
        match list.metadata.continue_ {
            Some(token) if !token.is_empty() => page = page.continue_token(&token),
            Some(_) | None => break,
        }
    }
    let answer = |name: &str| {
        found
            .get(name)
            .cloned()
            .map_or(Answer::Absent, Answer::Found)
    };
    let answered = batch.into_iter().map(|one| {
        let answer = answer(&one.name);
        (one, answer)
    });
    answered.collect()
}

impl Answer {
    fn to(error: &Error) -> Self {
        match error {
            Error::Api(status) if status.code == 403 => {
                Self::Refused(status.message.as_str().into())
            }
            other => Self::Failed(other.to_string().into()),
        }
    }
}
