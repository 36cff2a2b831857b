//! What the live snapshot does with a request: `GET /explain?method=&url=&header=`.
//!
//! `method` is GET unless said; `header` may be repeated. The answer is JSON: an explanation, or an
//! `error` with 400 for what is no request and 503 before there is a snapshot.
//!
//! Invariant: the question is as small as the head of a request to this port; the answer is bounded.

use bytes::Bytes;
use http::StatusCode;
use nuncio_routing::{InvalidQuestion, Question};
use serde::Serialize;

use crate::admin::Published;
use crate::reply::{JSON, Reply};

pub(crate) fn reply(published: Option<&Published>, query: Option<&str>) -> Reply {
    let question = match question(query.unwrap_or_default()) {
        Ok(question) => question,
        Err(error) => return refused(StatusCode::BAD_REQUEST, &error.to_string()),
    };
    let Some(published) = published else {
        return refused(
            StatusCode::SERVICE_UNAVAILABLE,
            "no configuration was read yet",
        );
    };
    json(StatusCode::OK, &published.snapshot.explain(&question))
}

fn question(query: &str) -> Result<Question, InvalidQuestion> {
    let (mut method, mut url) = (None, None);
    let mut headers = Vec::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "method" => method = Some(value),
            "url" => url = Some(value),
            "header" => headers.push(value),
            _ => {}
        }
    }
    Question::parse(
        method.as_deref().unwrap_or("GET"),
        url.as_deref().unwrap_or_default(),
        headers.iter().map(AsRef::as_ref),
    )
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
}

fn refused(status: StatusCode, error: &str) -> Reply {
    json(status, &Refused { error })
}

fn json(status: StatusCode, value: &impl Serialize) -> Reply {
    // Neither has a map with keys that are no text, which is all that can fail.
    let body = serde_json::to_vec(value).unwrap_or_default();
    Reply::new(status, JSON, Bytes::from(body))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::SystemTime;

    use nuncio_config::{Identity, ObjectRef, Origin, parse_annotation};
    use nuncio_routing::{Explanation, compile};

    use super::*;

    fn published() -> Published {
        let text = "{apiVersion: ambassador/v1, kind: Mapping, name: m, prefix: /a/, service: s, \
                    method: POST, headers: {x-a: a&b}}";
        let object = Arc::new(ObjectRef {
            kind: "Service".into(),
            namespace: "default".into(),
            name: "s".into(),
        });
        let identity = Identity::default();
        let parsed = parse_annotation(text, &Origin::api(object), &identity);
        Published {
            snapshot: Arc::new(compile(&parsed.resources, parsed.diagnostics, &identity, 1)),
            at: SystemTime::UNIX_EPOCH,
            standing: crate::Standing::default(),
        }
    }

    fn explanation(query: &str) -> Explanation {
        let reply = reply(Some(&published()), Some(query));
        assert_eq!(reply.status, StatusCode::OK);
        serde_json::from_slice(reply.whole()).unwrap()
    }

    #[test]
    fn the_live_snapshot_is_asked() {
        let all = explanation("method=POST&url=http://x/a/b%3Fc&header=X-A%3A+a%26b&other=1");
        assert_eq!(all.answers[0].mapping, "default/m");
        assert_eq!(all.request.query.as_deref(), Some("c"));
        assert_eq!(explanation("url=/a/").unanswered_percent, 100);
    }

    #[test]
    fn what_is_no_request_is_told_so() {
        for query in [
            None,
            Some("url=ftp://x"),
            Some("method=A+B&url=/"),
            Some("url=/&header=x"),
        ] {
            let reply = reply(Some(&published()), query);
            assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{query:?}");
            assert!(reply.whole().starts_with(b"{\"error\":\""), "{query:?}");
        }
    }

    #[test]
    fn nothing_can_be_explained_before_there_is_a_snapshot() {
        let reply = reply(None, Some("url=/"));
        assert_eq!(reply.status, StatusCode::SERVICE_UNAVAILABLE);
    }
}
