//! Where challenges stand, for all replicas to answer, and failures, for the next leader to know.
//!
//! ```text
//! the leader --> Secret <lease>-acme --> every replica's watch --> Publish::challenges
//! ```
//!
//! Invariant: an authority is not told to look before this gateway has seen the answer come back by
//! its own watch, as the others do.
//! Deliberately absent: which challenges there are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64ct::{Base64, Encoding};
use k8s_openapi::api::core::v1::Secret;
use nuncio_routing::{Issuance, SecretName};
use serde::Deserialize;
use tokio::sync::{Mutex, watch};
use tokio::time::timeout;

use super::failure::{Failed, Failure};
use super::vault::{self, Earnest, Unkept, Vault};
use crate::Publish;
use crate::change::Feed;
use crate::kubernetes::watch::{
    Candidates, Depth, Follower, Kind, Server, Stopped, Target, Told, Watch,
};

/// How long a gateway takes to hear of what it wrote.
const ECHO: Duration = Duration::from_secs(15);

/// How many answers stand at a time, and how many of them for one certificate.
const MOST_ANSWERS: usize = 100;
const MOST_ANSWERS_OF_ONE: usize = 10;

/// A token, and the thumbprint of a key (RFC 8555 section 8.1).
const LONGEST_ANSWER: usize = 300;

/// How many failures are known. Those that are written take less than half of what a Secret may have.
const MOST_FAILURES: usize = 4096;
const MOST_WRITTEN: usize = 512;

/// No key of a failure is longer: a namespace, and a digest.
const LONGEST_KEY: usize = 63 + 1 + 64;

/// Failures stand beside tokens, in which there is no dot.
const FAILURES: &str = "failures.json";

const BOARDS: Kind = Kind {
    feed: Feed::Issuances,
    name: "Secret",
    plural: "secrets",
};

/// The answers to challenges, by token.
pub(crate) type Answers = BTreeMap<Box<str>, Box<str>>;

/// Reads the board, as every replica does while certificates are wanted.
pub(crate) struct Onlooker {
    pub(super) server: Arc<Server>,
    pub(super) place: SecretName,
    pub(super) publish: Arc<dyn Publish>,
    /// `None` before it was read.
    pub(super) seen: watch::Sender<Option<Answers>>,
}

impl Onlooker {
    /// Answers challenges until nobody says any more what is wanted.
    pub(crate) async fn run(self, mut issuances: watch::Receiver<Arc<[Issuance]>>) {
        loop {
            let wanted = issuances.wait_for(|issuances| !issuances.is_empty());
            if wanted.await.is_err() {
                return;
            }
            tokio::select! {
                () = self.look() => return,
                ended = issuances.wait_for(|issuances| issuances.is_empty()) => {
                    if ended.is_err() {
                        return;
                    }
                }
            }
            self.publish.challenges(Answers::new());
        }
    }

    async fn look(&self) {
        let SecretName { namespace, name } = &self.place;
        let target = Target {
            fields: Some(format!("metadata.name={name}")),
            ..Target::new(("v1", BOARDS.plural), Some(namespace), Depth::Whole)
        };
        let reader = Reader {
            name: name.clone(),
            publish: Arc::clone(&self.publish),
            seen: self.seen.clone(),
            listed: None,
        };
        let watch = Watch::new(BOARDS, &self.server, Candidates::Known(target), reader);
        watch.run().await;
    }
}

/// Reads the board as it changes.
struct Reader {
    name: Box<str>,
    publish: Arc<dyn Publish>,
    seen: watch::Sender<Option<Answers>>,
    /// What an unfinished list brought.
    listed: Option<Answers>,
}

impl Reader {
    fn tell(&self, answers: Answers) {
        self.publish.challenges(answers.clone());
        self.seen.send_replace(Some(answers));
    }
}

impl Follower for Reader {
    async fn take(&mut self, told: Told<'_>) -> Result<(), Stopped> {
        match told {
            Told::Began => self.listed = None,
            Told::Item(object) if object.meta.name == self.name => {
                self.listed = Some(answers(object.text));
            }
            Told::Applied(object) if object.meta.name == self.name => {
                self.tell(answers(object.text));
            }
            Told::Removed(object) if object.meta.name == self.name => self.tell(Answers::new()),
            Told::Listed => {
                let listed = self.listed.take().unwrap_or_default();
                self.tell(listed);
            }
            // What was told before stands.
            Told::Item(_) | Told::Applied(_) | Told::Removed(_) => {}
            Told::Refused(_) | Told::Granted | Told::Absent => {}
        }
        Ok(())
    }
}

/// What stands on a board that the API server sent. What is no answer is left out.
fn answers(text: &str) -> Answers {
    #[derive(Default, Deserialize)]
    struct Board {
        #[serde(default)]
        data: Option<BTreeMap<Box<str>, String>>,
    }
    let board: Board = serde_json::from_str(text).unwrap_or_default();
    let data = board.data.into_iter().flatten();
    let answers = data.filter_map(|(token, answer)| {
        let answer = String::from_utf8(Base64::decode_vec(&answer).ok()?).ok()?;
        is_token(&token).then(|| (token, answer.into()))
    });
    answers.collect()
}

/// Whether it is made of what tokens are made of (RFC 8555 section 8.3), and may be a key of a Secret.
pub(super) fn is_token(text: &str) -> bool {
    let is_safe = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
    !text.is_empty() && text.len() <= 200 && text.bytes().all(is_safe)
}

/// Writes the board, as the leader does.
pub(super) struct Board {
    vault: Arc<Vault>,
    place: SecretName,
    seen: watch::Receiver<Option<Answers>>,
    standing: Mutex<Standing>,
}

/// The board as it was written last.
#[derive(Default)]
struct Standing {
    written: Option<Secret>,
    answers: BTreeMap<String, Posted>,
    failures: BTreeMap<String, Failure>,
}

/// An answer, and the certificate that it is for.
struct Posted {
    secret: SecretName,
    answer: String,
}

impl Standing {
    /// Whether there is room for one more answer of this certificate's.
    fn fits(&self, secret: &SecretName, (token, answer): (&str, &str)) -> bool {
        let own = |posted: &&Posted| posted.secret == *secret;
        let count = self.answers.values().filter(own).count();
        let is_own = self.answers.get(token).is_none_or(|it| own(&it));
        is_own
            && count < MOST_ANSWERS_OF_ONE
            && self.answers.len() < MOST_ANSWERS
            && answer.len() <= LONGEST_ANSWER
    }
}

/// Leaves the `most`, at the cost of whoever has most of them.
fn prune(failures: &mut BTreeMap<String, Failure>, most: usize) {
    while failures.len() > most {
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for key in failures.keys() {
            *counts.entry(tenant(key)).or_default() += 1;
        }
        let greediest = counts.into_iter().max_by_key(|(_, count)| *count);
        let of_greediest = |key: &&String| greediest.is_some_and(|(of, _)| tenant(key) == of);
        let own = failures.iter().filter(|(key, _)| of_greediest(key));
        let Some(first) = own
            .min_by_key(|(_, it)| it.until)
            .map(|(key, _)| key.clone())
        else {
            return;
        };
        failures.remove(&first);
    }
}

/// The namespace, which a failure's key begins with.
fn tenant(key: &str) -> &str {
    key.split_once('/').map_or("", |(tenant, _)| tenant)
}

impl Board {
    pub(super) fn new(
        vault: &Arc<Vault>,
        place: SecretName,
        seen: watch::Receiver<Option<Answers>>,
    ) -> Self {
        Self {
            vault: Arc::clone(vault),
            place,
            seen,
            standing: Mutex::default(),
        }
    }

    /// Begins a term: what was forgotten of failures is known again, and challenges of a former leader
    /// are taken down. Whether a failure's certificate is wanted is not asked: it may not be known yet.
    pub(super) async fn begin_term(&self) -> Result<(), Unkept> {
        let mut standing = self.standing.lock().await;
        let written = self.vault.read(&self.place).await?;
        if written
            .as_ref()
            .is_some_and(|written| !vault::is_ours(written))
        {
            return Err(Unkept::Refused {
                verb: "replace",
                name: self.place.clone(),
                why: "the gateway did not make it".to_owned(),
            });
        }
        let failures = written.as_ref().map(|it| vault::value(it, FAILURES));
        let failures = failures.and_then(|text| serde_json::from_slice(text).ok());
        let mut failures: BTreeMap<String, Failure> = failures.unwrap_or_default();
        let now = SystemTime::now();
        failures.retain(|of, it| of.len() <= LONGEST_KEY && it.is_worth_keeping(now));
        *standing = Standing {
            written,
            answers: BTreeMap::new(),
            failures,
        };
        self.write(&mut standing).await
    }

    /// Puts an answer up, and waits until it is seen.
    pub(super) async fn post(
        &self,
        secret: &SecretName,
        (token, answer): (&str, &str),
    ) -> Result<(), Failed> {
        {
            let mut standing = self.standing.lock().await;
            if !standing.fits(secret, (token, answer)) {
                return Err(Failed::because("there is no room for another proof"));
            }
            let posted = Posted {
                secret: secret.clone(),
                answer: answer.to_owned(),
            };
            standing.answers.insert(token.to_owned(), posted);
            if let Err(unkept) = self.write(&mut standing).await {
                standing.answers.remove(token);
                return Err(unkept.into());
            }
        }
        Ok(self.until_seen(|seen| seen.contains_key(token)).await?)
    }

    /// Waits until this gateway sees what stands here.
    pub(super) async fn until_watched(&self) -> Result<(), Unkept> {
        self.until_seen(|_seen| true).await
    }

    async fn until_seen(&self, is_it: impl Fn(&Answers) -> bool) -> Result<(), Unkept> {
        let mut seen = self.seen.clone();
        let echo = seen.wait_for(|seen| seen.as_ref().is_some_and(&is_it));
        match timeout(ECHO, echo).await {
            Ok(Ok(_seen)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Unkept::Trouble {
                verb: "watch",
                name: self.place.clone(),
                why: "what is written there does not come back".to_owned(),
            }),
        }
    }

    /// Takes down the answers for a certificate, if they can be.
    pub(super) async fn take_down(&self, secret: &SecretName) {
        let mut standing = self.standing.lock().await;
        let before = standing.answers.len();
        standing
            .answers
            .retain(|_, posted| posted.secret != *secret);
        if standing.answers.len() == before {
            return;
        }
        // Otherwise they go with the next write; an answer that stands harms nobody.
        drop(self.write(&mut standing).await);
    }

    /// What is remembered of failures.
    pub(super) async fn failure(&self, of: &str) -> Option<Failure> {
        self.standing.lock().await.failures.get(of).cloned()
    }

    /// Remembers a failure, or that there is none any more.
    pub(super) async fn remember(&self, of: &str, failure: Option<Failure>) {
        let mut standing = self.standing.lock().await;
        let failures = &mut standing.failures;
        let differs = match failure {
            Some(failure) => failures.insert(of.to_owned(), failure).is_none_or(|_| true),
            None => failures.remove(of).is_some(),
        };
        if differs {
            let now = SystemTime::now();
            failures.retain(|_, it| it.is_worth_keeping(now));
            prune(failures, MOST_FAILURES);
            // It is remembered here in any case.
            drop(self.write(&mut standing).await);
        }
    }

    async fn write(&self, standing: &mut Standing) -> Result<(), Unkept> {
        let mut again = true;
        loop {
            match self.write_once(standing).await {
                Err(Unkept::Conflict(_)) if std::mem::take(&mut again) => {
                    standing.written = self.vault.read(&self.place).await?;
                }
                done => return done,
            }
        }
    }

    async fn write_once(&self, standing: &mut Standing) -> Result<(), Unkept> {
        let mut data: BTreeMap<String, Vec<u8>> = BTreeMap::new();
        let answers = standing.answers.iter();
        data.extend(
            answers.map(|(token, posted)| (token.clone(), posted.answer.clone().into_bytes())),
        );
        if !standing.failures.is_empty() {
            let mut failures = standing.failures.clone();
            prune(&mut failures, MOST_WRITTEN);
            let failures = serde_json::to_vec(&failures).unwrap_or_default();
            data.insert(FAILURES.to_owned(), failures);
        }
        let before = standing.written.as_ref();
        let next = vault::made(&self.place, before, ("Opaque", data));
        if before.is_some_and(|before| before.data == next.data) {
            return Ok(());
        }
        let written = self.vault.write(&self.place, &next, Earnest::Written).await;
        standing.written = Some(written?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_answers_are_read_off_a_board() {
        let text = r#"{"data": {"to-ken_1": "YW5zd2Vy", "failures.json": "e30=", "bad": "!"}}"#;
        let expected = Answers::from([("to-ken_1".into(), "answer".into())]);
        assert_eq!(answers(text), expected);
        for empty in ["{}", r#"{"data":null}"#, "7", ""] {
            assert_eq!(answers(empty), Answers::new(), "{empty}");
        }
    }

    fn failed(until: u64) -> Failure {
        Failure {
            until,
            reason: "\"".repeat(300),
            ..Failure::default()
        }
    }

    #[test]
    fn one_tenant_fills_no_board() {
        let greedy = (0..2000).map(|n| (format!("{:g>63}/{n:064}", ""), failed(n + 9)));
        let others = (0..99).map(|n| (format!("other-{n}/{n:064}"), failed(0)));
        let mut failures: BTreeMap<_, _> = greedy.chain(others).collect();
        prune(&mut failures, MOST_WRITTEN);
        assert_eq!(failures.len(), MOST_WRITTEN);
        let others = failures.keys().filter(|key| key.starts_with("other-"));
        assert_eq!(others.count(), 99);
        // Those that are due soonest went.
        assert!(failures.values().all(|it| it.until == 0 || it.until > 1500));
        assert!(serde_json::to_vec(&failures).unwrap().len() < 512 * 1024);
    }

    #[test]
    fn a_board_has_room_for_everybody() {
        let [greedy, other] = ["a", "b"].map(|name| SecretName {
            namespace: "default".into(),
            name: name.into(),
        });
        let mut standing = Standing::default();
        for number in 0..MOST_ANSWERS_OF_ONE {
            let token = format!("token-{number}");
            assert!(standing.fits(&greedy, (&token, "answer")));
            let posted = Posted {
                secret: greedy.clone(),
                answer: "answer".to_owned(),
            };
            standing.answers.insert(token, posted);
        }
        assert!(!standing.fits(&greedy, ("more", "answer")));
        assert!(standing.fits(&other, ("more", "answer")));
        assert!(!standing.fits(&other, ("more", &"a".repeat(LONGEST_ANSWER + 1))));
        // Nobody replaces the answer of another.
        assert!(!standing.fits(&other, ("token-0", "answer")));
    }

    #[test]
    fn nothing_but_a_token_is_a_key() {
        assert!(is_token("evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA"));
        for none in ["", FAILURES, "a/b", "a b", "..", &"a".repeat(201)] {
            assert!(!is_token(none), "{none}");
        }
    }
}
