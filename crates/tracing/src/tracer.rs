//! What requests are traced by while a TracingService counts.

use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue};
use nuncio_config::{CustomTag, Propagation, TagValue, TracingDriver};
use nuncio_routing::{Sampling, Tracing};

use crate::export::Destination;
use crate::id::random_trace;
use crate::propagation::{Companions, extract};
use crate::sampling::decide;
use crate::span::{Tags, Text};
use crate::{SpanId, Trace};

/// The TracingService, ready to be asked by requests.
#[derive(Debug)]
pub struct Tracer {
    driver: TracingDriver,
    propagation: Box<[Propagation]>,
    sampling: Sampling,
    wide_ids: bool,
    tags: Box<[Tag]>,
    destination: Arc<Destination>,
}

/// A tag of every span.
#[derive(Debug)]
struct Tag {
    name: Arc<str>,
    header: Option<HeaderName>,
    /// What it says without the header; `None` = nothing.
    otherwise: Option<Arc<str>>,
}

/// How a request is traced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The trace it belongs to.
    pub trace: Trace,
    /// Its `x-request-id` from here on, when that has to say what was decided.
    pub request_id: Option<HeaderValue>,
}

const X_CLIENT_TRACE_ID: HeaderName = HeaderName::from_static("x-client-trace-id");

impl Tracer {
    /// Traces as `tracing` says, with the variables of an environment.
    pub fn new(tracing: &Tracing, variable: impl Fn(&str) -> Option<String>) -> Self {
        let tags = tracing.tags.iter().map(|tag| Tag::of(tag, &variable));
        Self {
            driver: tracing.driver,
            propagation: tracing.propagation.clone(),
            sampling: tracing.sampling,
            wide_ids: tracing.wide_ids,
            tags: tags.collect(),
            destination: Arc::new(Destination::of(tracing)),
        }
    }

    /// Finds the trace that a request belongs to, or begins one, and decides whether it is sampled:
    /// as who sent it did, else as Envoy would.
    pub fn begin(&self, headers: &HeaderMap, request_id: &[u8]) -> Begun {
        let incoming = extract(&self.propagation, headers);
        let has_client_trace = headers.contains_key(X_CLIENT_TRACE_ID);
        let decision = decide(&self.sampling, request_id, has_client_trace);
        let (id, parent) = match incoming.span {
            Some((id, parent)) => (id, Some(parent)),
            None => (random_trace(self.wide_ids), None),
        };
        let continued = parent.map(|_| id);
        let trace = Trace {
            id,
            span: SpanId::random(),
            parent,
            sampled: incoming.sampled.unwrap_or(decision.is_traced),
            companions: Companions::of(&self.propagation, headers, continued),
        };
        Begun {
            trace,
            request_id: decision.request_id,
        }
    }

    /// In which headers traces go on.
    pub fn propagation(&self) -> &[Propagation] {
        &self.propagation
    }

    /// Whose spans they are to look like.
    pub fn driver(&self) -> TracingDriver {
        self.driver
    }

    /// Where spans go.
    pub fn destination(&self) -> &Arc<Destination> {
        &self.destination
    }

    /// Says what every span of a request with these headers says.
    pub fn tag(&self, headers: &HeaderMap, tags: &mut Tags) {
        for tag in &self.tags {
            let sent = tag.header.as_ref().and_then(|name| headers.get(name));
            let sent = sent.map(|value| Text::of_bytes(value.as_bytes()));
            let otherwise = || {
                tag.otherwise
                    .as_ref()
                    .map(|text| Text::Shared(Arc::clone(text)))
            };
            if let Some(value) = sent.or_else(otherwise) {
                tags.set(Text::Shared(Arc::clone(&tag.name)), value);
            }
        }
    }
}

impl Tag {
    /// As in Envoy, a tag that would say nothing is left out.
    fn of(tag: &CustomTag, variable: impl Fn(&str) -> Option<String>) -> Self {
        let (header, otherwise) = match &tag.value {
            TagValue::Literal(text) => (None, Some(text.clone())),
            TagValue::Environment { name, default } => {
                let value = variable(name).filter(|value| !value.is_empty());
                (None, value.map(Box::from).or_else(|| default.clone()))
            }
            TagValue::RequestHeader { name, default } => (Some(name.clone()), default.clone()),
        };
        let otherwise = otherwise.filter(|text| !text.is_empty());
        Self {
            name: Arc::from(&*tag.tag),
            header,
            otherwise: otherwise.map(|text| Arc::from(&*text)),
        }
    }
}

#[cfg(test)]
mod tests;
