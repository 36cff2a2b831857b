//! TCP keepalive as a Mapping says it, in the words of those who set it.

use std::time::Duration;

use nuncio_config::Keepalive;
use pingora_core::protocols::TcpKeepalive;

/// What Linux does where nothing is said (tcp(7)): two hours, then nine probes, 75 s apart.
const TIME: u32 = 7200;
const INTERVAL: u32 = 75;
const PROBES: u32 = 9;

/// For a connection that Pingora makes, which takes all three values or none.
pub(super) fn of_pingora(keepalive: &Keepalive) -> TcpKeepalive {
    TcpKeepalive {
        idle: seconds(keepalive.time.unwrap_or(TIME)),
        interval: seconds(keepalive.interval.unwrap_or(INTERVAL)),
        count: keepalive.probes.unwrap_or(PROBES) as usize,
        user_timeout: Duration::ZERO,
    }
}

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
