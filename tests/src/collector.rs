//! A collector of spans that reads what it is sent by the formats' specifications alone.

mod message_pack;
mod protobuf;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::control::eventually;
use crate::upstream::http2::{Call, Upstream2, trailers, whole};
use crate::upstream::{Answer, Received, Upstream};
use message_pack::Packed;
use protobuf::Fields;

/// A running collector. Ends when dropped.
#[derive(Debug)]
pub struct Collector {
    format: Format,
    server: Server,
}

/// How spans are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Zipkin v2, JSON.
    ZipkinJson,
    /// Zipkin v2, protobuf.
    ZipkinProto,
    /// OTLP, protobuf by HTTP.
    OtlpHttp,
    /// OTLP by gRPC.
    OtlpGrpc,
    /// Datadog's agent.
    Datadog,
}

#[derive(Debug)]
enum Server {
    Http(Upstream),
    Grpc(Upstream2, Arc<Mutex<Vec<Vec<u8>>>>),
}

/// One span, whatever it was written in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Whose it is.
    pub service: String,
    /// The trace: 32 hexadecimal digits, or 16.
    pub trace: String,
    /// 16 hexadecimal digits.
    pub id: String,
    /// 16 hexadecimal digits.
    pub parent: Option<String>,
    /// What was done.
    pub name: String,
    /// `client` or `server`.
    pub kind: String,
    /// Microseconds.
    pub duration: u64,
    /// What else is said.
    pub tags: BTreeMap<String, String>,
}

impl Collector {
    /// Takes whatever it is sent.
    pub async fn start(format: Format) -> Self {
        let answer = match format {
            Format::ZipkinJson | Format::ZipkinProto => {
                Answer::text("HTTP/1.1 202 Accepted\ncontent-length: 0\n\n")
            }
            Format::OtlpHttp | Format::Datadog => Answer::ok("{}"),
            Format::OtlpGrpc => return Self::grpc().await,
        };
        Self::answering(format, move |_: &Received| answer.clone()).await
    }

    /// Answers by HTTP as `script` says. What is answered with an error counts as not taken.
    pub async fn answering(
        format: Format,
        script: impl Fn(&Received) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let server = Server::Http(Upstream::start(script).await);
        Self { format, server }
    }

    async fn grpc() -> Self {
        let bodies: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let taken = Arc::clone(&bodies);
        let server = Upstream2::start(move |call: Call| {
            let taken = Arc::clone(&taken);
            async move {
                let (mut body, mut answer) = call.head(&[("content-type", "application/grpc")]);
                let (body, _) = whole(&mut body).await;
                taken.lock().unwrap().push(body[5..].to_vec());
                answer
                    .send_data(bytes::Bytes::from_static(&[0; 5]), false)
                    .unwrap();
                answer
                    .send_trailers(trailers(&[("grpc-status", "0")]))
                    .unwrap();
            }
        });
        Self {
            format: Format::OtlpGrpc,
            server: Server::Grpc(server.await, bodies),
        }
    }

    /// `127.0.0.1:port`, for `service:`.
    pub fn service(&self) -> String {
        match &self.server {
            Server::Http(server) => server.service(),
            Server::Grpc(server, _) => server.service(),
        }
    }

    /// The requests by HTTP so far.
    ///
    /// # Panics
    /// When it speaks gRPC.
    pub fn received(&self) -> Vec<Received> {
        match &self.server {
            Server::Http(server) => server.received(),
            Server::Grpc(..) => panic!("it speaks gRPC"),
        }
    }

    /// All spans so far.
    pub fn seen(&self) -> Vec<Seen> {
        let bodies = match &self.server {
            Server::Http(server) => {
                let whole = server.received().into_iter().filter(|one| one.complete);
                whole.map(|one| one.body).collect()
            }
            Server::Grpc(_, bodies) => bodies.lock().unwrap().clone(),
        };
        bodies
            .iter()
            .flat_map(|body| read(self.format, body))
            .collect()
    }

    /// Waits for so many spans.
    pub async fn until(&self, count: usize) -> Vec<Seen> {
        eventually("the spans have come", || self.seen().len() >= count).await;
        self.seen()
    }
}

fn read(format: Format, body: &[u8]) -> Vec<Seen> {
    match format {
        Format::ZipkinJson => {
            let spans: Vec<Value> = serde_json::from_slice(body).unwrap();
            spans.iter().map(of_zipkin_json).collect()
        }
        Format::ZipkinProto => {
            let spans = Fields::read(body).all(1);
            spans
                .iter()
                .map(|span| of_zipkin_proto(&Fields::read(span)))
                .collect()
        }
        Format::OtlpHttp | Format::OtlpGrpc => of_otlp(body),
        Format::Datadog => {
            let traces = Packed::read(body).items();
            let spans = traces.into_iter().flat_map(Packed::items);
            spans.map(|span| of_datadog(&span.entries())).collect()
        }
    }
}

fn of_zipkin_json(span: &Value) -> Seen {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let tags = span["tags"].as_object().unwrap().iter();
    Seen {
        service: text(&span["localEndpoint"]["serviceName"]),
        trace: text(&span["traceId"]),
        id: text(&span["id"]),
        parent: span.get("parentId").map(text),
        name: text(&span["name"]),
        kind: text(&span["kind"]).to_lowercase(),
        duration: span["duration"].as_u64().unwrap(),
        tags: tags
            .map(|(name, value)| (name.clone(), text(value)))
            .collect(),
    }
}

/// `zipkin.proto3.Span`
fn of_zipkin_proto(span: &Fields) -> Seen {
    let endpoint = Fields::read(&span.bytes(8));
    let tags = span.all(11).iter().map(|tag| key_value(tag)).collect();
    Seen {
        service: endpoint.text(1),
        trace: hex(&span.bytes(1)),
        id: hex(&span.bytes(3)),
        parent: Some(hex(&span.bytes(2))).filter(|id| !id.is_empty()),
        name: span.text(5),
        kind: ["", "client", "server"][usize::try_from(span.number(4)).unwrap()].to_owned(),
        duration: span.number(7),
        tags,
    }
}

/// `ExportTraceServiceRequest`
fn of_otlp(body: &[u8]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for of_resource in Fields::read(body).all(1) {
        let of_resource = Fields::read(&of_resource);
        let resource = Fields::read(&of_resource.bytes(1));
        let attributes: BTreeMap<_, _> = resource.all(1).iter().map(|a| attribute(a)).collect();
        for of_scope in of_resource.all(2) {
            for span in Fields::read(&of_scope).all(2) {
                let service = attributes["service.name"].clone();
                seen.push(of_otlp_span(service, &Fields::read(&span)));
            }
        }
    }
    seen
}

fn of_otlp_span(service: String, span: &Fields) -> Seen {
    let kind = usize::try_from(span.number(6)).unwrap();
    Seen {
        service,
        trace: hex(&span.bytes(1)),
        id: hex(&span.bytes(2)),
        parent: Some(hex(&span.bytes(4))).filter(|id| !id.is_empty()),
        name: span.text(5),
        kind: ["", "internal", "server", "client"][kind].to_owned(),
        duration: (span.number(8) - span.number(7)) / 1000,
        tags: span.all(9).iter().map(|tag| attribute(tag)).collect(),
    }
}

/// `KeyValue`, of which the value is an `AnyValue`.
fn attribute(pair: &[u8]) -> (String, String) {
    let pair = Fields::read(pair);
    (pair.text(1), Fields::read(&pair.bytes(2)).text(1))
}

fn key_value(pair: &[u8]) -> (String, String) {
    let pair = Fields::read(pair);
    (pair.text(1), pair.text(2))
}

fn of_datadog(span: &BTreeMap<String, Packed>) -> Seen {
    let mut tags: BTreeMap<_, _> = span["meta"].clone().entries();
    let upper = tags
        .remove("_dd.p.tid")
        .map(Packed::text)
        .unwrap_or_default();
    let id = |key: &str| format!("{:016x}", span[key].number());
    Seen {
        service: span["service"].clone().text(),
        trace: format!("{upper}{}", id("trace_id")),
        id: id("span_id"),
        parent: Some(id("parent_id")).filter(|id| *id != "0000000000000000"),
        name: span["resource"].clone().text(),
        kind: tags.remove("span.kind").map(Packed::text).unwrap(),
        duration: span["duration"].number() / 1000,
        tags: tags
            .into_iter()
            .map(|(name, value)| (name, value.text()))
            .chain((span["error"].number() == 1).then(|| ("error".to_owned(), "true".to_owned())))
            .collect(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
