//! What becomes of a response's body on its way to the client.
//!
//! Invariant: what is sent has the length that the head says; whatever the upstream still sends of a
//! body that was replaced is taken and thrown away, so that its connection can be used again.

use bytes::Bytes;
use http::Method;
use pingora_core::protocols::http::HttpTask;

use super::gzip::Encoder;

/// One response's body.
#[derive(Debug, Default)]
pub(super) enum ResponseBody {
    /// It goes as it comes.
    #[default]
    Untouched,
    /// This goes instead, after the head.
    Replaced(Bytes),
    /// It went; what the upstream sends goes nowhere.
    Gone,
    /// It is compressed as it comes.
    Compressed(Box<Encoder>),
}

impl ResponseBody {
    /// This one instead of what the upstream sends, in a response to a request with `method`.
    pub(super) fn replaced(body: Bytes, method: &Method) -> Self {
        if body.is_empty() || *method == Method::HEAD {
            Self::Gone
        } else {
            Self::Replaced(body)
        }
    }

    /// What the client is sent when the upstream has sent `task`.
    pub(super) fn pass(&mut self, task: HttpTask) -> Vec<HttpTask> {
        let end = task.is_end();
        match (std::mem::take(self), task) {
            (Self::Untouched, task) => vec![task],
            (Self::Compressed(mut encoder), task) => {
                let tasks = encoder.encode(task);
                *self = Self::Compressed(encoder);
                tasks
            }
            (Self::Replaced(body), HttpTask::Header(head, _)) => {
                *self = Self::Gone;
                vec![
                    HttpTask::Header(head, false),
                    HttpTask::Body(Some(body), end),
                ]
            }
            (Self::Gone, head @ HttpTask::Header(..)) => {
                *self = Self::Gone;
                vec![head]
            }
            (gone @ (Self::Replaced(_) | Self::Gone), _) => {
                *self = gone;
                match end {
                    true => vec![HttpTask::Done],
                    false => Vec::new(),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use pingora_http::ResponseHeader;

    use super::*;

    fn head(end: bool) -> HttpTask {
        let head = ResponseHeader::build_no_case(503, None).unwrap();
        HttpTask::Header(Box::new(head), end)
    }

    fn data(text: &'static str, end: bool) -> HttpTask {
        HttpTask::Body(Some(Bytes::from_static(text.as_bytes())), end)
    }

    fn sent(body: &mut ResponseBody, tasks: Vec<HttpTask>) -> Vec<String> {
        tasks
            .into_iter()
            .flat_map(|task| body.pass(task))
            .map(|task| match task {
                HttpTask::Header(_, end) => format!("head {end}"),
                HttpTask::Body(Some(bytes), end) => {
                    format!("{} {end}", String::from_utf8_lossy(&bytes))
                }
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_body_goes_as_it_comes() {
        let tasks = vec![head(false), data("a", false), data("b", true)];
        let sent = sent(&mut ResponseBody::Untouched, tasks);
        assert_eq!(sent, ["head false", "a false", "b true"]);
    }

    #[test]
    fn a_replaced_body_goes_at_once_and_the_upstreams_goes_nowhere() {
        let mut body = ResponseBody::replaced("new".into(), &Method::GET);
        let tasks = vec![head(false), data("a", false), data("b", true)];
        assert_eq!(sent(&mut body, tasks), ["head false", "new false", "Done"]);
        let mut body = ResponseBody::replaced("new".into(), &Method::GET);
        assert_eq!(
            sent(&mut body, vec![head(true)]),
            ["head false", "new true"]
        );
    }

    #[test]
    fn a_head_alone_was_asked_for() {
        let mut body = ResponseBody::replaced("new".into(), &Method::HEAD);
        assert_eq!(sent(&mut body, vec![head(true)]), ["head true"]);
        let mut body = ResponseBody::replaced(Bytes::new(), &Method::GET);
        let tasks = vec![head(false), data("a", true)];
        assert_eq!(sent(&mut body, tasks), ["head false", "Done"]);
    }
}
