"""Traffic of every kind that dashboards tell apart, through Mappings made for it."""

import contextlib
import json
import re
import socket
import subprocess
import threading
from pathlib import Path

from harness import curl, http
from harness.certificates import secret
from harness.manifests import documents, mapping, service
from harness.ports import free
from harness.verdict import expect_equal
from harness.waiting import until

_WEBSOCKET = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
_CERTIFICATE = Path(__file__).parents[1] / "fixtures" / "self_signed.pem"
_TIMEOUT_MS = 100
_AT_ONCE = 6


def manifest(port):
    """A Service whose Mappings lead to the upstream at `port`, each to a cluster of its own name; a port
    that is carried there; and a certificate, which is found by its name."""
    nobody, carried = free(2)
    to, dead = f"127.0.0.1:{port}", f"127.0.0.1:{nobody}"
    breaker = "[{max_connections: 1, max_pending_requests: 1}]"
    retries = "{retry_on: 5xx, num_retries: 2}"
    pair = _CERTIFICATE.read_bytes()
    certificate = secret("ambassador-certs", {"tls.crt": pair, "tls.key": pair})
    scenarios = service(
        "scenarios",
        mapping("httpbin_mapping", "/httpbin/", to, stats_name="httpbin"),
        mapping("shop", "/shop/", to, stats_name="shop"),
        mapping("shop_canary", "/shop/", to, stats_name="shop_canary", weight=20),
        mapping("retried", "/retried/", to, stats_name="retried", retry_policy=retries),
        mapping("slow", "/slow/", to, stats_name="slow", timeout_ms=_TIMEOUT_MS, rewrite="/delay/"),
        mapping("dead", "/dead/", dead, stats_name="dead"),
        mapping(
            "limited",
            "/limited/",
            to,
            stats_name="limited",
            circuit_breakers=breaker,
            rewrite="/delay/",
        ),
        mapping("upgraded", "/upgraded/", to, stats_name="upgraded", use_websocket="true"),
        "---\napiVersion: ambassador/v0\nkind: OutlierDetection\nname: strict\n",
        mapping("watched", "/watched/", to, stats_name="watched", outlier_detection="strict"),
        "---\napiVersion: getambassador.io/v2\nkind: TCPMapping\nname: carried\n"
        f"port: {carried}\nservice: {to}\nstats_name: carried\n",
    )
    return documents(scenarios, json.dumps(certificate) + "\n")


def play(gateway):
    """Every scenario once."""
    for scenario in (
        _answers,
        _retries,
        _timeouts,
        _nobody_there,
        _too_many,
        _upgrades,
        _http2,
        _over_tls,
        _carried,
        _malformed,
        _client_leaves,
    ):
        scenario(gateway)


def _answers(gateway):
    with http.Connection(gateway.http) as connection:
        for status in (200, 201, 204, 302, 304, 404, 429, 500, 503):
            answer = connection.get(f"/httpbin/status/{status}")
            expect_equal(answer.status, status, f"GET /httpbin/status/{status}")
        for _ in range(20):
            connection.get("/httpbin/get")
        connection.get("/watched/get")
        connection.get("/shop/get")
        expect_equal(connection.get("/nowhere").status, 404, "GET /nowhere")


def _retries(gateway):
    expect_equal(gateway.get("/retried/status/503").status, 503, "a request that is retried")
    expect_equal(gateway.get("/retried/get").status, 200, "a request that need not be")


def _timeouts(gateway):
    expect_equal(gateway.get(f"/slow/{_TIMEOUT_MS * 20}").status, 504, "a request that is too slow")


def _nobody_there(gateway):
    expect_equal(gateway.get("/dead/").status, 503, "a request to a dead upstream")


def _too_many(gateway):
    def ask():
        # Whoever is turned away is told so; that is what the counters are asked about.
        gateway.get("/limited/200")

    clients = [threading.Thread(target=ask) for _ in range(_AT_ONCE)]
    for client in clients:
        client.start()
    for client in clients:
        client.join()


def _upgrades(gateway):
    with http.Connection(gateway.http) as connection:
        answer = connection.get("/upgraded/", headers=_WEBSOCKET)
        expect_equal(answer.status, 101, "an upgrade")


def _http2(gateway):
    url = f"http://127.0.0.1:{gateway.http}/httpbin/get"
    command = ["curl", "-sS", "--http2-prior-knowledge", "-o", "-", "-w", "%{http_version}", url]
    said = subprocess.run(command, capture_output=True, text=True, timeout=10)
    expect_equal(said.stdout[-1:], "2", f"curl's HTTP version ({said.stderr})")


def _over_tls(gateway):
    until(
        lambda: curl.status(gateway.https, "gateway.test", "/httpbin/get") == 200,
        "a request over TLS is answered",
    )


def _carried(gateway):
    page = http.get(gateway.metrics, "/metrics").body.decode()
    [port] = set(re.findall(r'envoy_tcp_prefix="ingress_tcp_(\d+)"', page))
    for _ in range(3):
        expect_equal(http.get(int(port), "/get").status, 200, "an answer that is carried")


def _malformed(gateway):
    with socket.create_connection(("127.0.0.1", gateway.http), timeout=5) as client:
        client.sendall(b"GET\r\n\r\n")
        expect_equal(client.recv(1024).split(b" ")[1], b"400", "the answer to a malformed request")


def _client_leaves(gateway):
    def in_flight():
        page = http.get(gateway.metrics, "/metrics").body.decode()
        return 'envoy_cluster_upstream_rq_active{envoy_cluster_name="limited"} 1' in page

    with contextlib.closing(socket.create_connection(("127.0.0.1", gateway.http))) as client:
        client.sendall(b"GET /limited/1000 HTTP/1.1\r\nHost: gateway.test\r\n\r\n")
        until(in_flight, "the request of a client that is about to leave is in flight")
