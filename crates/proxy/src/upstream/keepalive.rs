//! TCP keepalive as a Mapping says it, in the words of who sets it.

use std::time::Duration;

use nuncio_config::Keepalive;

/// For a socket.
pub(super) fn of_socket(keepalive: &Keepalive) -> socket2::TcpKeepalive {
    let mut wanted = socket2::TcpKeepalive::new();
    if let Some(time) = keepalive.time {
        wanted = wanted.with_time(seconds(time));
    }
    if let Some(interval) = keepalive.interval {
        wanted = wanted.with_interval(seconds(interval));
    }
    if let Some(probes) = keepalive.probes {
        wanted = wanted.with_retries(probes);
    }
    wanted
}

fn seconds(count: u32) -> Duration {
    Duration::from_secs(count.into())
}
