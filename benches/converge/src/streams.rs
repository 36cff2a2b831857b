//! A WebSocket and a gRPC stream that are open while the configuration changes.
//!
//! Invariant: a stream counts as alive when what it is sent last comes back.

use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use nuncio_tests::calls;
use nuncio_tests::client::Client2;
use nuncio_tests::upstream::http2::{Upstream2, piece};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::client::Client;
use crate::scene::Scene;

/// Both streams, open.
pub(crate) struct Streams {
    websocket: TcpStream,
    call: Call,
    _client: Client2,
    _upstream: Upstream2,
}

struct Call {
    to: h2::SendStream<Bytes>,
    from: h2::RecvStream,
}

const PATIENCE: Duration = Duration::from_secs(10);

/// How long their Mappings may take to be live.
const LIVE: Duration = Duration::from_secs(30);

impl Streams {
    pub(crate) async fn open(scene: &Scene) -> anyhow::Result<Self> {
        let upstream = Upstream2::start(calls::echo).await;
        let (port, grpc) = (scene.port(), upstream.service());
        let annotation = format!(
            "---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: websocket\n\
             prefix: /websocket/\nservice: 127.0.0.1:{port}\nallow_upgrade: [websocket]\n\
             ---\napiVersion: getambassador.io/v2\nkind: Mapping\nname: grpc\n\
             prefix: /grpc/\nservice: {grpc}\ngrpc: true\ntimeout_ms: 0\nidle_timeout_ms: 0\n"
        );
        scene.api.put_service("streams", "streams", &annotation);
        let websocket = timeout(LIVE, websocket(scene)).await?;
        let client = Client2::connect(scene.gateway.http).await;
        let (response, to) = client
            .start(calls::call("/grpc/bench.Echo/Call"), false)
            .await;
        let (_, from) = timeout(PATIENCE, calls::answered(response)).await??;
        Ok(Self {
            websocket,
            call: Call { to, from },
            _client: client,
            _upstream: upstream,
        })
    }

    /// Whether both carry what they are sent.
    pub(crate) async fn are_alive(&mut self) -> anyhow::Result<()> {
        timeout(PATIENCE, self.exchange())
            .await
            .context("a stream is silent")?
    }

    async fn exchange(&mut self) -> anyhow::Result<()> {
        let (mut back, sent) = ([0; 4], b"ping");
        self.websocket.write_all(sent).await?;
        self.websocket.read_exact(&mut back).await?;
        ensure!(back == *sent, "the WebSocket gave back something else");
        // The length of a gRPC message goes before it.
        let message = Bytes::from_static(b"\0\0\0\0\x04ping");
        Client2::send_piece(&mut self.call.to, message.clone()).await;
        let back = piece(&mut self.call.from).await;
        ensure!(back == Some(message), "the call gave back something else");
        Ok(())
    }
}

/// Tries until the Mapping is live.
async fn websocket(scene: &Scene) -> TcpStream {
    loop {
        if let Ok(client) = Client::connect(scene.gateway.http).await
            && let Ok(tunnel) = client.upgrade("/websocket/").await
        {
            return tunnel;
        }
        sleep(Duration::from_millis(5)).await;
    }
}
