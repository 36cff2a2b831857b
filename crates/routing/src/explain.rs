//! Why a request is answered as it is.
//!
//! Invariant: for every [`Draw`], [`Explanation::answer`] names the Route that
//! [`RouteTable::find_selected`](crate::RouteTable::find_selected) gives for the Host. What is said is bounded, whatever the
//! configuration and the question.
//! Deliberately absent: what happens to a request before it is routed, except that its path is
//! brought into its one spelling and that headers are dropped; and I/O.

mod admission;
mod candidate;
mod condition;
mod format;
mod outcome;
mod question;
mod text;

use serde::{Deserialize, Serialize};

pub use admission::Admission;
pub use candidate::{Candidate, Verdict};
pub use outcome::{Forwarded, Outcome, Shadowed, Upstream};
pub use question::{Asked, InvalidQuestion, Question};

use crate::path::readings;
use crate::{Draw, MappingSelector, RequestHead, Route, Snapshot};
use admission::Standing;
use candidate::Candidates;
use outcome::Circumstances;

/// What a [`Snapshot`] does with one request, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// The request, as routing sees it.
    pub request: Asked,
    /// Why the request is answered with 400 without being routed.
    pub refused: Option<String>,
    /// The Host that answers for it, as it is written.
    pub host: Option<String>,
    /// Whether that lets it in.
    pub admission: Admission,
    /// Who answers, by ascending [`Draw`]. Several when Mappings share requests by weight.
    pub answers: Vec<Answer>,
    /// How many percent of such requests nobody answers: 404.
    pub unanswered_percent: u8,
    /// Routes that answer or nearly do, in the order in which they are tried.
    pub candidates: Vec<Candidate>,
    /// How many Routes are not listed.
    pub others: usize,
}

/// Who answers a share of the requests.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Of how many percent of such requests.
    pub percent: u8,
    /// The Mapping, as `namespace/name`.
    pub mapping: String,
    /// Where it was written; `None` for what is built in.
    pub at: Option<String>,
    /// What happens to the request.
    pub outcome: Outcome,
}

impl Explanation {
    /// Who answers a request with this Draw; `None` = 404.
    pub fn answer(&self, draw: Draw) -> Option<&Answer> {
        let mut below = 0_u8;
        self.answers.iter().find(|answer| {
            below = below.saturating_add(answer.percent);
            draw.is_below(below)
        })
    }
}

impl Snapshot {
    /// Explains what happens to a request.
    pub fn explain(&self, question: &Question) -> Explanation {
        let connections = &self.settings.connections;
        let (request, refused) = question.asked(connections);
        let headers = question.headers(connections);
        let head = RequestHead {
            method: &question.method,
            host: &request.host,
            path: &request.path,
            query: request.query.as_deref(),
            headers: &headers,
        };
        let standing = Standing::of(&self.listening, &request.scheme, head.host);
        let refused = refused.or_else(|| self.is_anybodys(&head, standing.selector()));
        let circumstances = Circumstances {
            snapshot: self,
            question,
            head: &head,
        };
        let mut taken = 0;
        let mut first = None;
        let mut answers = Vec::new();
        let mut candidates = Candidates::of(standing.selector());
        for route in self.routes.iter().filter(|_| refused.is_none()) {
            let percent = candidates.consider(route, &head, taken);
            if percent > 0 {
                taken += percent;
                first = first.or(Some(&**route));
                answers.push(answer(route, percent, &circumstances));
            }
        }
        let (candidates, others) = candidates.finish();
        Explanation {
            refused,
            host: standing.host().map(|host| host.hostname.to_string()),
            admission: standing.admission(first),
            answers,
            unanswered_percent: 100 - taken,
            candidates,
            others,
            request,
        }
    }
}

impl Snapshot {
    /// Why a request is refused whose path is read in more than one way.
    fn is_anybodys(&self, head: &RequestHead<'_>, host: &MappingSelector) -> Option<String> {
        let is_ambiguous = |draw| {
            let found = self.routes.find_selected(head, draw, host);
            found.is_some_and(|found| self.routes.is_ambiguous(head, (draw, host), found))
        };
        // For most paths there is no other reading, and this is said at once.
        readings(head.path).next()?;
        let why = "servers read the path in different ways, by which different Mappings take it";
        Draw::all().any(is_ambiguous).then(|| why.to_owned())
    }
}

fn answer(route: &Route, percent: u8, circumstances: &Circumstances<'_>) -> Answer {
    Answer {
        percent,
        mapping: route.mapping.to_string(),
        at: route.at.as_ref().map(candidate::place),
        outcome: circumstances.outcome(route),
    }
}
