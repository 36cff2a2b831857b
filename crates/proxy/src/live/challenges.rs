//! What authorities that prove names by HTTP are to be told (RFC 8555 section 8.3).
//!
//! Invariant: swapped as a whole by one atomic store, past the snapshots; every worker sees it with
//! its next request.
//! Deliberately absent: which names are to be proven, and to whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use bytes::Bytes;

/// Where challenges are asked for.
const PLACE: &str = "/.well-known/acme-challenge/";

/// The answers there are, by token; `None` while there is none, as nearly always.
#[derive(Debug, Default)]
pub(crate) struct Challenges(ArcSwapOption<BTreeMap<Box<str>, Bytes>>);

impl Challenges {
    /// From now on these are the answers, by token.
    pub(super) fn set(&self, answers: BTreeMap<Box<str>, Box<str>>) {
        let answers = answers.into_iter();
        let answers: BTreeMap<_, _> = answers
            .map(|(token, answer)| (token, Bytes::from(String::from(answer))))
            .collect();
        self.0
            .store((!answers.is_empty()).then(|| Arc::new(answers)));
    }

    /// The answer to whoever asks for `path`.
    pub(super) fn answer(&self, path: &str) -> Option<Bytes> {
        let token = path.strip_prefix(PLACE)?;
        self.0.load().as_ref()?.get(token).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_answered_for_as_long_as_it_is_known() {
        let challenges = Challenges::default();
        let asked = "/.well-known/acme-challenge/token";
        assert_eq!(challenges.answer(asked), None);
        challenges.set(BTreeMap::from([("token".into(), "token.print".into())]));
        assert_eq!(
            challenges.answer(asked).as_deref(),
            Some(&b"token.print"[..])
        );
        for other in [
            "/token",
            "/.well-known/acme-challenge/",
            "/.well-known/acme-challenge/x",
        ] {
            assert_eq!(challenges.answer(other), None, "{other}");
        }
        challenges.set(BTreeMap::new());
        assert_eq!(challenges.answer(asked), None);
    }
}
