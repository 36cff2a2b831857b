//! gRPC calls through a gateway, as clients and upstreams make them.

use h2::RecvStream;
use http::{Method, Request, response};

use crate::client::Client2;
use crate::gateway::{Gateway, mapping};
use crate::upstream::http2::{Call, Upstream2, piece, trailers};

/// What a head of gRPC says of itself.
pub const GRPC: &[(&str, &str)] = &[("content-type", "application/grpc"), ("te", "trailers")];

/// A gateway that sends `/a/` to `upstream` over HTTP/2, and a client of it.
pub async fn gateway_to(upstream: &Upstream2) -> (Gateway, Client2) {
    let gateway = Gateway::start(&mapping("/a/", &upstream.service(), "grpc: true"));
    let client = Client2::connect(gateway.address()).await;
    (gateway, client)
}

/// The head of a call.
pub fn call(path: &str) -> Request<()> {
    Client2::request(Method::POST, path, GRPC)
}

/// A head, and what follows it.
///
/// # Errors
/// When there is none.
pub async fn answered(
    response: h2::client::ResponseFuture,
) -> Result<(response::Parts, RecvStream), h2::Error> {
    Ok(response.await?.into_parts())
}

/// Sends back every piece of the body as it comes, and then says OK.
///
/// # Panics
/// When the gateway does not take it.
pub async fn echo(call: Call) {
    let (mut body, mut stream) = call.head(&[("content-type", "application/grpc")]);
    while let Some(piece) = piece(&mut body).await {
        Client2::send_piece(&mut stream, piece).await;
    }
    stream
        .send_trailers(trailers(&[("grpc-status", "0")]))
        .unwrap();
}
