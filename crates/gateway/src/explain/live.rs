//! Asks the admin port of a running gateway.
//!
//! Invariant: an answer is bounded in time and size.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::Bytes;
use http::header::HOST;
use http::uri::{Authority, Scheme};
use http::{Request, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use nuncio_routing::Explanation;
use serde::Deserialize;
use tokio::net::TcpStream;

/// What the gateway at `admin` says.
pub(super) fn ask(
    admin: &Uri,
    method: &str,
    url: &str,
    headers: &[String],
) -> anyhow::Result<Explanation> {
    let authority = authority(admin)?;
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("method", method).append_pair("url", url);
    for header in headers {
        query.append_pair("header", header);
    }
    let target = format!(
        "{}/explain?{}",
        admin.path().trim_end_matches('/'),
        query.finish()
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let asked = runtime
        .block_on(async { tokio::time::timeout(PATIENCE, exchange(authority, &target)).await });
    let (status, body) = asked
        .context("no answer in time")
        .flatten()
        .with_context(|| format!("cannot ask {authority}"))?;
    read(status, &body).with_context(|| format!("{authority} answers {status}"))
}

const PATIENCE: Duration = Duration::from_secs(30);

fn authority(admin: &Uri) -> anyhow::Result<&Authority> {
    match (admin.authority(), admin.scheme()) {
        (Some(authority), None) => Ok(authority),
        (Some(authority), Some(scheme)) if *scheme == Scheme::HTTP => Ok(authority),
        (_, _) => bail!("{admin} is no admin address; write http://127.0.0.1:8877"),
    }
}

async fn exchange(authority: &Authority, target: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(80))).await?;
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let _driven = tokio::spawn(connection);
    let request = Request::get(target)
        .header(HOST, authority.as_str())
        .body(Empty::<Bytes>::new())?;
    let answer = sender.send_request(request).await?;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok((status, body.to_bytes()))
}

const MAX_ANSWER: usize = 16 << 20;

#[derive(Deserialize)]
struct Refused {
    error: String,
}

fn read(status: StatusCode, body: &[u8]) -> anyhow::Result<Explanation> {
    if status == StatusCode::OK {
        return serde_json::from_slice(body).context("that is no explanation");
    }
    match serde_json::from_slice::<Refused>(body) {
        // It may be any server's; nothing of it may reach a terminal unescaped.
        Ok(refused) => bail!("{}", refused.error.escape_debug()),
        Err(_) => bail!("that is no gateway's admin port"),
    }
}
