//! A WebSocket and a gRPC stream that are open while the configuration changes.
//!
//! Invariant: a stream counts as alive when what it is sent last comes back.

use std::time::Duration;

use anyhow::Context;
use nuncio_load::{Call, Client, Http2, Tunnel};
use nuncio_tests::calls;
use nuncio_tests::upstream::http2::Upstream2;
use tokio::time::{sleep, timeout};

use crate::scene::Scene;

/// Both streams, open.
pub(crate) struct Streams {
    websocket: Tunnel,
    call: Call,
    _client: Http2,
    _upstream: Upstream2,
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
        let client = Http2::connect(scene.gateway.http).await?;
        let call = timeout(PATIENCE, client.call("/grpc/bench.Echo/Call")).await??;
        Ok(Self {
            websocket,
            call,
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
        self.websocket.echo().await.context("the WebSocket")?;
        self.call.echo().await.context("the call")
    }
}

/// Tries until the Mapping is live.
async fn websocket(scene: &Scene) -> Tunnel {
    loop {
        if let Ok(client) = Client::connect(scene.gateway.http).await
            && let Ok(tunnel) = client.upgrade("/websocket/").await
        {
            return tunnel;
        }
        sleep(Duration::from_millis(5)).await;
    }
}
