//! Routes that answer a request, or nearly do.
//!
//! A Route is near when the request is on its way (the path fits, whatever else does not), or when
//! nothing but the path is wrong and that not by far.

use nuncio_config::{Location, PathMatch};
use serde::{Deserialize, Serialize};

use super::condition::{Missed, missed, rule};
use crate::{MappingSelector, RequestHead, Route};

/// One Route beside a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    /// Its place among all Routes, from 1: lower is tried first.
    pub rank: usize,
    /// The Mapping, as `namespace/name`.
    pub mapping: String,
    /// Where it was written; `None` for what is built in.
    pub at: Option<String>,
    /// All its conditions, in the words of a Mapping.
    pub rule: String,
    /// What became of it.
    pub verdict: Verdict,
}

/// What became of a candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It answers so many percent of such requests.
    Takes(u8),
    /// All conditions hold, but its weight gives it nothing that is left.
    NoShare,
    /// All conditions hold, but earlier Routes take all such requests.
    TooLate,
    /// A condition does not hold; others may not, either.
    Fails {
        /// `host`, `labels`, `path`, `method`, `header <name>` or `query parameter <name>`.
        condition: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The candidates so far.
pub(super) struct Candidates<'h> {
    host: &'h MappingSelector,
    considered: usize,
    answering: Vec<Candidate>,
    /// With their distance.
    near: Vec<(usize, Candidate)>,
    /// The distance of the farthest that is told of, once there are enough.
    farthest: Option<usize>,
}

/// How many candidates are told that do not answer.
const MAX_NEAR: usize = 32;

impl<'h> Candidates<'h> {
    /// Those of a Host.
    pub(super) fn of(host: &'h MappingSelector) -> Self {
        Self {
            host,
            considered: 0,
            answering: Vec::new(),
            near: Vec::new(),
            farthest: None,
        }
    }

    /// Looks at the next Route; `taken` percent have been answered. Gives the percent it answers.
    pub(super) fn consider(&mut self, route: &Route, head: &RequestHead<'_>, taken: u8) -> u8 {
        self.considered += 1;
        let missed = missed(route, head, self.host);
        let Some(unmet) = missed.first else {
            return self.fits(route, taken);
        };
        if let Some(distance) = distance(route, head, &missed)
            && self.is_wanted(distance)
        {
            let (condition, reason) = unmet.told(route, head);
            let candidate = self.candidate(route, Verdict::Fails { condition, reason });
            self.add_near(distance, candidate);
        }
        0
    }

    fn fits(&mut self, route: &Route, taken: u8) -> u8 {
        let percent = route.share.below.saturating_sub(taken);
        match (percent, taken) {
            (0, 100) if !self.is_wanted(0) => {}
            (0, 100) => self.add_near(0, self.candidate(route, Verdict::TooLate)),
            (0, _) => self.add_near(0, self.candidate(route, Verdict::NoShare)),
            (percent, _) => {
                let candidate = self.candidate(route, Verdict::Takes(percent));
                self.answering.push(candidate);
            }
        }
        percent
    }

    /// The candidates in the order of trying, and how many Routes are not among them.
    pub(super) fn finish(mut self) -> (Vec<Candidate>, usize) {
        self.narrow();
        let near = self.near.into_iter().map(|(_, candidate)| candidate);
        let mut candidates = self.answering;
        candidates.extend(near);
        candidates.sort_by_key(|candidate| candidate.rank);
        let others = self.considered - candidates.len();
        (candidates, others)
    }

    fn candidate(&self, route: &Route, verdict: Verdict) -> Candidate {
        Candidate {
            rank: self.considered,
            mapping: route.mapping.to_string(),
            at: route.at.as_ref().map(place),
            rule: rule(route),
            verdict,
        }
    }

    /// Whether a further Route at this distance would be told of.
    fn is_wanted(&self, distance: usize) -> bool {
        self.near.len() < MAX_NEAR || self.farthest.is_none_or(|farthest| distance < farthest)
    }

    fn add_near(&mut self, distance: usize, candidate: Candidate) {
        self.near.push((distance, candidate));
        if self.near.len() >= 4 * MAX_NEAR {
            self.narrow();
        }
    }

    /// Keeps the nearest, of equally near ones those that are tried first.
    fn narrow(&mut self) {
        self.near
            .sort_by_key(|(distance, candidate)| (*distance, candidate.rank));
        self.near.truncate(MAX_NEAR);
        self.farthest = match self.near.len() {
            MAX_NEAR => self.near.last().map(|(distance, _)| *distance),
            _ => None,
        };
    }
}

/// Greater is farther; `None` = not worth telling.
fn distance(route: &Route, head: &RequestHead<'_>, missed: &Missed<'_>) -> Option<usize> {
    match (missed.path, missed.others) {
        (false, others) => Some(others),
        (true, 0) => is_near(&route.path, head.path).then_some(1),
        (true, _) => None,
    }
}

/// Whether a path is wrong by little: it has at least half of the text in common, in any case.
fn is_near(wanted: &PathMatch, path: &str) -> bool {
    let text = match wanted {
        PathMatch::Prefix(text) | PathMatch::Exact(text) => text.as_str(),
        PathMatch::Regex(_) => return true,
    };
    let same = |(a, b): &(u8, u8)| a.eq_ignore_ascii_case(b);
    let common = text.bytes().zip(path.bytes()).take_while(same).count();
    common > 1 && common * 2 >= text.len()
}

/// A place on one line: `httpbin.yaml:9` or `Service default/httpbin, document 1, line 2`.
pub(super) fn place(at: &Location) -> String {
    match &at.file {
        Some(file) => format!("{file}:{}", at.line),
        None => format!("{}, document {}, line {}", at.object, at.document, at.line),
    }
}
