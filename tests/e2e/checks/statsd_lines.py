"""What reaches a statsd exporter beside the gateway, with nothing configured."""

import socket
import time
from pathlib import Path

from harness import http
from harness.gateway import Gateway
from harness.manifests import mapping, service
from harness.ports import is_free
from harness.statsd import LINE, Listener, normalised
from harness.upstream import Upstream
from harness.verdict import Skipped, expect, expect_equal
from harness.waiting import until

PORT = 8125
SENT = 41
FIXTURE = Path(__file__).parents[1] / "fixtures" / "envoy_statsd_names.txt"

# Read by the exporter's users: the 2017 tutorial's dashboard and its successors.
REQUIRED = {
    ("cluster.<cluster>.membership_healthy", "g"),
    ("cluster.<cluster>.upstream_cx_total", "c"),
    ("cluster.<cluster>.upstream_rq_2xx", "c"),
    ("cluster.<cluster>.upstream_rq_<code>", "c"),
    ("cluster.<cluster>.upstream_rq_time", "ms"),
    ("cluster.<cluster>.upstream_rq_total", "c"),
    ("cluster_manager.active_clusters", "g"),
    ("http.<prefix>.downstream_cx_total", "c"),
    ("http.<prefix>.downstream_rq_2xx", "c"),
    ("http.<prefix>.downstream_rq_time", "ms"),
    ("http.<prefix>.downstream_rq_total", "c"),
    ("listener.<listener>.downstream_cx_total", "c"),
    ("server.live", "g"),
}


def a_listener_found_at_start_receives_envoys_lines(setting):
    if not is_free(PORT, socket.SOCK_DGRAM):
        raise Skipped(f"UDP port {PORT} of 127.0.0.1 is taken")
    with Upstream("httpbin", setting.directory) as upstream, Listener(PORT) as listener:
        to = f"127.0.0.1:{upstream.port}"
        config = setting.config_directory(httpbin=service("httpbin", mapping("m", "/httpbin/", to)))
        with Gateway(setting, config, statsd=None) as gateway:
            with http.Connection(gateway.http) as connection:
                for number in range(SENT):
                    expect_equal(connection.get("/httpbin/").status, 200, f"request {number}")
            until(lambda: _answered(listener) >= SENT, f"{SENT} requests in the deltas", seconds=5)
            flushed = len(listener.datagrams())
            until(lambda: len(listener.datagrams()) > flushed, "the next flush", seconds=5)
        expect_equal(_answered(listener), SENT, "the sum of the deltas of upstream_rq_2xx")
        return _compare(listener.datagrams())


def statsd_can_be_switched_off(setting):
    if not is_free(PORT, socket.SOCK_DGRAM):
        raise Skipped(f"UDP port {PORT} of 127.0.0.1 is taken")
    with Listener(PORT) as listener:
        with Gateway(setting, setting.config_directory(), statsd="false") as gateway:
            gateway.get("/")
            # Two flushes and a half.
            deadline = time.monotonic() + 2.5
            while time.monotonic() < deadline:
                expect_equal(listener.datagrams(), [], "datagrams with STATSD_ENABLED=false")
                time.sleep(0.1)


def _answered(listener):
    sums = listener.sums()
    return sum(
        delta
        for name, delta in sums.items()
        if name.startswith("cluster.")
        and name.endswith(".upstream_rq_2xx")
        and name.count(".") == 2
    )


def _compare(datagrams):
    """Holds every datagram against the grammar and the names that Envoy sends."""
    known = {
        tuple(line.rsplit(" ", 1))
        for line in FIXTURE.read_text(encoding="utf-8").splitlines()
        if not line.startswith("#")
    }
    malformed = [datagram for datagram in datagrams if not LINE.fullmatch(datagram)]
    expect_equal(malformed[:5], [], "datagrams that are not one line of Envoy's")
    matches = map(LINE.fullmatch, datagrams)
    names = {(normalised(match["name"]), match["type"]) for match in matches}
    expect_equal(sorted(names - known), [], "statistics that Envoy does not send")
    expect_equal(sorted(REQUIRED - names), [], "statistics that are missing")
    return f"{len(datagrams)} datagrams, {len(names)} statistics"


CHECKS = [a_listener_found_at_start_receives_envoys_lines, statsd_can_be_switched_off]
