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
EARLY = 12
SENT = 41
FIXTURE = Path(__file__).parents[1] / "fixtures" / "envoy_statsd_names.txt"

# Envoy's too, but sent only by one that has drained a listener; the capture's did not.
BEYOND_FIXTURE = {("listener_manager.total_listeners_draining", "g")}

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
        counter = f"cluster.127_0_0_1_{upstream.port}.upstream_rq_2xx"
        with Gateway(setting, config, statsd=None) as gateway:
            # The first batch may come before the listener is found: counters remember, timers do
            # not.
            _send(gateway, EARLY)
            _await_sum(listener, counter, EARLY)
            _send(gateway, SENT - EARLY)
            _await_sum(listener, counter, SENT)
            flushed = len(listener.datagrams())
            until(lambda: len(listener.datagrams()) > flushed, "the next flush", seconds=5)
        expect_equal(listener.sums()[counter], SENT, f"the sum of the deltas of {counter}")
        return _compare(listener.datagrams())


def statsd_can_be_switched_off(setting):
    if not is_free(PORT, socket.SOCK_DGRAM):
        raise Skipped(f"UDP port {PORT} of 127.0.0.1 is taken")
    with Listener(PORT) as listener:
        with Gateway(setting, setting.config_directory(), statsd="false") as gateway:
            gateway.get("/")
            # Two flushes and a half. Other gateways on this machine may find the listener too.
            deadline = time.monotonic() + 2.5
            while time.monotonic() < deadline:
                ours = [line for line in listener.datagrams() if f"_{gateway.http}." in line]
                expect_equal(ours, [], "datagrams with STATSD_ENABLED=false")
                time.sleep(0.1)


def _send(gateway, count):
    with http.Connection(gateway.http) as connection:
        for _ in range(count):
            expect_equal(connection.get("/httpbin/").status, 200, "GET /httpbin/")


def _await_sum(listener, counter, wanted):
    until(lambda: listener.sums()[counter] >= wanted, f"{counter} adds up to {wanted}", seconds=5)


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
    expect_equal(sorted(names - known - BEYOND_FIXTURE), [], "statistics that Envoy does not send")
    expect_equal(sorted(REQUIRED - names), [], "statistics that are missing")
    return f"{len(datagrams)} datagrams, {len(names)} statistics"


CHECKS = [a_listener_found_at_start_receives_envoys_lines, statsd_can_be_switched_off]
